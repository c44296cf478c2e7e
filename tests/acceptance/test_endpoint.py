"""A released package compared with a real HTTP server process that serves another version."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from .running import run_pytest

SERVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if any(record["x"] == REFUSED for record in records):
            return self.reply(422, {"detail": "thirteen is not served"})
        self.reply(200, {"predictions": [2 * record["x"] + 1 + SHIFT for record in records]})

    def do_GET(self):
        self.reply(200, {"ready": True})

    def reply(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def serve():
    """Start a server of a version whose answers are shifted; the address of it."""
    running = []

    def start(shift: float = 0.0, refused: float = -1.0) -> str:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        code = SERVER.replace("SHIFT", str(shift)).replace("REFUSED", str(refused))
        running.append(subprocess.Popen([sys.executable, "-c", code, str(port)]))
        address = f"http://127.0.0.1:{port}/predict"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(address, timeout=1).close()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
            else:
                return address
        raise AssertionError("the server did not start")

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


@pytest.fixture
def project(zoo, tmp_path):
    return zoo.project(tmp_path, "good", "good")


def test_a_server_of_the_same_version_passes(project, serve):
    address = serve()
    done = run_pytest(project, f"--compare-to={address}", "-v")
    assert done.code == 0, done.out
    assert done.verdict["baseline"]["spec"] == address
    assert done.verdict["compared"] == 20
    assert "isolation: remote / process" in done.out


def test_a_server_of_another_version_fails(project, serve):
    done = run_pytest(project, f"--compare-to={serve(shift=0.5)}")
    assert done.code == 1, done.out
    assert "DO NOT RELEASE: 20 of 20 rows" in done.out
    assert "--compare-change=retrain" in done.lines[-1]


def test_a_record_that_the_server_refuses_is_a_fault_of_that_record(project, serve):
    done = run_pytest(project, f"--compare-to={serve(refused=13)}")
    assert done.code == 1, done.out
    assert done.verdict["accounting"]["baseline_faulted"] == 1
    assert done.verdict["compared"] == 19
    record = json.loads((project / "reports" / "report.json").read_text())
    assert [one["error"] for one in record["faults"] if one["side"] == "baseline"] == ["HTTP 422"]


def test_a_server_that_is_gone_cannot_be_judged(project):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run_pytest(project, f"--compare-to=http://127.0.0.1:{port}/predict")
    assert done.code == 10, done.out
    assert "CANNOT SAY: E33 cannot reach baseline" in done.out


def test_plain_http_to_another_machine_is_refused(project):
    done = run_pytest(project, "--compare-to=http://example.invalid/predict")
    assert done.code == 12, done.out
    assert "E39" in done.out


def test_nobodys_service_is_searched_unasked(zoo, tmp_path, serve):
    search = '[[inputs]]\nname = "search"\ngenerate = { rows = 50 }\n'
    project = zoo.project(tmp_path, "good", "good", settings=search)
    done = run_pytest(project, f"--compare-to={serve()}")
    assert done.code == 4, done.out
    assert "accepts_generated = true" in done.out


def test_a_servers_calls_are_timed_and_its_start_is_not(zoo, tmp_path, serve):
    rules = '[[rules]]\nname = "calls"\nrule = "latency"\ncalls = 30\nmax_seconds = 60\n'
    project = zoo.project(tmp_path, "good", "good", settings=rules)
    address = serve()
    done = run_pytest(project, f"--compare-to={address}")
    assert done.code == 0, done.out
    (one,) = json.loads((project / "reports" / "report.json").read_text())["run"]["operations"]
    assert one["pairs"] == 30
    assert one["baseline"] > 0
    path = project / "harness.toml"
    path.write_text(path.read_text() + '[[rules]]\nname = "start"\nrule = "start_time"\nmax_ratio = 9\n')
    done = run_pytest(project, f"--compare-to={address}")
    assert done.code == 10, done.out
    assert "E28 the baseline" in done.out
    assert "its process is not started here" in done.verdict["reason"]
