"""A command line that nobody understands: what was meant, and the exit code of wrong usage."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness.cli import main, parser_of_commands
from harness.errors import Exit


def commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command with its actions, as typed."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield (*words, name)
                yield from commands(inner, (*words, name))


def parser_of(words: tuple[str, ...]) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = parser_of_commands()
    for word in words:
        (action,) = (one for one in found._actions if isinstance(one, argparse._SubParsersAction))
        found = action.choices[word]
    return found


def required(parser: argparse.ArgumentParser) -> list[str]:
    """Values for what the parser demands, so that the option is all that is wrong."""
    words = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        value = str(next(iter(action.choices))) if action.choices else "1"
        if action.option_strings and action.required:
            words += [action.option_strings[-1], value]
        elif not action.option_strings and action.nargs in (None, "+"):
            words.append(value)
    return words


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == Exit.USAGE
    return capsys.readouterr().err.strip().splitlines()[-1]


ALL = sorted(commands(parser_of_commands()))
OPTIONS = [
    pytest.param(words, option, id=" ".join((*words, option)))
    for words in ALL
    for option in parser_of(words)._option_string_actions
    if option.startswith("--") and len(option) > 5
]


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_a_misspelt_option_is_guessed(words, option, capsys):
    parser = parser_of(words)
    if any(isinstance(one, argparse._SubParsersAction) for one in parser._actions):
        pytest.fail("an option before an action") if option not in ("--help", "--config") else None
        return
    # two letters in each other's place
    wrong = option[:-2] + option[-1] + option[-2] if option[-1] != option[-2] else option + "x"
    said = refused([*words, *required(parser), f"{wrong}=1"], capsys)
    assert said == f'harness {" ".join(words)}: unknown option "{wrong}"; did you mean "{option}"?'


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_misspelt_command_is_guessed(words, capsys):
    *before, last = words
    said = refused([*before, last + "x"], capsys)
    assert said.endswith(f'unknown choice "{last}x"; did you mean "{last}"?')


def test_the_options_of_pytest_are_known_by_their_other_name(capsys):
    said = refused(["compare", "--compare-to=previous"], capsys)
    assert said == 'harness compare: unknown option "--compare-to"; did you mean "--to"?'


def test_a_word_too_many_is_named(capsys):
    assert refused(["check", "previous"], capsys) == 'harness check: "previous" is one argument too many'


def test_what_resembles_nothing_gets_the_list(capsys):
    said = refused(["verify", "--frobnicate"], capsys)
    assert said.startswith('harness verify: unknown option "--frobnicate"; known: ')
    assert "--change" in said


def test_through_the_real_command():
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "verify", "--chnage", "retrain"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.USAGE
    assert 'did you mean "--change"?' in done.stderr
    assert done.stdout == ""
