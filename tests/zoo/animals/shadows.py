"""Imports modules whose names the harness uses too: it must get its own and the standard library's."""

import statistics


def predict(records):
    assert "site-packages" not in statistics.__file__
    assert statistics.fmean([1, 3]) == 2
    try:
        import harness
    except ImportError:
        harness = None
    try:
        import files
    except ImportError:
        files = None
    return [2 * record["x"] + 1 if harness is files is None else None for record in records]
