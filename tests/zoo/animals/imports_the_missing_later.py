"""Imports what its lock file does not have, at the first prediction."""


def predict(records):
    import no_such_library_at_all

    return no_such_library_at_all.predict(records)
