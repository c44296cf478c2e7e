"""Where cases come from: fixed tables, generated searches. A source owns its loop and drives a step."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from harness.compare import beside
from harness.compare.tally import Tally
from harness.errors import HarnessError
from harness.registry import Registry
from harness.schema import Schema
from harness.settings import Input, Settings
from harness.tables import Batch


class Step(Protocol):
    """Compares one batch. Called for planned cases; `probe` asks the same of cases outside the plan, such as
    the steps of a shrink, which are not counted."""

    def __call__(self, batch: Batch) -> Tally:
        """Compare planned cases."""
        ...

    def probe(self, batch: Batch) -> Tally:
        """Compare cases that belong to no plan."""
        ...


class InputSource(Protocol):
    """A named source of cases. `search`: it shrinks what it finds, so budgets do not bind to it."""

    name: str
    where: str
    search: bool
    labelled: bool

    def planned(self) -> int:
        """Cases in the plan: known before anything runs."""
        ...

    def drive(self, step: Step) -> Tally:
        """Give every planned case to `step`, in canonical blocks, and return the merged tally."""
        ...


REGISTRY: Registry[type] = Registry(
    "input source",
    {
        "table": "harness.inputs.fixed:TableSource",
        "search": "harness.inputs.generated:SearchSource",
    },
)


def make(item: Input, settings: Settings, schema: Schema | None, seed: int | None = None) -> InputSource:
    """The source that one `[[tool.harness.inputs]]` table describes. `schema`: what the versions take."""
    if item.generate is not None:
        if schema is None:
            raise HarnessError(
                f"search {item.name} has no schema to draw from",
                where=settings.path.name,
                hint="a search needs a version with a manifest on at least one side",
            )
        source: InputSource = REGISTRY["search"](item, schema, seed)
    else:
        source = REGISTRY["table"](item, Path(settings.root), schema, beside.named(settings, item))
    return source
