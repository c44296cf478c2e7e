"""Ten rules against one over the same run: another rule costs no second pass over models or data.

Two models in processes of their own answer a table; each run is made by the function behind `harness compare`, in turn
with one rule and with ten. Prints counts, which do not depend on the machine, and ratios of medians, which do. Needs a
checkout: the models are those of the tests.
"""

from __future__ import annotations

import datetime
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.compare.align import compare
from harness.compare.bound import Bound
from harness.compare.drift import compare_with_anchor
from harness.compare.ruleset import Drift, SourceFacts, bind
from harness.inputs.fixed import TableSource
from harness.run.compare import compare_versions
from harness.run.plan import Request
from harness.settings import load
from harness.tables import BLOCK, Batch, Column, Outcome
from tests.zoo.builder import Zoo

ROWS, ROUNDS = 20_000, 5
MODEL = """from pathlib import Path

CALLS = Path(PLACE) / "calls"


def predict(records):
    with CALLS.open("a") as file:
        file.write("x")
    return [2 * record["x"] + 1 for record in records]
"""


def rules(count: int) -> str:
    """So many rules, each with another tolerance and another budget."""
    return "".join(
        f'[[rules]]\nname = "near-{place}"\noutput = "prediction"\nrule = "close"\natol = {(place + 1) / 10}\n'
        f"max_violations = {10 - place}\n"
        for place in range(count)
    )


def project(folder: Path, count: int) -> Path:
    """A project of two models that count how often they are asked, and so many rules."""
    made = Zoo().project(folder, "good", "good", xs=range(ROWS), settings=rules(count))
    source = MODEL.replace("PLACE", repr(str(folder)))
    for role, version in (("baseline", "1.0.0"), ("candidate", "1.1.0")):
        Zoo().wheel(made / role, "good", version, source=f"{source}\n# {version}\n")
    return made


def run(folder: Path) -> tuple[float, int, int]:
    """Seconds of a run, calls of both models, and blocks read from the table."""
    read = [0]
    batches = TableSource.batches

    def counted(self):  # type: ignore[no-untyped-def]
        for batch in batches(self):
            read[0] += 1
            yield batch

    (folder / "calls").unlink(missing_ok=True)
    settings = load(folder / "harness.toml")
    TableSource.batches = counted  # type: ignore[method-assign]
    try:
        began = time.perf_counter()
        done = compare_versions(
            settings, Request("baseline"), folder / "reports", "benchmark", lambda line: None
        )
        seconds = time.perf_counter() - began
    finally:
        TableSource.batches = batches  # type: ignore[method-assign]
    if done.verdict.name != "PASS":
        raise SystemExit(f"the benchmark did not pass: {done.verdict.reason}")
    return seconds, len((folder / "calls").read_text()), read[0]


