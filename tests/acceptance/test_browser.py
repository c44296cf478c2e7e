"""The report in a browser: nothing in it runs, nothing is fetched, nothing overflows, wide or narrow, light or dark."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import threading
from typing import Any

import pytest

from harness import settings as configuration
from harness.reporting import html, ledger, score
from harness.run import score as scoring

from .running import run_pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
ATTACK = "<img src=x onerror=document.title='pwned'><script>document.title='pwned'</script>"
WRAPPER = """<!doctype html><title>wrapper</title><body><iframe src="PAGE" width="WIDTH" height="900"></iframe><script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const lines = [
    "title=" + page.title, "width=" + root.scrollWidth, "h1=" + page.querySelectorAll("h1").length,
    "verdict=" + page.querySelector("h1").textContent.trim().replace(/\\s+/g, " "),
    "font=" + frame.contentWindow.getComputedStyle(page.body).fontFamily,
    "images=" + page.images.length, "scripts=" + page.scripts.length,
  ];
  document.body.textContent = "[" + lines.join("|") + "]";
};
</script></body>"""

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine: the report is not looked at in a browser"
)


@pytest.fixture(scope="module")
def reports(zoo, tmp_path_factory):
    """Reports of a project whose values attack their reader."""
    project = zoo.project(tmp_path_factory.mktemp("attack"), "good", "shifted")
    lines = (project / "rows.csv").read_text().splitlines()
    quoted = ATTACK.replace('"', '""')
    lines[1] = f'"{quoted}",0.0,1.0'
    (project / "rows.csv").write_text("\n".join(lines) + "\n")
    done = run_pytest(project, "--compare-to=baseline")
    assert done.code == 1, done.out
    assert ATTACK in (project / "reports" / "report.json").read_text()
    return project / "reports"


@pytest.fixture
def look(reports, tmp_path):
    """Open a page in an iframe of some width; what the browser says about it, and what it asked the server for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(reports))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def open_page(page: str, width: int, *flags: str) -> tuple[dict[str, str], list[str]]:
        wrapper = reports / "wrapper.html"
        wrapper.write_text(WRAPPER.replace("PAGE", page).replace("WIDTH", str(width)))
        command = [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--dump-dom",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={tmp_path / 'profile'}",
            *flags, f"http://127.0.0.1:{server.server_port}/wrapper.html",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        found = re.search(r"\[(title=.*?)\]", done.stdout, re.DOTALL)
        assert found, done.stdout[-2000:] + done.stderr[-2000:]
        return dict(line.partition("=")[::2] for line in found.group(1).split("|")), asked

    yield open_page
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("page", ["ledger.html", "report/ledger.html"])
@pytest.mark.parametrize(("width", "flags"), [(1280, ()), (320, ("--force-dark-mode",))])
def test_the_ledger_is_whole_and_harmless(look, reports, page, width, flags):
    names = ("kind", "at", "by", "model", "channel", "digest")
    version = {"version": ATTACK, "sha256": ATTACK, "spec": ATTACK}
    body = {"verdict": ATTACK, "reason": ATTACK, "run_id": ATTACK, "candidate": version, **version}
    told = [{**dict.fromkeys(names, ATTACK), "body": body, "kept": False}]
    told += [{**told[0], "kind": kind} for kind in ("verdict", "waiver", "release")]
    html.write_ledger(ledger.page(told, {ATTACK: 2}), reports)
    said, asked = look(page, width, *flags)
    assert said["title"].startswith("Ledger of ")
    assert (said["h1"], said["scripts"], said["images"]) == ("1", "0", "0")
    assert int(said["width"]) <= width
    allowed = {"/wrapper.html", "/favicon.ico", f"/{page}", "/report/report.css"}
    assert set(asked) <= allowed


def attacked(told: Any) -> Any:
    """Plain data whose every text attacks its reader, but for the names that the page itself gives to its parts."""
    if isinstance(told, str):
        return ATTACK
    if isinstance(told, list):
        return [attacked(one) for one in told]
    if isinstance(told, dict):
        return {key: one if key == "name" else attacked(one) for key, one in told.items()}
    return told


@pytest.mark.parametrize("page", ["score.html", "report/score.html"])
@pytest.mark.parametrize(("width", "flags"), [(1280, ()), (320, ("--force-dark-mode",))])
def test_the_score_is_whole_and_harmless(look, reports, page, width, flags):
    settings = configuration.load(configuration.find(reports.parent))
    told = attacked(scoring.score(settings, reports).to_json())
    planted = {"title": ATTACK, "words": ATTACK, "caught": False, "planted": True}
    told["planted"] = {"version": ATTACK, "change": ATTACK, "at": ATTACK, "faults": [planted]}
    html.write_score(score.page(told), reports)
    said, asked = look(page, width, *flags)
    assert said["title"].startswith("ML Test Score of &lt;img")
    assert (said["h1"], said["scripts"], said["images"]) == ("1", "0", "0")
    assert int(said["width"]) <= width
    assert set(asked) <= {"/wrapper.html", "/favicon.ico", f"/{page}", "/report/report.css"}


@pytest.mark.parametrize("form", ["", "report"])
def test_report_ledger_and_score_lead_to_one_another(reports, form):
    """Every link of a page below the reports' folder leads to a file that is there."""
    folder = reports / form
    reached, waiting = set(), ["index.html" if form else "report.html"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for address in re.findall(r'<a [^>]*?href="([^"#:]+)["#]', (folder / name).read_text()):
            assert (folder / address).is_file(), (name, address)
            if address.endswith(".html") and "/" not in address and address not in reached:
                waiting.append(address)
    assert {"ledger.html", "score.html"} < reached


def test_a_report_without_a_configuration_leads_nowhere(reports, tmp_path):
    """There is no model whose ledger or score could be shown."""
    project = tmp_path / "unread"
    project.mkdir()
    (project / "harness.toml").write_text("modle = 1\n")
    assert run_pytest(project, "--compare-to=baseline").code == 4
    page = (project / "reports" / "report.html").read_text()
    assert "score.html" not in page
    assert "ledger.html" not in page


@pytest.mark.parametrize("page", ["report.html", "report/index.html"])
@pytest.mark.parametrize(("width", "flags"), [(1280, ()), (320, ("--force-dark-mode",))])
def test_the_page_is_whole_and_harmless(look, page, width, flags):
    said, asked = look(page, width, *flags)
    assert "pwned" not in said["title"]
    assert "animal" in said["title"]
    assert "DO NOT RELEASE" in said["verdict"]
    assert (said["h1"], said["scripts"], said["images"]) == ("1", "0", "0")
    assert int(said["width"]) <= width
    assert "sans-serif" in said["font"]
    allowed = {"/wrapper.html", "/favicon.ico", f"/{page}", "/report/report.css"}
    assert set(asked) <= allowed
