"""`where = "district == 'north' and year < 1950"`: a small language for the cases that a rule judges.

Read once to a frozen value; nothing is ever evaluated as code. The grammar, loosest first:

    condition  = all {"or" all}
    all        = one {"and" one}
    one        = "not" one | "(" condition ")" | test
    test       = operand ("==" | "!=" | "<" | "<=" | ">" | ">=") operand
               | column ["not"] "in" "(" literal {"," literal} ")"
               | column "is" ["not"] "null"
    operand    = column | literal
    literal    = number | 'text' | "text" | "true" | "false" | 2024-01-31 | 2024-01-31T12:00:00
    column     = name | `any name`

Quotes and backquotes are doubled inside themselves. A date is the midnight that begins it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from harness.compare.conditions import (
    COMPARE,
    FLIPPED,
    Comparison,
    Condition,
    Literal,
    Member,
    Misfit,
    Named,
    Not,
    Null,
    Several,
)
from harness.errors import HarnessError, Mark, did_you_mean
from harness.tables import Bools, Column

KEYWORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
DEEPEST = 50
"""Parentheses and `not`s inside one another; nobody reads more, and a recursion has to end."""

_TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<quoted>`(?:[^`]|``)+`)
    |(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?!\w))
    |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>==|!=|<=|>=|<|>|\(|\)|,)
    """,
    re.VERBOSE,
)
_HINTS = {
    "=": "equality is written ==",
    "&": "write and",
    "|": "write or",
    "!": "write not, or !=",
    "~": "write not",
    "'": "the text has no closing quote",
    '"': "the text has no closing quote",
    "`": "the name has no closing backquote",
}
_EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on the inputs, read. Two are equal when they say the same, however they are spaced.

    >>> north = parse("district == 'north' and year < 1950")
    >>> north.columns
    ('district', 'year')
    >>> north.mask({"district": Column.of(["north", "north", None]), "year": Column.of([1949, 1950, 1900])}).tolist()
    [True, False, False]
    """

    text: str = field(compare=False)
    tree: Condition
    place: str = field(default="", compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs, sorted."""
        return tuple(sorted(set(self.tree.names())))

    def mask(self, columns: Mapping[str, Column]) -> Bools:
        """(n,) the cases that it holds for; columns have length n. Raises HarnessError E27 where a column is
        missing or holds what it is not compared with here."""
        self._known(columns)
        n = len(columns[self.columns[0]])
        try:
            return self.tree.mask(columns, n)
        except Misfit as error:
            raise self._misfit(error) from None

    def check(self, kinds: Mapping[str, str]) -> None:
        """The same complaints before there are cases: `kinds` by column, "" where unknown."""
        self._known(kinds)
        try:
            self.tree.fits(kinds)
        except Misfit as error:
            raise self._misfit(error) from None

    def _known(self, names: Iterable[str]) -> None:
        known = list(names)
        for column in _named(self.tree):
            if column.name not in known:
                raise _error(
                    f"no column is named {column.name}",
                    self.text,
                    column.at,
                    self.place,
                    did_you_mean(column.name, known),
                )

    def _misfit(self, error: Misfit) -> HarnessError:
        return _error(error.words, self.text, error.at, self.place, error.hint or "mend the condition")


def parse(text: str, place: str = "") -> Where:
    """Read a condition; `place` is where it stands, for the message of an error (E27, with a caret).

    >>> parse("year < 1950 annd new == 1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    harness.errors.HarnessError: E27 cannot read the condition: expected and, or, or its end, at character 13 of ...
      where: year < 1950 annd new == 1
                         ^
      next: did you mean "and"?
    """
    reader = _Reader(text, place)
    tree = reader.either(0)
    if reader.kind != "end":
        raise reader.wrong(
            "expected and, or, or its end",
            did_you_mean(reader.token, ("and", "or")) if reader.kind == "name" else "",
        )
    return Where(text, tree, place)


def column_alone(text: str) -> str | None:
    """The column's name, where the text is one and nothing else.

    >>> column_alone("district"), column_alone("`number of rooms`"), column_alone("year < 1950")
    ('district', 'number of rooms', None)
    """
    found = _TOKENS.fullmatch(text.strip())
    if found is None or found.lastgroup not in ("name", "quoted"):
        return None
    name = found.group()
    if found.lastgroup == "quoted":
        return name[1:-1].replace("``", "`")
    return None if name.lower() in KEYWORDS else name


def written(name: str) -> str:
    """A column's name as the grammar writes it.

    >>> written("year"), written("number of rooms")
    ('year', '`number of rooms`')
    """
    return name if column_alone(name) == name else "`" + name.replace("`", "``") + "`"


