"""Replies to another question, and JSON that only lenient readers take (rows 42 and 43): none of them is compared."""

from __future__ import annotations

import http.server
import json
import threading

import pytest

from .running import run_pytest
from .test_alignment import KEYED, OUTPUTS, PLAIN


class Service(http.server.ThreadingHTTPServer):
    """Answers by `body(request, records)`, bytes, with the headers of `headers(request)`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = lambda request, records: json.dumps([2 * one["x"] + 1 for one in records]).encode()
        self.headers = lambda request: {}
        self.asked = 0

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/predict"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.asked += 1
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        records = sent["inputs"] if isinstance(sent, dict) else sent
        body = self.server.body(sent, records)
        self.send_response(200)
        for name, value in {"Content-Length": len(body), **self.server.headers(self)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Quiet."""


@pytest.fixture
def service():
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def unsure(done, code, *words):
    assert done.code == 10, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    assert done.verdict["accounting"]["compared"] == 0
    for word in (f"CANNOT SAY: {code} ", *words):
        assert word in " ".join(done.out.split())
    assert done.lines[-1].startswith("next: ")
    assert "Traceback" not in done.out


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"predictions": [1], "predictions": [2]}', "a key stands twice"),
        (b"[NaN]", "NaN"),
        (b"[1e400]", "1e400"),
    ],
)
def test_e43_json_that_only_lenient_readers_take(zoo, tmp_path, service, body, words):
    service.body = lambda request, records: body
    done = run_pytest(zoo.project(tmp_path), f"--compare-to={service.address}", "-q")
    unsure(done, "E43", f"baseline non-strict JSON: {words}")


def test_e42_a_worker_that_answers_another_question(zoo, tmp_path):
    done = run_pytest(
        zoo.project(tmp_path, "good", "answers_before_it_is_asked"), "--compare-to=baseline", "-q"
    )
    unsure(done, "E42", "candidate reply id mismatch", "next: let it answer each question once")


@pytest.mark.parametrize("version", ["worker", "endpoint"])
def test_e42_answers_to_other_cases(zoo, tmp_path, service, version):
    made = zoo.project(tmp_path, source=PLAIN, inputs=KEYED, outputs=OUTPUTS, pass_as="records")
    others = PLAIN.replace("row['id']", "'other ' + row['id']")
    zoo.wheel(
        made / "candidate", version="1.1.0", source=others, inputs=KEYED, outputs=OUTPUTS, pass_as="records"
    )
    service.body = lambda request, records: json.dumps(
        [{"id": "other " + one["id"], "prediction": 2 * one["x"] + 1} for one in records]
    ).encode()
    spec = "candidate" if version == "worker" else service.address
    done = run_pytest(made, "--compare-to=baseline", f"--compare-candidate={spec}", "-q")
    unsure(done, "E42", "none of the 20 answers is of a case that was asked, by their column id")


def two_blocks(zoo, tmp_path, service, profile=""):
    made = zoo.project(tmp_path, xs=[row % 50 for row in range(9000)])
    path = made / "harness.toml"
    path.write_text(path.read_text() + f'[versions.live]\nspec = "{service.address}"\n{profile}\n')
    return run_pytest(made, "--compare-to=live", "-q")


def test_e42_a_reply_to_an_earlier_request(zoo, tmp_path, service):
    """Of a cache, say: the service gives back the number of each request, until it does not."""
    seen = []

    def echo(request):
        seen.append(request.headers["X-Request-ID"])
        return {"X-Request-ID": seen[0]}

    service.headers = echo
    done = two_blocks(zoo, tmp_path, service)
    assert done.code == 10, done.out
    assert "E42 baseline reply id mismatch: the reply is to another request" in done.out
    assert len(set(seen)) == len(seen) > 1
    # what was answered before stands
    assert done.verdict["accounting"]["compared"] == 4096


def test_a_service_that_numbers_its_replies_itself_is_believed(zoo, tmp_path, service):
    service.headers = lambda request: {"X-Request-ID": f"mine-{service.asked}"}
    done = two_blocks(zoo, tmp_path, service)
    assert done.code == 0, done.out


@pytest.mark.parametrize("echoes", [True, False])
def test_e42_an_id_in_the_body(zoo, tmp_path, service, echoes):
    def body(request, records):
        given = request["id"] if echoes else "1"
        return json.dumps({"id": given, "predictions": [2 * one["x"] + 1 for one in records]}).encode()

    service.body = body
    profile = """request = '{"id": "$id", "inputs": $records}'"""
    done = two_blocks(zoo, tmp_path, service, profile)
    if echoes:
        assert done.code == 0, done.out
    else:
        unsure(done, "E42", "its id is not the $id of the request")
