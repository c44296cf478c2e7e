"""Ten rules against one over the same run: another rule costs no second pass over models or data.

Two models in processes of their own answer a table; each run is made by the function behind `harness compare`, in turn
with one rule and with ten. Prints counts, which do not depend on the machine, and ratios of medians, which do. Needs a
checkout: the models are those of the tests.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.compare.align import compare
from harness.compare.ruleset import SourceFacts, bind
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
    import datetime

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


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place:
        folders = [project(Path(place) / str(count), count) for count in (1, 10)]
        for folder in folders:
            run(folder)  # environments are made once, and not what is measured
        seen = [[run(folder) for folder in folders] for _ in range(ROUNDS)]
        ratios = [ten[0] / one[0] for one, ten in seen]
        compared = [kernel(folders[1]) / kernel(folders[0]) for _ in range(ROUNDS)]
    (_, calls, read), (_, calls10, read10) = seen[0]
    print(f"{'':<44} {'one rule':>10} {'ten rules':>10}")
    print(f"{f'calls of both models, {ROWS:,} rows':<44} {calls:>10} {calls10:>10}")
    print(f"{'blocks read from the table':<44} {read:>10} {read10:>10}")
    for words, found in (("the whole run", ratios), ("comparing alone, 1M rows", compared)):
        print(
            f"{words:<44} {'1x':>10} {f'{statistics.median(found):.2f}x':>10} [{min(found):.2f}-{max(found):.2f}]"
        )


if __name__ == "__main__":
    main()
