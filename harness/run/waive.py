"""`harness waive`: one more waiver in the configuration, after it was tried on the run that it is for.

Everything else of the file stays as somebody wrote it. Nothing is written where the waiver is none, or excuses nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import files
from harness import settings as configuration
from harness.compare import waivers
from harness.errors import Exit, HarnessError
from harness.run import past
from harness.run.conclude import Circumstances, conclude
from harness.run.judge import plan_again, state_again
from harness.run.tree import Tree
from harness.settings import Settings, editing

_USELESS = {
    waivers.UNNEEDED: "its rule passes without it",
    waivers.OTHER_VERSIONS: "it is for other versions than the run",
    waivers.NOT_JUDGED: "its rule is not judged in that run",
}


@dataclass(frozen=True, slots=True)
class Waived:
    """What was (or would be) written, and what it makes of the run: `text` is the table in TOML."""

    text: str
    run_id: str
    before: str
    verdict: str
    reason: str
    covered: int
    outside: int


def waive(settings: Settings, values: Mapping[str, Any], run_id: str, reports: Path, dry_run: bool) -> Waived:
    """Add the waiver to the configuration file. HarnessError where it is wrong, or excuses nothing in that run.

    `values` are the keys of `[[tool.harness.waivers]]`; where `versions` is not among them, it is the pair of the run.
    """
    run = past.recall(reports, run_id)
    pair = f"{run.baseline.title} -> {run.candidate.title}"
    values = {**values, "versions": values.get("versions") or pair}
    # a link to the file stays a link
    path = settings.path.resolve()
    before = path.read_text(encoding="utf-8")
    try:
        after = editing.with_table(before, path.name == "pyproject.toml", "waivers", values)
    except ValueError as error:
        raise HarnessError(
            f"the waiver cannot be put into {path.name}: {error}",
            where=str(path),
            hint="write waivers as [[tool.harness.waivers]], then try again",
            code="E27",
        ) from None
    tried = configuration.of_text(after, settings.path)
    own = next(one for one in tried.waivers if one.name == values["name"])
    if own.until < datetime.date.today():
        raise HarnessError(
            f"waiver {own.name} would run out on {own.until}, which is past",
            where="--until",
            hint="name the last day on which it holds",
            code="E27",
        )
    plan = plan_again(tried, run, reports)
    states = [state_again(plan, source, run) for source in plan.sources]
    done = conclude(
        plan, states, Circumstances(seconds=0.0, tree=Tree(), **run.around(plan, "harness waive", ""))
    )
    seen = next(one for one in done.record["result"]["waivers"] if one["name"] == own.name)
    if seen["status"] in _USELESS:
        raise HarnessError(
            f"waiver {own.name} excuses nothing in run {run.run_id}: {_USELESS[seen['status']]}",
            where=f"rule {own.rule}, {own.versions}",
            hint=f"harness show {run.run_id} says what its rules found",
            code="E57",
            exit=Exit.FAIL,
        )
    text = editing.one_table("waivers", values)
    if not dry_run:
        if path.read_text(encoding="utf-8") != before:
            raise HarnessError(
                f"{path.name} changed meanwhile",
                where=str(path),
                hint="waive again",
                code="E17",
                exit=Exit.INCONCLUSIVE,
            )
        files.write_atomic(path, after.encode("utf-8"))
    result = done.record["result"]
    return Waived(
        text, run.run_id, run.verdict, result["verdict"], result["reason"], seen["inside"], seen["outside"]
    )
