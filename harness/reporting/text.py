"""Values as text that can be shown anywhere: on a terminal, in a page, in a pull request.

Values come from data and from models, so they may hold anything: terminal sequences, control characters, marks that
reverse the direction of reading, halves of surrogate pairs. What leaves here is one line of visible characters.
"""

from __future__ import annotations

import json
import re
import unicodedata

LIMIT = 300
"""Characters of one value that are shown; the whole value is in report.json."""

_SEQUENCES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]?")
_SPACES = re.compile(r"\s+")
# Cc: control, Cf: format (bidirectional overrides, zero width), Cs: surrogates, Co: private use, Cn: unassigned
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")


def clean(value: object, limit: int = LIMIT) -> str:
    r"""One line of visible characters, cut to `limit` characters.

    >>> clean("a\x1b[31mred\x1b[0m\nb\u202e\x00")
    'ared b'
    """
    # cut first: the searches below need not see a megabyte
    text = _SEQUENCES.sub("", str(value)[: 8 * limit])
    text = "".join(mark for mark in text if mark.isspace() or unicodedata.category(mark) not in _HIDDEN)
    text = _SPACES.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(value: object, limit: int = 80) -> str:
    """A value of a case: floats in full (a change of 1e-9 must be seen), nested values as JSON.

    >>> shown(0.1 + 0.2), shown(None), shown(True), shown({"a": [1]})
    ('0.30000000000000004', 'null', 'true', '{"a":[1]}')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict | list):
        return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str), limit)
    text = clean(value, limit)
    return text if text else '""'


def columns(text: str) -> int:
    """Columns that a terminal needs for `text`: East Asian wide characters take two, combining marks none.

    >>> columns("ab"), columns("模型"), columns("e\u0301")
    (2, 4, 1)
    """
    return sum(_columns(mark) for mark in text)


def _columns(mark: str) -> int:
    if unicodedata.combining(mark):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def cut(text: str, width: int, mark: str = "…") -> str:
    """`text` in at most `width` columns, with `mark` where something was left out."""
    if columns(text) <= width:
        return text
    kept, used = "", columns(mark)
    for one in text:
        used += _columns(one)
        if used > width:
            break
        kept += one
    return kept.rstrip() + mark


def wrap(text: str, width: int, indent: str = "  ") -> list[str]:
    """`text` whole, on lines of at most `width` columns, broken at words where that is possible.

    >>> wrap("one two three", 9)
    ['one two', '  three']
    """
    lines, line = [], ""
    for word in text.split(" "):
        if line.strip() and columns(line) + 1 + columns(word) > width:
            lines.append(line.rstrip())
            line = indent
        line += word if not line.strip() else " " + word
        while columns(line) > width:
            fits = 0
            while columns(line[: fits + 1]) <= width:
                fits += 1
            lines.append(line[:fits])
            line = indent + line[fits:]
    return [*lines, line.rstrip()]
