"""A bar is drawn on a terminal and nowhere else, and never over a line that stays."""

from __future__ import annotations

import io
import sys

from harness.cli.options import progress
from harness.cli.progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_nothing_is_drawn(capsys):
    with Bar(2) as bar:
        bar.step("one")
        bar.say("a line")
        bar.step("two")
    show = progress()
    show("rows: 10 of 20 cases")
    show("starting baseline")
    assert capsys.readouterr().err == "a line\nmodel harness: starting baseline\n"


def test_on_a_terminal_it_says_how_far_it_is_and_goes_away(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Bar(2) as bar:
        bar.step("one")
        bar.say("a line")
        bar.step("two")
    text = terminal.getvalue()
    assert "1/2 one" in text
    assert "\r\x1b[Ka line\n" in text
    assert text.endswith("2/2 two\r\x1b[K")
    show = progress()
    show("rows: 1,000 of 2,000 cases")
    assert "1000/2000 cases of rows" in terminal.getvalue()
