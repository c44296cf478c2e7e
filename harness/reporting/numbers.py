"""Numbers as a person reads them: nothing is ever rounded to 0% or 100%, and every kind of nothing has a word."""

from __future__ import annotations

from math import inf, isfinite, isnan, nan

NONE = "–"
_WORDS = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}


def as_float(value: object) -> float | None:
    """The number that a record holds, where "NaN" and "Infinity" are strings; None for anything else.

    >>> as_float("Infinity"), as_float(2), as_float("two")
    (inf, 2.0, None)
    """
    if isinstance(value, str):
        return _WORDS.get(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def number(value: object) -> str:
    """Four significant digits and thousands separators; whole numbers in full.

    >>> number(44.127), number(12345), number(12345.678), number(3e-9), number(None), number("NaN")
    ('44.13', '12,345', '12,346', '3e-09', '–', 'NaN')
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    x = as_float(value)
    if x is None:
        return NONE
    if isnan(x):
        return "NaN"
    if not isfinite(x):
        return "infinity" if x > 0 else "-infinity"
    short = float(f"{x:.4g}")
    if short == 0:
        return "0"
    if 1000 <= abs(short) < 1e15:
        return f"{x:,.0f}"
    return f"{short:.4g}"


def percent(count: object, total: object = None) -> str:
    """`count` of `total`, or a share, as a percentage that is 0% or 100% only where it is so exactly.

    >>> percent(0.44), percent(89, 2000), percent(1, 100_000), percent(99_999, 100_000), percent(3, 3)
    ('44%', '4.5%', '<0.1%', '>99.9%', '100%')
    >>> percent(0, 0)
    '–'
    """
    a, b = as_float(count), 1.0 if total is None else as_float(total)
    if a is None or not b or not isfinite(a) or not isfinite(b):
        return number(count) if total is None else NONE
    # compared before the division: 10**17 - 1 of 10**17 is 1.0 as a float
    if total is not None and count == total:
        return "100%"
    if a == 0:
        return "0%"
    share = a / b
    if share < 0:
        return "-" + percent(-share)
    whole = total is None and share == 1
    x = share * 100
    if x < 0.1:
        return "<0.1%"
    if not whole and 99.9 < x <= 100:
        return ">99.9%"
    text = f"{x:.1f}" if x < 9.95 else f"{x:,.0f}"
    if text == "100" and not whole:
        text = f"{x:.1f}" if x < 100 else ">100"
    return f"{text}%"


def signed(value: object, relative: bool) -> str:
    """A change with its sign, as a percentage where it is `relative`; three significant digits.

    >>> signed(-0.00234, True), signed(0.02, False), signed("NaN", True)
    ('-0.234%', '+0.02', 'NaN')
    """
    x = as_float(value)
    if x is None or not isfinite(x):
        return number(value)
    if x == 0:
        return "0%" if relative else "0"
    return f"{x * 100:+.3g}%" if relative else f"{x:+.3g}"
