"""A live endpoint, asked over HTTP with JSON records: under a deadline, within a size, never redirected."""

from __future__ import annotations

import json
import math
import os
import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from harness import worker
from harness.errors import Exit, HarnessError
from harness.predictors.isolated import read_outcome, told_of
from harness.predictors.predictor import Running
from harness.tables import Batch, Outcome
from harness.versions.version import Version

LARGEST = 10 * 2**20
RETRIES = 3
FAULTS = (400, 409, 422, 500)
"""Statuses by which a service says that it fails on these records; the others say that it cannot be asked."""

ID = "X-Request-ID"

Reply = tuple[int, str | None, bytes, str | None]
"""Status, the host of a redirect (None without one), the body, the request that it says it answers."""


class EndpointPredictor:
    """Posts records and reads predictions. Raises HarnessError E33–E40 for whatever is no answer."""

    def __init__(
        self, version: Version, side: str, progress: Callable[[str], None], private: Collection[str] = ()
    ) -> None:
        self.version, self._side = version, side
        self._session: requests.Session | None = None
        self._echoes = False
        self._noted: Counter[str] = Counter()

    def open(self) -> Running:
        """Make the session. A service has no agreed way to say that it is ready but an answer."""
        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False  # no proxy, no .netrc that would replace our own headers
            self._session.headers.update(self._headers())
        return Running("remote")

    def predict(self, batch: Batch) -> Outcome:
        """Ask the whole batch; records that the service refuses are found one by one and are faults."""
        self.open()
        records = [batch.case(row) for row in range(len(batch))]
        deadline = time.monotonic() + self.version.profile.timeout

        def call(rows: Sequence[int]) -> Any:
            return self._post([records[row] for row in rows], deadline)

        began = time.perf_counter()
        try:
            found = worker.ask(
                call,
                len(batch),
                self.version.profile.outputs or _usual_place,
                passing=(HarnessError, worker.Unreadable),
                key=(batch.key, batch.columns[batch.key].tolist() if batch.key else ()),
            )
        except worker.Trouble as trouble:
            raise self._error(trouble.code, trouble.message) from None
        except worker.Unreadable as error:
            raise self._error("E37", f"not a prediction reply: {error}") from None
        columns, answered = worker.join(found, len(batch))
        specs, chunks = worker.pack(columns)
        reply = {
            "columns": specs,
            "answered": [row for row, there in enumerate(answered) if there],
            "faults": [[row, *fault] for row, fault in sorted(found.faults.items())],
            "dropped": found.dropped,
            "reordered": found.reordered,
            "extra": found.extra,
            "notes": found.notes,
            "seconds": time.perf_counter() - began,
        }
        self._noted.update(found.notes)
        return read_outcome(reply, b"".join(chunks), len(batch), lambda words: self._error("E37", words))

    def close(self) -> tuple[str, ...]:
        """Close the connections; what was noted of how batches were asked comes back."""
        if self._session is not None:
            self._session.close()
            self._session = None
        events = told_of(self._side, self._noted)
        self._noted.clear()
        return tuple(events)

    def _post(self, records: list[dict[str, Any]], deadline: float) -> Any:
        # NaN is no JSON: a missing number is null, as every service reads it
        body = json.dumps([{k: _strict(v) for k, v in one.items()} for one in records], allow_nan=False)
        template, number = self.version.profile.request, str(uuid.uuid4())
        if template:
            body = template.replace("$id", number).replace("$records", body)
        for attempt in range(RETRIES + 1):
            status, elsewhere, content, echo = self._in_time(body, number, deadline)
            if status not in (429, 503):
                break
            if attempt < RETRIES:
                time.sleep(min(0.2 * 2**attempt, max(0.0, deadline - time.monotonic())))
        if elsewhere is not None:
            raise self._error(
                "E39", f"redirect to other host refused: {elsewhere or 'elsewhere'}", Exit.REFUSED
            )
        if status in (429, 503):
            raise self._error("E38", f"status {status} after {RETRIES} retries")
        if status in FAULTS:
            raise Refused(status, content)
        if not 200 <= status < 400:
            raise self._error("E37", f"status {status}: {_shown(content)}")
        reply = self._parsed(content)
        if echo == number:
            self._echoes = True
        # many services number their replies in their own way; one that gave our number back does not
        elif self._echoes and echo is not None:
            raise self._error("E42", f"reply id mismatch: the reply is to another request, by its {ID}")
        if template and "$id" in template and not (isinstance(reply, dict) and reply.get("id") == number):
            raise self._error("E42", "reply id mismatch: its id is not the $id of the request")
        return reply

    def _in_time(self, body: str, number: str, deadline: float) -> Reply:
        """One exchange, given up at the deadline whatever the service does: time-outs of sockets begin anew with
        every byte, so a drip outlives them."""
        self.open()
        assert self._session is not None
        done: queue.SimpleQueue[Reply | BaseException] = queue.SimpleQueue()
        left = max(0.0, deadline - time.monotonic())
        asked = (self._session, body, number, left, done)
        threading.Thread(target=self._exchange, args=asked, daemon=True).start()
        try:
            found = done.get(timeout=left)
        except queue.Empty:
            self._session = None  # the thread still waits on it, until its service lets go
            raise self._error("E34", f"total deadline {self.version.profile.timeout:g} s passed") from None
        if isinstance(found, BaseException):
            raise found
        return found

    def _exchange(
        self,
        session: requests.Session,
        body: str,
        number: str,
        left: float,
        done: queue.SimpleQueue[Reply | BaseException],
    ) -> None:
        try:
            # a second more than whoever waits for us: the deadline is theirs to call
            response = session.post(
                self.version.location,
                data=body.encode(),
                headers={"Content-Type": "application/json", "Accept": "application/json", ID: number},
                timeout=left + 1,
                allow_redirects=False,
                stream=True,
            )
            with response:
                echo = response.headers.get(ID)
                if response.is_redirect or response.is_permanent_redirect:
                    elsewhere = urlsplit(response.headers.get("Location", "")).netloc
                    done.put((response.status_code, elsewhere, b"", echo))
                elif response.status_code in (429, 503):
                    done.put((response.status_code, None, b"", echo))
                else:
                    done.put((response.status_code, None, self._content(response), echo))
        except requests.RequestException as error:
            words = f"cannot reach {self._side} at {self.version.location}: {_cause(error)}"
            done.put(self._error("E33", words))
        except BaseException as error:
            done.put(error)

    def _content(self, response: requests.Response) -> bytes:
        """The body, read piece by piece: a bomb must not outlive the memory."""
        content = bytearray()
        try:
            for piece in response.iter_content(2**14):
                content += piece
                if len(content) > LARGEST:
                    raise self._error("E36", f"reply over {LARGEST // 2**20} MiB")
        except requests.RequestException:
            raise self._error("E35", f"reply cut short at {len(content)} bytes") from None
        promised = response.headers.get("Content-Length", "")
        if promised.isdigit() and "Content-Encoding" not in response.headers and len(content) < int(promised):
            raise self._error("E35", f"reply cut short at {len(content)} bytes")
        return bytes(content)

    def _parsed(self, content: bytes) -> Any:
        try:
            return json.loads(
                content, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
            )
        except NotStrict as error:
            raise self._error("E43", f"non-strict JSON: {error}") from None
        except (ValueError, RecursionError):
            raise self._error("E37", f"not a prediction reply: {_shown(content)}") from None

    def _headers(self) -> dict[str, str]:
        headers = {}
        for name, value in self.version.profile.headers.items():
            variable = value.removeprefix("env:")
            if variable != value and variable not in os.environ:
                raise self._error("E33", f"header {name} needs the environment variable {variable}")
            headers[name] = value if variable == value else os.environ[variable]
        return headers

    def _error(self, code: str, words: str, exit: Exit = Exit.INCONCLUSIVE) -> HarnessError:
        return HarnessError(
            f"{self._side} {words}" if code != "E33" else words,
            where=f"{self._side} at {self.version.location}",
            hint="let it answer each request once, with the keys and the id that it was given; look at caches between"
            if code == "E42"
            else "ask the service by hand with one record; a version profile sets request, outputs and timeout",
            code=code,
            exit=exit,
        )


class Refused(Exception):
    """The service says that it fails on what it was sent."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__(_shown(content))
        self.name_of_fault = f"HTTP {status}"


class NotStrict(Exception):
    """JSON that only lenient readers take."""


def _usual_place(reply: Any) -> Any:
    """Where a service usually puts its answers when nothing is configured: the reply, or its `predictions`."""
    return reply["predictions"] if isinstance(reply, dict) and "predictions" in reply else reply


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("a key stands twice")
    return found


def _no_constant(text: str) -> Any:
    raise NotStrict(text)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotStrict(text)
    return value


def _shown(content: bytes) -> str:
    return " ".join(content[:200].decode("utf-8", "replace").split())


def _cause(error: BaseException) -> str:
    """The innermost reason, without the addresses of objects that libraries put into it."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return " ".join(str(error).split())[:200] or type(error).__name__
