"""Mutation testing of what decides: each small error put into tallies, accounting and verdict has to turn a test red.

The errors are those of cosmic-ray's operators. Each is tried in a process forked from one that has loaded pytest, numpy
and hypothesis already, so that a mutant costs a second and nothing is written into the working copy. What survives
has to stand in `survivors.toml` with a reason, and nothing else may stand there.

    tox -e mutation                # all of it; exit 1 below 95% or with a survivor that nobody explained
    python tests/mutation/run.py harness/run/reported.py
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# loaded before the forks, and none of it ours
import hypothesis.stateful  # noqa: F401
import numpy  # noqa: F401
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
GOAL = 0.95
TESTS = {
    "harness/compare/tally.py": ["tests/compare/test_tally.py"],
    "harness/compare/verdict.py": ["tests/compare/test_verdict.py", "tests/run/test_reported.py"],
    "harness/run/reported.py": ["tests/run/test_reported.py"],
}
"""Modules, and the quick tests that have to notice an error in them."""

QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
SECONDS = 60
# Of arithmetic one replacement says as much as eleven. Of `==`, `!=` is the error; an order in its place says the same
# of counts and means nothing of texts. `is` for `==` changes nothing that a caller sees.
LEFT_OUT = ("ReplaceBinaryOperator_", "ReplaceComparisonOperator_Eq_", "_Is", "_IsNot")
KEPT = ("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add", "ReplaceBinaryOperator_Mul_Add",
        "ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_Is_IsNot",
        "ReplaceComparisonOperator_IsNot_Is")  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One error: where it is, and the module with it."""

    module: str
    operator: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What `survivors.toml` calls it: it stays the same when lines are added elsewhere."""
        return f"{self.module}: {self.before} -> {self.after}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every error in one module; annotations and texts for readers are none."""
    source = (ROOT / module).read_text(encoding="utf-8")
    lines = source.splitlines()
    seen = set()
    for name in operator_names():
        short = name.partition("/")[2]
        if short not in KEPT and (short.startswith(LEFT_OUT[:2]) or short.endswith(LEFT_OUT[2:])):
            continue
        operator_class = get_operator(name)
        if operator_class.arguments():
            continue
        operator = operator_class()
        places = [
            start for node in ast_nodes(get_ast(source)) for start, _ in operator.mutation_positions(node)
        ]
        for occurrence, (line, _) in enumerate(places):
            text = mutate_code(source, operator, occurrence)
            if text is None or text in seen or text == source:
                continue
            seen.add(text)
            after = text.splitlines()
            new = after[line - 1].strip() if line <= len(after) else ""
            yield Mutant(module, short, line, lines[line - 1].strip(), new, text)


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Gives the module its mutated source, wherever it is imported from."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.module.removesuffix(".py").replace("/", ".")
        self.source = mutant.source

    def find_spec(self, fullname, path=None, target=None):
        """Of this module alone."""
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def get_source(self, fullname: str) -> str:
        """With the error in it."""
        return self.source


def survives(mutant: Mutant | None) -> bool:
    """Whether the tests of the module pass with the error in it; one that never ends is noticed."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(null, number)
            signal.alarm(SECONDS)
            os.chdir(ROOT)
            if mutant is not None:
                sys.meta_path.insert(0, Mutated(mutant))
            tests = (
                TESTS[mutant.module] if mutant else sorted({one for many in TESTS.values() for one in many})
            )
            plugins = ("randomly", "cacheprovider", "xdist")
            code = pytest.main(["-x", "-q", *QUIET, *(f"-pno:{name}" for name in plugins), *tests])
        finally:
            os._exit(int(code))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def reasons() -> dict[str, str]:
    """The survivors that somebody has explained."""
    data = tomllib.loads((ROOT / "tests" / "mutation" / "survivors.toml").read_text(encoding="utf-8"))
    return {one["mutant"]: one["reason"] for one in data.get("survivors", [])}


def main(modules: Sequence[str]) -> int:
    """Try every mutant of these modules; 0 where enough are noticed and the rest is explained."""
    began, known = time.monotonic(), reasons()
    os.environ["HARNESS_LEDGER_RUNS"] = "40"
    if not survives(None):
        print("the tests fail without any error put in: mend that first")
        return 2
    total, left = Counter[str](), []
    for module in modules:
        for mutant in mutants(module):
            total[module] += 1
            if survives(mutant):
                left.append(mutant)
                print(f"survived: {mutant.name}  [{mutant.operator}, line {mutant.line}]", flush=True)
    for module, count in total.items():
        alive = sum(one.module == module for one in left)
        print(f"{module}: {count - alive} of {count} noticed ({(count - alive) / count * 100:.1f}%)")
    unexplained = [one.name for one in left if not known.get(one.name)]
    stale = [
        name for name in known if name.partition(":")[0] in modules and name not in {one.name for one in left}
    ]
    share = 1 - len(left) / sum(total.values())
    print(f"{share * 100:.1f}% of {sum(total.values())} noticed, in {time.monotonic() - began:.0f} s")
    for words, names in (("survived without a reason", unexplained), ("explained and noticed", stale)):
        for name in names:
            print(f"{words}: {name}")
    return 1 if share < GOAL or unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TESTS)))