def kernel(folder: Path) -> float:
    """Seconds of comparing one million rows in blocks under the rules of a project, models and files left out."""
    settings = load(folder / "harness.toml")
    bounds = bind(
        settings, "refactor", [SourceFacts("rows", False, False)], ("prediction",), datetime.date.today()
    )
    values = np.random.default_rng(7).normal(100, 30, BLOCK)
    column, keys = Column("float", values), np.arange(BLOCK)
    batch = Batch("rows", 0, 0, keys, {"x": column})
    old, new = (
        Outcome({"prediction": Column("float", v)}, np.ones(BLOCK, bool)) for v in (values, values + 0.01)
    )
    began = time.perf_counter()
    for _ in range(1_000_000 // BLOCK):
        compare(batch, old, new, bounds)
    return time.perf_counter() - began


MORE = {
    "close, of another tolerance": (
        'change = "refactor"\n',
        '[[rules]]\nname = "near-too"\noutput = "prediction"\nrule = "close"\natol = 3.0\nmax_violations = 9\n',
    ),
    "budget": (
        'change = "refactor"\n',
        '[[rules]]\nname = "level"\noutput = "prediction"\nrule = "budget"\nmax_mean_shift = { limit = 0.1 }\n',
    ),
    "changed-rate, of a retrain": (
        'change = "retrain"\n',
        '[retrain]\nmax_changed_rate = 0.4\nreason = "no labels"\n',
    ),
}
"""Another rule of each sort, beside one of `close`: (what both configurations have, what it adds)."""


def added(folder: Path) -> dict[str, float]:
    """How many times as long one million rows of which a tenth differ take with one rule more of each sort, models and
    files left out: medians of rounds in turn."""
    batch, old, new = differing()
    found = {}
    for words, (both, more) in MORE.items():
        change = "retrain" if "retrain" in both else "refactor"
        pair = []
        for text in ("", more):
            path = folder / "harness.toml"
            path.write_text(
                f'model = "m"\n{both}[[inputs]]\nname = "rows"\npath = "rows.csv"\n{rules(1)}{text}'
            )
            pair.append(bound(path, change))
        found[words] = in_turn([lambda bounds=bounds: compare(batch, old, new, bounds) for bounds in pair])
    rule = Drift("1.0.0", 0.01, 0.1, 0.05)
    bounds = pair[0]
    found["drift, from an anchor's answers"] = in_turn(
        [
            lambda: compare(batch, old, new, bounds),
            lambda: (compare(batch, old, new, bounds), compare_with_anchor(batch, old, new, rule)),
        ]
    )
    return found


def bound(path: Path, change: str) -> tuple[Bound, ...]:
    """The rules of a configuration on one table."""
    return bind(
        load(path), change, [SourceFacts("rows", False, False)], ("prediction",), datetime.date.today()
    )


def differing() -> tuple[Batch, Outcome, Outcome]:
    """One block of a table, and the answers of two versions to it, of which a tenth differ."""
    random = np.random.default_rng(7)
    values = random.normal(100, 30, BLOCK)
    moved = np.where(random.random(BLOCK) < 0.1, values + 0.01, values)
    batch = Batch("rows", 0, 0, np.arange(BLOCK), {"x": Column("float", values)})
    old, new = (
        Outcome({"prediction": Column("float", one)}, np.ones(BLOCK, bool)) for one in (values, moved)
    )
    return batch, old, new


def in_turn(pair: list[Callable[[], object]]) -> float:
    """The median ratio of the second to the first, each called for a million rows in every round."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for call in pair:
            began = time.perf_counter()
            for _ in range(1_000_000 // BLOCK):
                call()
            seconds.append(time.perf_counter() - began)
        ratios.append(seconds[1] / seconds[0])
    return statistics.median(ratios)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place:
        folders = [project(Path(place) / str(count), count) for count in (1, 10)]
        for folder in folders:
            run(folder)  # environments are made once, and not what is measured
        seen = [[run(folder) for folder in folders] for _ in range(ROUNDS)]
        ratios = [ten[0] / one[0] for one, ten in seen]
        compared = [kernel(folders[1]) / kernel(folders[0]) for _ in range(ROUNDS)]
        more = added(Path(place))
    (_, calls, read), (_, calls10, read10) = seen[0]
    print(f"{'':<44} {'one rule':>10} {'ten rules':>10}")
    print(f"{f'calls of both models, {ROWS:,} rows':<44} {calls:>10} {calls10:>10}")
    print(f"{'blocks read from the table':<44} {read:>10} {read10:>10}")
    for words, found in (("the whole run", ratios), ("comparing alone, 1M rows", compared)):
        print(
            f"{words:<44} {'1x':>10} {f'{statistics.median(found):.2f}x':>10} [{min(found):.2f}-{max(found):.2f}]"
        )
    print("one rule more beside one, comparing alone:")
    for words, ratio in more.items():
        print(f"  {words:<42} {'1x':>10} {f'{ratio:.2f}x':>10}")


if __name__ == "__main__":
    main()
