"""`harness parity`: the package, its rebuilt form and a real server, pair by pair."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.predictors.sources.python import build

from ..versions.made import commit
from ..versions.made import project as package
from .running import run_harness

SERVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # as a service that clips, and whose package does not
        body = json.dumps({"predictions": [min(2 * one["x"] + 1, CLIP) for one in records]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def serve() -> Iterator[Callable[[float], str]]:
    """`serve(33)`: the address of a service of the good animal that answers 33 at most."""
    running = []

    def start(clip: float) -> str:
        code = SERVER.replace("CLIP", str(clip))
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}/predict"

    yield start
    for process in running:
        process.terminate()
        process.communicate()


@pytest.fixture
def project(zoo, tmp_path) -> Path:
    return zoo.project(tmp_path, "good", "rewritten")


def test_forms_that_answer_alike_agree(project, serve):
    address = serve(1000)
    done = run_harness(project, "parity", "baseline", "candidate", address)
    assert done.code == 0, done.out
    assert "baseline and candidate agree: 20 of 20 cases compared" in done.out
    assert f"3 forms, 1 different: baseline = candidate = {address}" in done.out
    # no release can be taken from it
    assert done.verdict is None
    assert sorted(path.name for path in (project / "reports" / "parity").iterdir()) == ["1", "2", "3"]


def test_it_says_where_a_package_and_its_endpoint_part_ways(project, serve):
    address = serve(33)
    done = run_harness(project, "parity", "baseline", "candidate", address)
    assert done.code == 1, done.out
    assert f"baseline and {address} part ways" in done.out
    assert "3 of 20 rows" in done.out
    assert "r19: x 19.0; prediction 39.0 → 33.0" in done.out
    assert f"3 forms, 2 different: baseline = candidate  |  {address}" in done.out
    verdict = json.loads((project / "reports" / "parity" / "2" / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["change"]) == ("FAIL", "refactor")


FORMS = """
model = "plain"
candidate = "wheel"
[[inputs]]
name = "rows"
path = "rows.csv"
key = "id"
[versions.wheel]
spec = "wheel:plainmodel-1.0-py3-none-any.whl"
entry = "plainmodel:predict"
pass_as = "records"
[versions.commit]
spec = "git:v1"
entry = "plainmodel:predict"
pass_as = "records"
"""


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """One model as answers that were recorded, as a wheel and as a commit; what lies there now is another."""
    folder = tmp_path_factory.mktemp("forms")
    package(folder, factor=2)
    code = folder / "src" / "plainmodel" / "__init__.py"
    code.write_text(code.read_text().replace('record["x"]', 'record["x"] + 1'))
    shutil.copy(build(folder, ""), folder)
    (folder / "rows.csv").write_text("id,x\n" + "".join(f"r{row},{row}.0\n" for row in range(20)))
    (folder / "answers.csv").write_text(
        "id,prediction\n" + "".join(f"r{row},{2 * row + 1}.0\n" for row in range(20))
    )
    (folder / "harness.toml").write_text(FORMS)
    commit(folder, "v1")
    code.write_text("def predict(records):\n    raise RuntimeError('not the version that is meant')\n")
    return folder


def test_recorded_wheel_endpoint_and_commit_of_one_version_agree(forms, serve):
    address = serve(1000)
    done = run_harness(forms, "parity", "recorded:answers.csv", "wheel", "commit", address)
    assert done.code == 0, done.out
    assert f"4 forms, 1 different: recorded:answers.csv = wheel = commit = {address}" in done.out
    assert done.out.count(" agree: 20 of 20 cases compared") == 6


def test_the_form_that_parts_ways_is_named_against_each_of_the_others(forms, serve):
    address = serve(33)
    done = run_harness(forms, "parity", address, "recorded:answers.csv", "wheel", "commit")
    assert done.code == 1, done.out
    assert f"4 forms, 2 different: {address}  |  recorded:answers.csv = wheel = commit" in done.out
    for other in ("recorded:answers.csv", "wheel", "commit"):
        assert f"{address} and {other} part ways: 20 of 20 cases compared" in done.out
    assert done.out.count("r19: x 19.0; prediction 33.0 → 39.0") == 3
    assert done.out.count(" agree: 20 of 20 cases compared") == 3


def test_a_form_with_itself_under_another_name_is_asked_and_not_taken_for_granted(zoo, tmp_path):
    """Both names lead to the same digest; a model that does not repeat itself parts from itself."""
    project = zoo.project(tmp_path, "random_answers", "random_answers")
    wheel = next((project / "baseline").glob("*.whl"))
    done = run_harness(project, "parity", "baseline", f"wheel:baseline/{wheel.name}")
    assert done.code == 1, done.out
    assert "2 forms, 2 different" in done.out


def test_a_form_that_cannot_be_reached_is_no_agreement(project):
    done = run_harness(project, "parity", "baseline", "candidate", "http://127.0.0.1:9/predict")
    assert done.code == 10, done.out
    assert "cannot say" in done.out
    assert "3 forms, 2 different" in done.out


def test_one_that_fails_stands_before_one_that_cannot_be_judged(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted")
    done = run_harness(project, "parity", "http://127.0.0.1:9/predict", "baseline", "candidate")
    assert done.code == 1, done.out


@pytest.mark.parametrize("specs", [["baseline"], ["baseline", "baseline"]])
def test_it_needs_two_forms(project, specs):
    done = run_harness(project, "parity", *specs)
    assert done.code == 4, done.out
    assert "next" in done.out
