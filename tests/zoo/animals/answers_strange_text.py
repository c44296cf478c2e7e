"""Text with lone surrogates, NUL, control characters, right-to-left marks, and None."""

TEXTS = ["\ud800", "a\0b", "\x1b[31mred", "\u202eevil", "", None, "<b>", "::error::x", "é"]


def predict(records):
    return [TEXTS[row % len(TEXTS)] for row in range(len(records))]