class _Reader:
    """The text, and the token that comes next."""

    def __init__(self, text: str, place: str) -> None:
        self.text, self.place, self.end = text, place, 0
        self.kind, self.token, self.at = "", "", 0
        self.advance()

    def advance(self) -> None:
        self.at = self.end
        while True:
            if self.at >= len(self.text):
                self.kind, self.token, self.end = "end", "", self.at
                return
            found = _TOKENS.match(self.text, self.at)
            if found is None:
                strange = self.text[self.at]
                self.token = strange
                raise self.wrong(f"{strange!r} is not understood", _HINTS.get(strange, ""))
            self.end = found.end()
            if found.lastgroup != "space":
                break
            self.at = self.end
        self.kind, self.token = str(found.lastgroup), found.group()
        if self.kind == "name" and self.token.lower() in KEYWORDS:
            self.kind = self.token = self.token.lower()
        elif self.kind == "sign":
            self.kind = self.token

    def wrong(self, words: str, hint: str = "", at: int | None = None) -> HarnessError:
        hint = hint or "docs/configuration.md shows the grammar"
        at = self.at if at is None else at
        return _error(f"cannot read the condition: {words}", self.text, at, self.place, hint)

    def take(self, kind: str, words: str) -> None:
        if self.kind != kind:
            raise self.wrong(f"expected {words}")
        self.advance()

    def either(self, depth: int) -> Condition:
        parts = [self.every(depth)]
        while self.kind == "or":
            self.advance()
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Several(tuple(parts), either=True)

    def every(self, depth: int) -> Condition:
        parts = [self.one(depth)]
        while self.kind == "and":
            self.advance()
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Several(tuple(parts))

    def one(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} conditions stand inside one another")
        if self.kind == "not":
            self.advance()
            return Not(self.one(depth + 1))
        if self.kind == "(":
            self.advance()
            inner = self.either(depth + 1)
            self.take(")", "a closing parenthesis")
            return inner
        return self.test()

    def test(self) -> Condition:
        left = self.operand()
        if self.kind in COMPARE:
            return self.comparison(left)
        if isinstance(left, Literal):
            raise self.wrong("expected a comparison: ==, !=, <, <=, > or >=")
        if self.kind == "is":
            self.advance()
            negated = self.negated()
            self.take("null", "null")
            return Null(left, negated)
        negated = self.negated()
        if self.kind == "in":
            self.advance()
            return Member(left, self.values(), negated)
        raise self.wrong(
            "expected a comparison, in or is null",
            f"a truth is asked for by name: {written(left.name)} == true" if self.kind == "end" else "",
        )

    def negated(self) -> bool:
        if self.kind != "not":
            return False
        self.advance()
        return True

    def comparison(self, left: Named | Literal) -> Condition:
        sign, start = self.token, left.at
        self.advance()
        right = self.operand()
        if self.kind in COMPARE:
            raise self.wrong("a comparison has two sides", "write 1 < x and x < 5")
        if isinstance(left, Named):
            return Comparison(left, sign, right)
        if isinstance(right, Named):
            return Comparison(right, FLIPPED[sign], left)
        raise self.wrong("two values and no column", "one side names a column", at=start)

    def values(self) -> tuple[Literal, ...]:
        self.take("(", "an opening parenthesis")
        found = [self.literal()]
        while self.kind == ",":
            self.advance()
            found.append(self.literal())
        self.take(")", "a comma or a closing parenthesis")
        return tuple(found)

    def literal(self) -> Literal:
        found = self.operand()
        if isinstance(found, Named):
            raise self.wrong("expected a value", f"a text is written in quotes: '{found.name}'", at=found.at)
        return found

    def operand(self) -> Named | Literal:
        kind, token, at = self.kind, self.token, self.at
        found: Named | Literal
        if kind == "name":
            found = Named(token, at)
        elif kind == "quoted":
            found = Named(token[1:-1].replace("``", "`"), at)
        elif kind == "text":
            found = Literal("text", token[1:-1].replace(token[0] * 2, token[0]), at)
        elif kind in ("true", "false"):
            found = Literal("true or false", kind == "true", at)
        elif kind == "number":
            found = Literal("numbers", self.number(token), at)
        elif kind == "date":
            found = Literal("dates", self.date(token), at)
        elif kind == "null":
            raise self.wrong("null is compared with nothing", "write is null, or is not null")
        else:
            raise self.wrong("expected a column or a value", "" if kind == "end" else f"{token} stands there")
        self.advance()
        return found

    def number(self, token: str) -> float:
        # beyond 25 digits nothing is exact any more, and Python refuses whole numbers of thousands of them
        value = int(token) if token.lstrip("+-").isdecimal() and len(token) < 25 else float(token)
        if not isfinite(value):
            raise self.wrong("the number is infinite")
        return value

    def date(self, token: str) -> int:
        stamp, _, fraction = token.partition(".")
        try:
            since = datetime.datetime.fromisoformat(stamp) - _EPOCH
        except ValueError as error:
            raise self.wrong(f"no such date: {error}") from None
        return (since.days * 86_400 + since.seconds) * 10**9 + int(fraction.ljust(9, "0") or 0)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return f'"{words if len(words) <= 60 else words[:59] + "…"}"'


def _named(tree: Condition) -> list[Named]:
    match tree:
        case Comparison():
            return [side for side in (tree.left, tree.right) if isinstance(side, Named)]
        case Member() | Null():
            return [tree.column]
        case Not():
            return _named(tree.inner)
        case Several():
            return [column for part in tree.parts for column in _named(part)]


def _error(words: str, text: str, at: int, place: str, hint: str) -> HarnessError:
    """The place in the text is marked by a caret below the line that it is on; and counted in the message, which
    may be all that a log keeps."""
    before, after = text[:at].rpartition("\n")[2], text[at:].partition("\n")[0]
    mark = Mark(place, before + after, len(before))
    return HarnessError(
        f"{words}, at character {at + 1} of {_short(text)}" if text.strip() else f"{words}: it is empty",
        where=str(mark),
        hint=hint,
        code="E27",
    )
