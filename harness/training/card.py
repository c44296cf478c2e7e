"""The model card of a version (Mitchell et al., 2019): data, metrics with intervals, slices and limits.

It is made out of the manifest alone, so that it cannot say anything else than what is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from harness.training import diagnosis
from harness.versions.manifest import Manifest

Part = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""A heading, sentences, and the rows of a table, the first its header."""

_WORDS = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R², share of variance explained",
    "accuracy": "accuracy",
    "brier": "Brier score, 0 is perfect",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}table{border-collapse:collapse;display:block;overflow-x:auto}th,td{text-align:left;"
    "padding:.3rem .8rem;border-bottom:1px solid #bbb;font-variant-numeric:tabular-nums}code{overflow-wrap:anywhere}"
    "figure{display:inline-block;margin:1rem 1rem 0 0}svg{max-width:100%;height:auto}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#555}}"
)


def markdown(manifest: Manifest) -> str:
    """The card as Markdown."""
    lines = [f"# {_md(_title(manifest))}", ""]
    for heading, sentences, table in _parts(manifest):
        lines += [f"## {heading}", "", *(f"{_md(one)}\n" for one in sentences)]
        if table:
            head, *rows = table
            lines += ["| " + " | ".join(map(_md, head)) + " |", "|" + "---|" * len(head)]
            lines += ["| " + " | ".join(map(_md, row)) + " |" for row in rows]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def html(manifest: Manifest) -> str:
    """The card as one HTML page without scripts or requests."""
    title = escape(_title(manifest))
    body = [f"<h1>{title}</h1>"]
    for heading, sentences, table in _parts(manifest):
        body.append(f"<h2>{escape(heading)}</h2>")
        body += [f"<p>{escape(one)}</p>" for one in sentences]
        if table:
            head, *rows = table
            body.append("<table><thead><tr>" + _cells("th", head) + "</tr></thead><tbody>")
            body += ["<tr>" + _cells("td", row) + "</tr>" for row in rows]
            body.append("</tbody></table>")
        body += [f"<figure>{picture}</figure>" for picture in diagnosis.figures(manifest, heading)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _parts(manifest: Manifest) -> list[Part]:
    parts = [_what(manifest), _metrics(manifest)]
    parts += [part for part in (_slices(manifest), _search(manifest)) if part[2]]
    return [*parts, *diagnosis.parts(manifest), _inputs(manifest), _limits(manifest)]


def _title(manifest: Manifest) -> str:
    return f"{manifest.name} {manifest.version}"


def _what(manifest: Manifest) -> Part:
    data = manifest.data
    rows = [
        ("property", "value"),
        ("task", manifest.task),
        ("answers", ", ".join(manifest.outputs.names)),
        (
            "data",
            f"{data.get('path', '')}, {_number(data.get('rows'))} rows, sha256 {data.get('sha256', '')}",
        ),
        *([_sample(data["sampled"])] if "sampled" in data else []),
        ("trained on", f"{_number(data.get('trained'))} rows"),
        ("held out", f"{_number(data.get('held_out'))} rows, which no version is trained on"),
        ("configuration", f"sha256 {manifest.configuration.get('sha256', '')}"),
        (
            "commit",
            f"{manifest.code.get('commit') or 'none'}{', with changes' if manifest.code.get('dirty') else ''}",
        ),
        ("seed", ", ".join(f"{name} {seed}" for name, seed in manifest.seeds.items())),
        ("Python, processor", f"{manifest.python}, {manifest.machine}"),
        ("libraries", ", ".join(f"{name} {number}" for name, number in manifest.libraries.items())),
    ]
    return "What it is", (), rows


def _sample(said: Any) -> tuple[str, str]:
    share, rows = f"{said['share']:.1%}", _number(said["of"])
    return "sample", f"{share} of {rows} rows, chosen by a hash of the key: all were beyond memory_limit"


def _metrics(manifest: Manifest) -> Part:
    intervals = manifest.evaluation.get("intervals", {})
    references = manifest.evaluation.get("references", {})
    head = ["metric", "this model", "95% interval", *(f"{name} model" for name in references)]
    rows = [
        [
            _WORDS.get(name, name),
            _short(value),
            " to ".join(map(_short, intervals[name])) if name in intervals else "",
            *(_short(metrics.get(name)) for metrics in references.values()),
        ]
        for name, value in manifest.metrics.items()
    ]
    said = ["Measured on the held-out rows."]
    if better := better_references(manifest):
        said.append(f"A simpler model is not worse here: {', '.join(better)}.")
    if manifest.training_noise is not None:
        share = (
            f"{manifest.training_noise:.2g} of the answers (as a share)"
            if manifest.training_noise
            else "no answer"
        )
        said.append(f"Another seed alone moves {share} by over 1%.")
    return "How good it is", said, [head, *rows]


def better_references(manifest: Manifest) -> list[str]:
    """The simpler models that are at least as good by the first metric."""
    name, own = next(iter(manifest.metrics.items()), ("", 0.0))
    sign = 1 if name == "accuracy" else -1
    references = manifest.evaluation.get("references", {})
    return [
        one
        for one, metrics in references.items()
        if sign * metrics.get(name, -sign * float("inf")) >= sign * own
    ]


def _slices(manifest: Manifest) -> Part:
    slices = manifest.evaluation.get("slices", [])
    names = [name for name in manifest.metrics if slices and name in slices[0]]
    head = ["where", "rows", *(_WORDS.get(name, name) for name in names)]
    rows = [
        [f"{one['column']} is {one['value']}", _number(one["rows"]), *(_short(one[name]) for name in names)]
        for one in slices
    ]
    return "For whom", ("Categories with at least 30 held-out rows.",), [head, *rows] if rows else []


def _search(manifest: Manifest) -> Part:
    found = manifest.evaluation.get("search")
    if not found:
        return "", (), []
    said = (
        f"The best of {found['candidates']} candidates in {found['folds']} folds of the trained rows, by "
        f"{found['scoring']}: {_short(found['score'])} (standard deviation {_short(found['deviation'])})."
    )
    return (
        "What was searched",
        (said,),
        [("parameter", "chosen"), *((k, str(v)) for k, v in found["best"].items())],
    )


def _inputs(manifest: Manifest) -> Part:
    head = ("input", "kind", "trained on", "may be missing")
    rows = [
        (
            field.name,
            field.kind,
            _list(field.categories) if field.categories else _range(field.minimum, field.maximum),
            "yes" if field.nullable else "no",
        )
        for field in manifest.inputs
    ]
    return "What it takes", (), [head, *rows]


def _limits(manifest: Manifest) -> Part:
    said = [
        "Nothing is known of inputs outside the ranges and categories above.",
        "The intervals hold for rows such as the held-out ones: they say nothing of other times or places.",
    ]
    if not manifest.evaluation.get("slices"):
        said.append("No part of the cases was looked at on its own.")
    return "Limits", said, []


def _list(values: Iterable[str]) -> str:
    names = list(values)
    return ", ".join(names[:12]) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:g} to {high:g}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


def _md(text: str) -> str:
    cleaned = " ".join(str(text).split())
    for sign in "\\`*_[]<>|":
        cleaned = cleaned.replace(sign, f"\\{sign}" if sign != "<" else "&lt;")
    return cleaned


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)
