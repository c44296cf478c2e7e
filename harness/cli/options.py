"""What every command shares: how it is declared, and where its configuration and its report are."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import settings as configuration
from harness.errors import Exit, did_you_mean
from harness.settings import Settings

_CASES = re.compile(r"(?P<source>.*): (?P<done>[\d,]+) of (?P<total>[\d,]+) cases")


class Parser(argparse.ArgumentParser):
    """argparse with our exit code for a wrong command line, and "did you mean"."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse, but each command answers for its own options: what it does not know is an error there."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown))
        return known, unknown

    def _unknown(self, unknown: list[str]) -> str:
        """The first that nobody knows, and what may have been meant."""
        wrong = next((word for word in unknown if word.startswith("-")), "")
        if not wrong:
            return f'"{unknown[0]}" is one argument too many'
        name = wrong.partition("=")[0]
        mine = [option for option in self._option_string_actions if option.startswith("--")]
        # the same option under pytest
        bare = name.replace("--compare-", "--", 1)
        hint = f'did you mean "{bare}"?' if bare != name and bare in mine else did_you_mean(bare, mine)
        return f'unknown option "{name}"; {hint}'

    def error(self, message: str) -> Any:
        """Say what is wrong, and end with the code of wrong usage."""
        # argparse ends with 2, which is our word for "interrupted"
        self.print_usage(sys.stderr)
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong:
            known = re.findall(r"[\w-]+", wrong[2])
            message = f'unknown choice "{wrong[1]}"; {did_you_mean(wrong[1], known)}'
        self.exit(int(Exit.USAGE), f"{self.prog}: {message}\n")


class Commands:
    """The commands, each added by the module that carries it out."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int], words: str, *, report: bool = False
    ) -> argparse.ArgumentParser:
        """Declare a command. `report`: it reads or writes the folder of the verdict and the reports."""
        sub = self._commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        sub.set_defaults(run=run)
        sub.add_argument("--config", default="", metavar="FILE", help="configuration file")
        if report:
            sub.add_argument("--report", metavar="DIR", help="folder of the verdict and the reports")
        return sub


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings of the folder where the command was typed, or of `--config`."""
    return configuration.load(configuration.find(Path.cwd(), options.config))


def folder_of(options: argparse.Namespace, settings: Settings) -> Path:
    """The folder of the verdict and the reports."""
    return Path(options.report).absolute() if options.report else settings.reports_path


def say(line: str) -> None:
    """A line for whoever watches; standard output is for what a script reads."""
    print(line, file=sys.stderr, flush=True)


def progress() -> Callable[[str], None]:
    """What shows how far a run is: every line but the counts of cases, which would be many, and are a bar on a
    terminal."""
    from harness.cli.progress import Bar

    bar = Bar(0)

    def show(line: str) -> None:
        if far := _CASES.fullmatch(line):
            done, total = (int(far[name].replace(",", "")) for name in ("done", "total"))
            bar.at(done, total, f"cases of {far['source']}")
            if done >= total:
                bar.clear()
        else:
            bar.say(f"model harness: {line}")

    return show
