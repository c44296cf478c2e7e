"""`harness parity SPEC SPEC …`: whether the forms of one version (a package, its endpoint, …) answer alike.

Each pair is a whole run, under the configuration's rules and as a refactor: forms of one version may differ by
rounding alone. Its verdict lies in a folder of its own, so that no release can be taken from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError, precedence
from harness.reporting.text import clean
from harness.run import acts
from harness.run.compare import compare_versions
from harness.run.plan import Request
from harness.settings import Settings


@dataclass(frozen=True, slots=True)
class Pairing:
    """One pair of specs and the run that compared them; `record` is its whole report."""

    specs: tuple[str, str]
    verdict: str
    exit: Exit
    record: dict[str, Any]
    folder: Path

    @property
    def agrees(self) -> bool:
        """Whether the two answer alike."""
        return self.verdict == "PASS"


def pairings(
    settings: Settings,
    specs: Sequence[str],
    folder: Path,
    command: str,
    progress: Callable[[str], None],
) -> Iterator[Pairing]:
    """Every pair in order, each compared when it is asked for, its report in `folder/parity/N`. Raises HarnessError for
    fewer than two specs, or one that stands twice; whatever else goes wrong is the verdict of its pair."""
    if len(specs) < 2:
        raise HarnessError(
            "one version cannot agree with itself",
            where="harness parity",
            hint="name two forms of it or more: harness parity previous https://…",
        )
    twice = [spec for spec in dict.fromkeys(specs) if specs.count(spec) > 1]
    if twice:
        raise HarnessError(
            f"{twice[0]} stands {specs.count(twice[0])} times",
            where="harness parity",
            hint="name each form once",
        )
    for number, (first, second) in enumerate(itertools.combinations(specs, 2), 1):
        place = folder / "parity" / str(number)
        # the same digest is what forms of one version should have: it is no reason not to ask them, and neither is an
        # answer that was recorded once
        request = Request(first, second, "refactor", allow_same=True, live=True)
        done = compare_versions(settings, request, place, command, progress)
        _note(folder, (first, second), done.record["result"])
        yield Pairing((first, second), done.verdict.name, Exit(done.verdict.exit), done.record, place)


def _note(folder: Path, specs: tuple[str, str], result: Mapping[str, Any]) -> None:
    """Of a pair with a wheel in it, that it was asked and how it came out."""
    sides = [result[side] for side in ("baseline", "candidate")]
    wheels = sorted({one.get("sha256", "") for one in sides if one.get("kind") == "package"} - {""})
    if wheels:
        about = {
            "wheels": wheels,
            "passed": result["verdict"] == "PASS",
            "specs": [clean(spec, 200) for spec in specs],
            "kinds": [one.get("kind", "") for one in sides],
            "compared": result["compared"],
            "rules_digest": result["rules_digest"],
        }
        acts.note(folder, "parity", about)


def alike(specs: Sequence[str], found: Sequence[Pairing]) -> list[list[str]]:
    """The specs in groups, within each of which every pair agrees; a form that agrees with none stands alone.

    Agreement within a tolerance does not carry over from pair to pair, so every pair of a group has to.
    """
    agreed = {frozenset(one.specs) for one in found if one.agrees}
    groups: list[list[str]] = []
    for spec in specs:
        for group in groups:
            if all(frozenset((spec, other)) in agreed for other in group):
                group.append(spec)
                break
        else:
            groups.append([spec])
    return groups


def worst(found: Sequence[Pairing]) -> Exit:
    """The exit code of all of them together."""
    exits = {one.exit for one in found}
    return next(code for code in precedence if code in exits)
