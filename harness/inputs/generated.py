"""Generated cases: Hypothesis draws pools of values from the schema, numpy recombines them into whole batches.

Drawing 10,000 rows one by one takes Hypothesis longer than any model; pools keep its love of edges and let rows
come at the speed of numpy. A violation is shrunk to one simple row, which is asked again alone.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable
from typing import Any

import hypothesis
import hypothesis.errors
import numpy as np
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from harness.compare.tally import TOP, Finding, RuleTally, Tally
from harness.errors import Exit, HarnessError
from harness.inputs import Step
from harness.inputs.shrink import shrink
from harness.schema import Field, Schema
from harness.settings import Generate, Input
from harness.tables import Batch, Column

ROWS = 500
"""Rows of a generated batch."""

POOL = 12
"""Values of each column in a pool."""


class SeedAlone(HypothesisProvider):
    """Hypothesis, without the constants that it picks up from whatever modules the process has loaded: the same
    seed has to give the same cases under pytest, under the command and on every machine."""

    def _maybe_draw_constant(self, *arguments: Any, **options: Any) -> None:
        return None


AVAILABLE_PROVIDERS["model-harness"] = f"{__name__}.{SeedAlone.__name__}"


class SearchSource:
    """One `[[tool.harness.inputs]]` with a `generate` plan: `rows` cases, drawn from `schema` by a seed."""

    search = True
    labelled = False

    def __init__(self, item: Input, schema: Schema, seed: int | None = None) -> None:
        assert item.generate is not None
        self.name = item.name
        self.plan: Generate = item.generate
        self.seed = self.plan.seed if seed is None else seed
        self.where = f"generated from the schema, seed {self.seed}"
        self.schema = schema
        self._simplest = {field.name: simplest(field) for field in schema}

    def planned(self) -> int:
        """Rows of the plan."""
        return self.plan.rows

    def binds(self) -> str:
        """The columns that it draws, and its ceiling."""
        return f"draws {', '.join(self.schema.names)}; at most {self.plan.seconds:g} s"

    def kinds(self) -> dict[str, str]:
        """The kind of each input column."""
        return {field.name: field.kind for field in self.schema}

    def drive(self, step: Step) -> Tally:
        """Hypothesis owns the loop; its examples are pools, and each becomes one batch."""
        seen, block = _Seen(self, step), 0
        deadline = time.monotonic() + self.plan.seconds
        late = False
        broken: Exception | None = None

        def one(pools: dict[str, list[Any]], seed: int) -> None:
            nonlocal broken
            if broken is not None:
                # Hypothesis replays what raised, to see it again: a worker that died is not asked a second time
                raise broken
            try:
                block_of(pools, seed)
            except Exception as error:
                broken = error
                raise

        def block_of(pools: dict[str, list[Any]], seed: int) -> None:
            nonlocal block, late
            start = block * ROWS
            late = late or time.monotonic() > deadline
            if start >= self.plan.rows or late:
                return
            seen.add(self._batch(pools, seed, block, min(ROWS, self.plan.rows - start)))
            block += 1

        try:
            self._loop(one)
        except Exception:
            if broken is None:
                raise
        if broken is not None:
            # the first trouble is the cause; what Hypothesis made of its replay (flaky, a group) is not
            raise broken
        if late:
            raise self._short(f"reached its ceiling of {self.plan.seconds:g} s", block, "E11")
        if block * ROWS < self.plan.rows:
            raise self._short("ran out of examples: the schema allows few cases", block, "E31")
        return seen.total

    def replay(self, step: Step, batches: Iterable[Batch]) -> Tally:
        """The batches of a search that was driven before, in their order, shrunk as they were then."""
        seen = _Seen(self, step)
        for batch in batches:
            seen.add(batch)
        return seen.total

    def _loop(self, one: Any) -> None:
        pools = st.fixed_dictionaries(
            {field.name: st.lists(strategy(field), min_size=POOL, max_size=POOL) for field in self.schema}
        )
        test = hypothesis.given(pools=pools, seed=st.integers(0, 2**32 - 1))(one)
        test = hypothesis.seed(self.seed)(test)
        settings = hypothesis.settings(
            backend="model-harness",
            max_examples=-(-self.plan.rows // ROWS) + 1,
            database=None,
            deadline=None,
            derandomize=False,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        try:
            settings(test)()
        except hypothesis.errors.HypothesisException as error:
            raise HarnessError(
                f"generator unhealthy: {error}".splitlines()[0],
                where=f"search {self.name}, seed {self.seed}",
                hint="narrow the schema's ranges, or give the search another seed",
                code="E31",
                exit=Exit.INCONCLUSIVE,
            ) from None

    def _short(self, words: str, block: int, code: str) -> HarnessError:
        return HarnessError(
            f"search {self.name} {words} after {min(block * ROWS, self.plan.rows):,} of {self.plan.rows:,} rows",
            where=f"search {self.name}, seed {self.seed}",
            hint="give it more seconds, or plan fewer rows",
            code=code,
            exit=Exit.INCONCLUSIVE,
        )

    def _batch(self, pools: dict[str, list[Any]], seed: int, block: int, rows: int) -> Batch:
        random = np.random.default_rng(seed)
        columns = {
            field.name: _column(field, pools[field.name]).take(random.integers(0, POOL, rows))
            for field in self.schema
        }
        start = block * ROWS
        keys = np.arange(start, start + rows)
        return Batch(self.name, block, start, keys, columns)

    def shrunk(self, step: Step, batch: Batch, rule: str, seen: RuleTally) -> Tally:
        """The first finding of `rule`, shrunk to one row that still violates it when asked alone."""
        first = seen.findings[0]

        def table(rows: Any) -> Batch:
            columns = {field.name: _column(field, [row[field.name] for row in rows]) for field in self.schema}
            return Batch(self.name, -1, 0, np.arange(len(rows)), columns)

        def fails(rows: Any) -> list[bool]:
            # a tally names no more than its TOP worst rows, so no more are asked at once
            verdicts: list[bool] = []
            for start in range(0, len(rows), TOP):
                part = rows[start : start + TOP]
                found = step.probe(table(part)).rules.get(rule, RuleTally())
                bad = {finding.rank[1] for finding in found.findings}
                verdicts += [position in bad for position in range(len(part))]
            return verdicts

        row = shrink(dict(first.inputs), self._simplest, fails)
        alone = step.probe(table([row])).rules.get(rule, RuleTally())
        if not alone.findings:
            return Tally()
        found = alone.findings[0]
        least = Finding(
            rank=(-np.inf, -1),
            key=f"shrunk from {first.key}",
            output=found.output,
            magnitude=found.magnitude,
            inputs=found.inputs,
            baseline=found.baseline,
            candidate=found.candidate,
            shrunk=True,
        )
        return Tally(rules={rule: RuleTally(findings=(least,))})


class _Seen:
    """What a search has seen so far: the sum of its batches, and for each rule its first finding shrunk."""

    def __init__(self, source: SearchSource, step: Step) -> None:
        self.source, self.step = source, step
        self.total = Tally()
        self.shrunk: set[str] = set()

    def add(self, batch: Batch) -> None:
        """One planned batch."""
        tally = self.step(batch)
        self.total = self.total + tally
        for name, seen in tally.rules.items():
            if seen.violations and name not in self.shrunk:
                self.shrunk.add(name)
                self.total = self.total + self.source.shrunk(self.step, batch, name, seen)


def strategy(field: Field) -> st.SearchStrategy[Any]:
    """Values of one field: inside its range or categories, null where it may be."""
    values: st.SearchStrategy[Any]
    if field.categories:
        values = st.sampled_from(field.categories)
    elif field.kind == "float":
        values = st.sampled_from(_edges(field)) | st.floats(
            field.minimum, field.maximum, allow_nan=False, allow_infinity=False, allow_subnormal=False
        )
    elif field.kind == "int":
        values = st.sampled_from([int(edge) for edge in _edges(field)]) | st.integers(
            -(2**53) if field.minimum is None else int(np.ceil(field.minimum)),
            2**53 if field.maximum is None else int(np.floor(field.maximum)),
        )
    elif field.kind == "bool":
        values = st.booleans()
    elif field.kind == "datetime":
        values = st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2200, 1, 1))
    else:
        values = st.text(max_size=20)
    return st.none() | values if field.nullable else values


def _edges(field: Field) -> list[float]:
    """Where models break first: the bounds, and what people write where they mean nothing."""
    low = -(2.0**53) if field.minimum is None else field.minimum
    high = 2.0**53 if field.maximum is None else field.maximum
    if field.kind == "int":
        low, high = float(np.ceil(low)), float(np.floor(high))
    return sorted({low, high, *(edge for edge in (-1.0, 0.0, 1.0, 999.0) if low <= edge <= high)})


def simplest(field: Field) -> Any:
    """The simplest value of one field: its first category, zero or the bound next to it, the empty text."""
    if field.categories:
        return field.categories[0]
    if field.kind in ("float", "int"):
        low = -np.inf if field.minimum is None else field.minimum
        high = np.inf if field.maximum is None else field.maximum
        value = min(max(0.0, low), high)
        return int(np.ceil(value)) if field.kind == "int" else float(value)
    return {"bool": False, "datetime": "2000-01-01"}.get(field.kind, "")


def _column(field: Field, values: list[Any]) -> Column:
    if field.kind == "datetime":
        stamps = np.array(
            ["NaT" if v is None else str(v).replace(" ", "T") for v in values], "datetime64[ns]"
        )
        missing = np.isnat(stamps)
        return Column("datetime", stamps, missing if missing.any() else None)
    null = np.array([value is None for value in values], bool)
    dtype: Any = {"float": np.float64, "int": np.int64, "bool": np.bool_}.get(field.kind, object)
    filler: Any = {"float": np.nan, "int": 0, "bool": False}.get(field.kind, "")
    array = np.array([filler if value is None else value for value in values], dtype=dtype)
    return Column(field.kind, array, null if null.any() else None)
