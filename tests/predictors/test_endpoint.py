"""A live endpoint, against a real server on loopback that misbehaves in one way at a time."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harness.errors import Exit, HarnessError
from harness.predictors.endpoint import LARGEST, EndpointPredictor
from harness.settings import Profile
from harness.versions.version import Version

from .conftest import BAD, XS, batch_of

GOOD = [2 * x + 1 for x in XS]


class Server(ThreadingHTTPServer):
    """Answers by `behaviour(handler, records)`, and keeps every request's headers and records."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour: Callable[[Handler, Any], None] = lambda handler, records: handler.answer(
            predictions(records)
        )
        self.requests: list[tuple[dict[str, str], Any]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/predict"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((dict(self.headers), records))
        self.server.behaviour(self, records)

    def answer(self, data: Any, status: int = 200, **headers: str) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def predictions(records: list[dict[str, Any]]) -> list[float]:
    return [2 * record["x"] + 1 for record in records]


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ask(server):
    """Ask the server one batch; `wishes` go into the version's profile."""

    def asked(xs=XS, address="", **wishes):
        profile = Profile(**{"timeout": 5.0, **wishes})
        where = address or server.address
        predictor = EndpointPredictor(
            Version(where, "endpoint", "m", "", where, "", profile=profile), "candidate", print
        )
        notes = ()
        try:
            assert predictor.open().isolation == "remote"
            outcome = predictor.predict(batch_of(xs))
            notes = outcome.notes
            return outcome
        finally:
            assert predictor.close() == tuple(f"candidate: {note}" for note in notes)

    return asked


@pytest.fixture
def refused(ask):
    def of(code: str, words: str, **how: Any) -> HarnessError:
        with pytest.raises(HarnessError, match=f"^{code} .*{words}") as caught:
            ask(**how)
        assert caught.value.where
        assert caught.value.hint
        return caught.value

    return of


class TestGoodReplies:
    @pytest.mark.parametrize(
        "shape",
        [
            predictions,
            lambda records: {"predictions": predictions(records)},
            lambda records: [{"prediction": answer} for answer in predictions(records)],
            lambda records: {"prediction": predictions(records)},
        ],
        ids=["list", "predictions", "records", "columns"],
    )
    def test_in_any_usual_shape(self, server, ask, shape):
        server.behaviour = lambda handler, records: handler.answer(shape(records))
        outcome = ask()
        assert outcome.columns["prediction"].tolist() == GOOD
        assert outcome.answered.all()
        assert len(server.requests) == 1

    def test_where_the_profile_says(self, server, ask):
        server.behaviour = lambda handler, sent: handler.answer({"a": {"b": predictions(sent["inputs"])}})
        outcome = ask(request='{"inputs": $records}', outputs="a.b")
        assert outcome.columns["prediction"].tolist() == GOOD

    def test_compressed(self, server, ask):
        server.behaviour = lambda handler, records: handler.answer(
            gzip.compress(json.dumps(predictions(records)).encode()), Content_Encoding="gzip",
            Content_Length=str(len(gzip.compress(json.dumps(predictions(records)).encode()))),
        )  # fmt: skip
        assert ask().columns["prediction"].tolist() == GOOD

    def test_what_is_no_number_is_sent_as_null(self, server, ask):
        server.behaviour = lambda handler, records: handler.answer([0.0 for _ in records])
        ask([float("nan"), float("inf"), None, 1.0])
        assert [record["x"] for record in server.requests[0][1]] == [None, None, None, 1.0]

    def test_integers_beyond_every_float(self, server, ask):
        server.behaviour = lambda handler, records: handler.answer([10**400, *(0.5 for _ in records[1:])])
        assert ask().columns["prediction"].item(0) == 10**400


class TestRecordsThatAreRefused:
    @pytest.mark.parametrize("status", [400, 422, 500])
    def test_they_are_found_and_are_faults(self, server, ask, status):
        def behaviour(handler, records):
            if any(record["x"] == 13 for record in records):
                handler.answer({"detail": "x must not be 13"}, status)
            else:
                handler.answer(predictions(records))

        server.behaviour = behaviour
        outcome = ask()
        ((row, error, message),) = [(f.row, f.error, f.message) for f in outcome.faults]
        assert (row, error, message) == (BAD, f"HTTP {status}", '{"detail": "x must not be 13"}')
        assert outcome.answered.tolist() == [x != 13 for x in XS]

    def test_fewer_answers_than_records(self, server, ask):
        server.behaviour = lambda handler, records: handler.answer(
            predictions([r for r in records if r["x"] != 13])
        )
        assert ask().dropped == (BAD,)


class TestNoReply:
    def test_refused_connection(self, refused):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        error = refused(
            "E33", "cannot reach candidate at .*Connection refused", address=f"http://127.0.0.1:{port}/"
        )
        assert error.exit == Exit.INCONCLUSIVE
        assert "0x" not in error.message

    def test_a_service_that_hangs_up(self, server, refused):
        server.behaviour = lambda handler, records: handler.connection.shutdown(socket.SHUT_RDWR)
        refused("E33", "cannot reach")

    def test_silence(self, server, refused):
        server.behaviour = lambda handler, records: time.sleep(3)
        began = time.monotonic()
        refused("E34", "total deadline 0.5 s passed", timeout=0.5)
        assert time.monotonic() - began < 1.5

    def test_a_drip_in_the_body(self, server, refused):
        def drip(handler, records):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            for _ in range(60):
                handler.wfile.write(b" ")
                time.sleep(0.05)

        server.behaviour = drip
        began = time.monotonic()
        refused("E34", "total deadline 0.5 s passed", timeout=0.5)
        assert time.monotonic() - began < 1.5

    def test_a_body_that_stops(self, server, refused):
        def stall(handler, records):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            handler.wfile.write(b"[1, ")
            time.sleep(3)

        server.behaviour = stall
        began = time.monotonic()
        refused("E34", "total deadline 0.5 s passed", timeout=0.5)
        assert time.monotonic() - began < 1.5

    def test_a_drip_in_the_headers(self, server, refused):
        def drip(handler, records):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            for _ in range(60):
                handler.wfile.write(b"x")
                time.sleep(0.05)

        server.behaviour = drip
        began = time.monotonic()
        refused("E34", "total deadline 0.5 s passed", timeout=0.5)
        assert time.monotonic() - began < 1.5

    def test_cut_short(self, server, refused):
        def cut(handler, records):
            handler.answer(b"[1.0, 2.0", Content_Length="812")
            handler.connection.shutdown(socket.SHUT_RDWR)

        server.behaviour = cut
        refused("E35", r"reply cut short at \d+ bytes")

    def test_a_bomb(self, server, refused):
        body = gzip.compress(b" " * (LARGEST * 20))
        assert len(body) < LARGEST
        server.behaviour = lambda handler, records: handler.answer(body, Content_Encoding="gzip")
        refused("E36", "reply over 10 MiB")

    def test_too_large(self, server, refused):
        server.behaviour = lambda handler, records: handler.answer(b" " * (LARGEST + 1))
        refused("E36", "reply over 10 MiB")


class TestNoPrediction:
    def test_html(self, server, refused):
        server.behaviour = lambda handler, records: handler.answer(
            b"<html>\n<script>alert(1)</script>" + b"x" * 500
        )
        error = refused("E37", "not a prediction reply: <html> <script>")
        assert len(error.message) < 300

    @pytest.mark.parametrize(
        "reply", [b"", b"5", b"null", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000], ids=repr
    )
    def test_other_json(self, server, refused, reply):
        server.behaviour = lambda handler, records: handler.answer(reply)
        refused("E37", "")

    @pytest.mark.parametrize("reply", ['{"predictions": {"a": 1}, "model": "m"}', '{"a": [1], "b": [1, 2]}'])
    def test_answers_in_no_place(self, server, refused, reply):
        server.behaviour = lambda handler, records: handler.answer(reply.encode())
        refused("E37", "not a prediction reply")

    @pytest.mark.parametrize("status", [401, 403, 404, 418])
    def test_other_statuses(self, server, refused, status):
        server.behaviour = lambda handler, records: handler.answer({"detail": "no"}, status)
        refused("E37", f"status {status}")

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            ("[NaN]", "NaN"),
            ("[-Infinity]", "-Infinity"),
            ("[1e400]", "1e400"),
            ('{"a": [1], "a": [2]}', "twice"),
        ],
    )
    def test_json_that_only_lenient_readers_take(self, server, refused, reply, words):
        server.behaviour = lambda handler, records: handler.answer(reply.encode())
        refused("E43", f"non-strict JSON: .*{words}", xs=[1.0])


