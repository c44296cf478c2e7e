"""What the model card says of assumptions, outliers and the selection, out of the manifest alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.training import plots
from harness.versions.manifest import Manifest

Part = tuple[str, Sequence[str], Sequence[Sequence[str]]]

ASSUMED = "What a linear model assumes"


def parts(manifest: Manifest) -> list[Part]:
    """The parts of the card that there is something to say in."""
    return [part for part in (_assumed(manifest), _outliers(manifest), _selected(manifest)) if part[1]]


def figures(manifest: Manifest, heading: str) -> list[str]:
    """The pictures below a heading, as SVG."""
    found = manifest.evaluation.get("assumptions") or {}
    if heading != ASSUMED or "normal" not in found:
        return []
    return [plots.normal(found["normal"]), plots.spread(found["spread"])]


def in_words(assumptions: dict[str, Any]) -> str:
    """The tests in one line."""
    return "; ".join(f"{one['assumption']} {_verdict(one)}" for one in assumptions["tests"])


def _assumed(manifest: Manifest) -> Part:
    found = manifest.evaluation.get("assumptions")
    if not found:
        return ASSUMED, (), ()
    rows = [
        (
            one["assumption"],
            one["test"],
            _short(one.get("statistic")),
            _chance(one.get("p")),
            f"{one['measures']} {_short(one['effect'])}" if "effect" in one else "",
            _verdict(one),
        )
        for one in found["tests"]
    ]
    words = (
        f"Looked at on {found['rows']:,} trained rows. A rejection does not make the answers wrong: it says which "
        "intervals and which explanations by coefficients not to trust. With many rows small deviations are rejected "
        "too, so the size of the deviation stands beside."
    )
    head = ("assumption", "test", "statistic", "p", "how large", "verdict")
    return ASSUMED, (words,), [head, *rows]


def _verdict(one: dict[str, Any]) -> str:
    if "why" in one:
        return f"{'not tested' if one['test'] != 'none' else 'not applicable'}: {one['why']}"
    return f"{'rejected' if one['rejected'] else 'not rejected'} (p {_chance(one['p'])})"


def _outliers(manifest: Manifest) -> Part:
    found = manifest.evaluation.get("outliers")
    if not found:
        return "Outliers", (), ()
    rows = [
        (one["column"], f"{one['low']:.4g} to {one['high']:.4g}", f"{one['outside']:,}", f"{one['far']:,}")
        for one in found
    ]
    words = (
        "Trained values beyond 1.5 times the distance between the quartiles (far: 3 times). Nothing was done to them "
        "unless a step does it."
    )
    return "Outliers", (words,), [("column", "fences", "outside", "far outside"), *rows]


def _selected(manifest: Manifest) -> Part:
    found = manifest.evaluation.get("selection")
    if not found:
        return "What it does not need", (), ()
    stability = found.get("stability", {})
    rows = [
        (name, "kept" if name in found["kept"] else "not needed", _short(stability.get(name)))
        for name in [*found["kept"], *found["dropped"]]
    ]
    before, after = found["request_bytes"]
    name, own = next(iter(manifest.metrics.items()), ("", 0.0))
    words = (
        f"{len(found['dropped'])} of {len(rows)} features change no answer: a request of one row takes {after:,} "
        f"bytes in place of {before:,}, and {name} was {_short(found['metrics_before'].get(name))} before and is "
        f"{_short(own)}."
    )
    if stay := found.get("stay"):
        words += f" They stay among the inputs: {stay}."
    head = ("feature", "", "needed in this share of the resamples")
    return "What it does not need", (words,), [head, *rows]


def _chance(p: Any) -> str:
    """A probability, which is never nothing at all."""
    return "< 1e-15" if isinstance(p, int | float) and p < 1e-15 else _short(p)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else ""
