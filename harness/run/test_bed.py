"""The test bed that ships with training: a table whose truth is known, and faults planted on purpose.

Training is a leaf that is reached by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.registry import Registry

TEST_BED: Registry[Any] = Registry(
    "test bed",
    {
        "columns": "harness.training.synthetic.houses:COLUMNS",
        "knobs": "harness.training.synthetic.houses:Knobs",
        "write": "harness.training.synthetic.write:write",
        "recipe": "harness.training.planting:recipe",
        "plant": "harness.training.planting:plant",
    },
)


def synth(
    path: Path,
    rows: int,
    first: int,
    knobs: dict[str, Any],
    truth: Path | None,
    fault: str,
    keys: dict[str, Any],
    say: Callable[[str], None],
) -> str:
    """Write the house-price table; returns the fault that stands in it in words, if there is one."""
    planted = TEST_BED["recipe"](fault, keys, TEST_BED["columns"]) if fault else None
    TEST_BED["write"](
        path, rows, first=first, knobs=TEST_BED["knobs"](**knobs), truth=truth, planted=planted, say=say
    )
    return planted.says if planted else ""


def plant(wheel: Path, fault: str, keys: dict[str, Any], out: Path, version: str) -> Any:
    """Plant a fault into a version package."""
    return TEST_BED["plant"](wheel, fault, keys, out, version)


def keys_of(given: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` as a table: a value is read as TOML has it, and as text where that is none.

    >>> keys_of(["column=area", "factor=10.76", "equals='7'"])
    {'column': 'area', 'factor': 10.76, 'equals': '7'}
    """
    found: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not name or not equals or name in found:
            raise HarnessError(
                f"--set {item}" + (" stands twice" if name in found else ""),
                where="harness data",
                hint="write --set NAME=VALUE, each name once",
            )
        try:
            found[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[name] = value
    return found
