"""A bar is drawn on a terminal and nowhere else, and never over a line that stays."""

from __future__ import annotations

import sys

import pytest

from harness.cli.options import progress
from harness.cli.progress import Bar


@pytest.fixture
def terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")


def test_without_a_terminal_nothing_is_drawn(capsys):
    with Bar(2) as bar:
        bar.step("one")
        bar.say("a line")
        bar.step("two")
    show = progress()
    show("rows: 10 of 20 cases")
    show("starting baseline")
    assert capsys.readouterr().err == "a line\nmodel harness: starting baseline\n"


def test_on_a_terminal_it_says_how_far_it_is_and_goes_away(terminal, capsys):
    with Bar(2) as bar:
        bar.step("one")
        bar.say("a line")
        bar.step("two")
    text = capsys.readouterr().err
    assert "1/2 one" in text
    assert "\r\x1b[Ka line\n" in text
    assert text.endswith("2/2 two\r\x1b[K")
    show = progress()
    show("rows: 1,000 of 2,000 cases")
    assert "1000/2000 cases of rows" in capsys.readouterr().err
