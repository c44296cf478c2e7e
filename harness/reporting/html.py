"""The page that decides a release, twice from one template: one file to hand round, and a folder for CI servers.

`report.html` carries its style and a policy that allows nothing else; `report/index.html` links `report.css`, since
Jenkins' default policy blocks inlined styles. Neither has a script, and neither asks the network for anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from harness import files
from harness.reporting import ledger, score, view

TEMPLATES = Path(__file__).parent / "templates"


class HtmlReporter:
    """Writes `report.html`, `report/index.html` and `report/report.css`."""

    def write(self, record: Mapping[str, Any], folder: Path) -> list[Path]:
        """Both forms are rendered before either is written."""
        style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
        page = view.page(record)
        pages = {
            folder / "report.html": render(page, style),
            folder / "report" / "report.css": style,
            folder / "report" / "index.html": render(page, None),
        }
        for path, content in pages.items():
            files.write_atomic(path, content.encode())
        return list(pages)


def write_ledger(page: ledger.LedgerView, folder: Path) -> list[Path]:
    """Write the ledger's page beside the report's: `ledger.html` and `report/ledger.html`; the paths written."""
    return _beside(ledger.FILE, render_ledger, page, folder)


def write_score(page: score.ScoreView, folder: Path) -> list[Path]:
    """Write the page of the ML Test Score: `score.html` and `report/score.html`; the paths written."""
    return _beside(score.FILE, render_score, page, folder)


def _beside(name: str, rendered: Callable[[Any, str | None], str], page: Any, folder: Path) -> list[Path]:
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    pages = {
        folder / name: rendered(page, style),
        folder / "report" / "report.css": style,
        folder / "report" / name: rendered(page, None),
    }
    for path, content in pages.items():
        files.write_atomic(path, content.encode("utf-8", "backslashreplace"))
    return [path for path in pages if path.name == name]


def render(page: view.Page, style: str | None) -> str:
    """The page as HTML: with `style` inlined, or linked as `report.css` where it is None."""
    return _rendered("report.html.j2", page, style)


def render_ledger(page: ledger.LedgerView, style: str | None) -> str:
    """The ledger's page, in the same two forms."""
    return _rendered("ledger.html.j2", page, style)


def render_score(page: score.ScoreView, style: str | None) -> str:
    """The page of the ML Test Score, in the same two forms."""
    return _rendered("score.html.j2", page, style, inner=_inner)


def _inner(address: str) -> str:
    """An address from the reports' folder, as it is from the folder `report` in it, which has pages of its own."""
    if address.startswith("report.html"):
        return "index.html" + address.removeprefix("report.html")
    return address if address.startswith(ledger.FILE) else f"../{address}"


def _rendered(name: str, page: object, style: str | None, **more: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        # a constant: jinja2's own guess by file name leaves `.html.j2` unescaped
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template(name)
    return template.render(page=page, style=style, policy=_policy(style), **more)


def _policy(style: str | None) -> str:
    closed = "base-uri 'none'; form-action 'none'"
    if style is None:
        # the server's own policy governs; below file:// no policy can name the style beside the page
        return f"script-src 'none'; object-src 'none'; frame-src 'none'; connect-src 'none'; {closed}"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; {closed}"
