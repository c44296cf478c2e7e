"""A bar for work that takes long: one line that is written over, on a terminal; nothing where there is none.

Ten lines of our own: a library for it would be one more that every project of a user has to agree with.
"""

from __future__ import annotations

import os
import shutil
import sys
from types import TracebackType

WIDTH = 24


class Bar:
    """`with Bar(12) as bar: bar.step("area")`, twelve times. Of nothing there is no bar. Whatever else is printed
    meanwhile goes through `say`."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._words = ""
        self._drawn = False
        self._on = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Bar:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def step(self, words: str = "") -> None:
        """One more is done; `words` say what came of it."""
        self.done += 1
        self._words = words
        self._draw()

    def at(self, done: int, total: int, words: str = "") -> None:
        """So many of so many are done."""
        self.done, self.total, self._words = done, total, words
        self._draw()

    def say(self, line: str) -> None:
        """A line of standard error that stays."""
        self.clear()
        print(line, file=sys.stderr, flush=True)
        if self.done < self.total:
            self._draw()

    def _draw(self) -> None:
        if not self._on or not self.total:
            return
        self._drawn = True
        full = WIDTH * self.done // max(self.total, 1)
        line = f"[{'#' * full}{'.' * (WIDTH - full)}] {self.done}/{self.total} {self._words}"
        columns = shutil.get_terminal_size().columns
        print(f"\r\x1b[K{line[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the bar away, until the next step."""
        if self._drawn:
            self._drawn = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
