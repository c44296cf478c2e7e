"""How the harness says that something is wrong: what, where, and what to do next.

Every error that a user can meet is a `HarnessError` with an exit code of its own; none of them is ever a pass.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes. Only `PASS` releases; the order of precedence is `precedence`."""

    PASS = 0
    FAIL = 1
    INTERRUPTED = 2
    USAGE = 4
    INCONCLUSIVE = 10
    STORE = 11
    REFUSED = 12
    TERMINATED = 143


precedence = (
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.REFUSED,
    Exit.STORE,
    Exit.USAGE,
    Exit.FAIL,
    Exit.INCONCLUSIVE,
    Exit.PASS,
)


def worst(codes: Iterable[int]) -> Exit:
    """The exit code that speaks for all of `codes`: the first that applies of 2/143, 12, 11, 4, 1, 10, 0.

    >>> worst([0, 10, 1]).name
    'FAIL'
    >>> worst([]).name
    'PASS'
    """
    present = {Exit(code) for code in codes}
    return next((code for code in precedence if code in present), Exit.PASS)


class HarnessError(Exception):
    """Something is wrong, said in three parts.

    `message` says what, `where` names the place, `hint` says what to do next; `code` is the row of the fault
    table in the docs (`"E48"`), `exit` the process exit code that the fault leads to.

    >>> print(HarnessError("no baseline", where="baselines", hint="run harness release --first", code="E48"))
    E48 no baseline
      where: baselines
      next: run harness release --first
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        code: str = "",
        exit: Exit = Exit.USAGE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.code = code
        self.exit = exit

    @property
    def headline(self) -> str:
        """Code and message on one line: `E48 no baseline`."""
        return f"{self.code} {self.message}".strip()

    def __str__(self) -> str:
        lines = [self.headline]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.hint:
            lines.append(f"  next: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.message, self.where, self.hint, self.code, int(self.exit))


def _rebuild(message: str, where: str, hint: str, code: str, exit: int) -> HarnessError:
    return HarnessError(message, where=where, hint=hint, code=code, exit=Exit(exit))


_INDENT = " " * len("  where: ")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in one line of a text that somebody wrote: its character `at` is the one that is meant; `place` is where
    the text stands. Written, it is the `where` of an error, whose last line is a caret.

    >>> print("  where: " + str(Mark("harness.toml, rule near, where", "x > 1 adn y", 6)))
      where: harness.toml, rule near, where
             x > 1 adn y
                   ^
    """

    place: str
    line: str
    at: int

    def __str__(self) -> str:
        caret = " " * _columns(self.shown[: self.at]) + "^"
        return f"\n{_INDENT}".join([*([self.place] if self.place else []), self.shown, caret])

    @property
    def shown(self) -> str:
        """The line as it may be shown anywhere: what cannot be seen, or steers a terminal, is a space."""
        return "".join(letter if letter.isprintable() else " " for letter in self.line)

    @classmethod
    def read(cls, where: str) -> Mark | None:
        """The mark that a `where` is; None where it is none.

        >>> Mark.read(str(Mark("rule r", "a < < b", 4))), Mark.read("harness.toml")
        (Mark(place='rule r', line='a < < b', at=4), None)
        """
        *above, caret = where.split("\n")
        if len(above) not in (1, 2) or not caret.startswith(_INDENT) or caret.strip(" ") != "^":
            return None
        place, line = ("", above[0]) if len(above) == 1 else (above[0], above[1].removeprefix(_INDENT))
        shift = len(caret) - len(_INDENT) - 1
        at = next((at for at in range(len(line) + 1) if _columns(line[:at]) >= shift), None)
        return None if at is None else cls(place, line, at)


def _columns(text: str) -> int:
    """Columns of a terminal: a letter of East Asia takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A guess at a misspelt `name`, ready to stand behind a message, or the known names where none is near.

    >>> did_you_mean("rtoll", ["rtol", "atol"])
    'did you mean "rtol"?'
    >>> did_you_mean("zzz", ["rtol", "atol"])
    'known: atol, rtol'
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return "known: " + ", ".join(names) if names else "none is known"