class TestBusy:
    @pytest.mark.parametrize("status", [429, 503])
    def test_three_retries(self, server, refused, status):
        server.behaviour = lambda handler, records: handler.answer({}, status)
        refused("E38", f"status {status} after 3 retries")
        assert len(server.requests) == 4

    def test_a_service_that_recovers(self, server, ask):
        server.behaviour = lambda handler, records: (
            handler.answer({}, 503) if len(server.requests) < 3 else handler.answer(predictions(records))
        )
        assert ask().columns["prediction"].tolist() == GOOD

    def test_retries_end_with_the_deadline(self, server, refused):
        server.behaviour = lambda handler, records: handler.answer({}, 503)
        began = time.monotonic()
        refused("E3[48]", "", timeout=0.3)
        assert time.monotonic() - began < 1


class TestSecrets:
    def test_a_redirect_is_refused_and_gets_nothing(self, server, refused, monkeypatch):
        monkeypatch.setenv("SCORING_TOKEN", "hunter2")
        other = Server()
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            server.behaviour = lambda handler, records: handler.answer(b"", 307, Location=other.address)
            error = refused(
                "E39", "redirect to other host refused", headers={"Authorization": "env:SCORING_TOKEN"}
            )
        finally:
            other.shutdown()
            other.server_close()
            thread.join()
        assert error.exit == Exit.REFUSED
        assert other.requests == []

    def test_headers_come_from_the_environment(self, server, ask, refused, monkeypatch):
        monkeypatch.setenv("SCORING_TOKEN", "Bearer hunter2")
        headers = {"Authorization": "env:SCORING_TOKEN", "X-Plain": "as it is"}
        ask(headers=headers)
        sent = server.requests[0][0]
        assert (sent["Authorization"], sent["X-Plain"]) == ("Bearer hunter2", "as it is")
        monkeypatch.delenv("SCORING_TOKEN")
        refused("E33", "needs the environment variable SCORING_TOKEN", headers=headers)

    def test_no_netrc_and_no_proxy(self, server, ask, monkeypatch, tmp_path):
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        ask()
        assert "Authorization" not in server.requests[0][0]

    def test_no_secret_in_a_message(self, server, refused, monkeypatch):
        monkeypatch.setenv("SCORING_TOKEN", "hunter2")
        server.behaviour = lambda handler, records: handler.answer({"detail": "no"}, 403)
        error = refused("E37", "status 403", headers={"Authorization": "env:SCORING_TOKEN"})
        assert "hunter2" not in str(error)
