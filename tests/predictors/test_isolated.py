"""Every animal of the zoo, in its cage: what it answers, or how its end is told."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import Exit, HarnessError
from harness.predictors import outbox
from harness.predictors.isolated import IsolatedPredictor
from harness.predictors.process import Ended, Process
from harness.settings import Profile
from harness.tables import Batch, Column

from .conftest import BAD, XS, batch_of

GOOD = [2 * x + 1 for x in XS]
REST = [row for row in range(len(XS)) if row != BAD]


def alive(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


INFRASTRUCTURE = [
    (
        "raises_on_import",
        "E08",
        r"does not import: ValueError: no weights here at zoo_raises_on_import/model.py:3",
    ),
    ("imports_the_missing", "E08", "No module named 'no_such_library_at_all'"),
    ("imports_the_missing_later", "E08", "No module named 'no_such_library_at_all'"),
    ("has_no_entry", "E08", "has no attribute 'predict'"),
    ("is_not_callable", "E08", "is not callable"),
    ("sys_exits_on_import", "E08", "SystemExit: 0"),
    ("exits_on_import", "E01", r"ended while it was imported \(code 0\)"),
    ("exits_at_13", "E01", r"worker ended early \(code 0\) after 0 answers, in a batch of 10"),
    ("closes_everything", "E01", r"worker ended early \(code 1\)"),
    ("dies_on_import", "E02", "SIGABRT"),
    ("dies_at_13", "E02", r"killed by SIGSEGV on case k6 of rows: x=13\.0"),
    ("interrupts_at_13", "E02", "killed by SIGINT on case k6 of rows"),
    ("dies_of_many", "E02", "no single case does it alone"),
    ("dies_once", "E02", "no single case does it alone"),
    ("runs_out_of_memory", "E03", "ran out of memory"),
    ("writes_garbage", "E06", r"these bytes start no frame: b'<html>garbage"),
    ("writes_a_huge_frame", "E06", r"1152921504606846976 bytes is too large"),
    ("writes_a_strange_reply", "E06", "no object"),
    ("answers_before_it_is_asked", "E42", "reply id mismatch: question 2 has the reply to 0"),
    ("answers_a_circle", "E06", "Circular reference"),
]


@pytest.mark.parametrize(("name", "code", "words"), INFRASTRUCTURE, ids=[one[0] for one in INFRASTRUCTURE])
def test_infrastructure_ends_in_its_code(trouble, name, code, words):
    error = trouble(name)
    assert error.code == code
    assert error.exit == Exit.INCONCLUSIVE
    assert error.headline.startswith(f"{code} candidate ")
    assert "animal 1.0.0" in error.where
    assert error.hint
    assert re.search(words, error.message), error.message


FAULTS = [
    ("raises_at_13", "ValueError", "thirteen brings bad luck"),
    ("raises_otherwise_at_13", "KeyError", "'thirteen'"),
    ("raises_the_unprintable", "Unprintable", "(its message cannot be printed)"),
    ("recurses", "RecursionError", "maximum recursion depth exceeded"),
    ("sys_exits_at_13", "SystemExit", "0"),
    ("answers_a_generator", "ValueError", "thirteen, half way"),
    ("writes_into_its_input", "ValueError", "thirteen, after the input was changed"),
]


@pytest.mark.parametrize(("name", "error", "message"), FAULTS, ids=[one[0] for one in FAULTS])
def test_a_row_that_raises_is_a_fault_and_the_others_are_answered(caged, name, error, message):
    outcome = caged(name).predict(batch_of())
    ((row, found, said),) = [(f.row, f.error, f.message) for f in outcome.faults]
    assert (row, found, said) == (BAD, error, message)
    assert outcome.answered.tolist() == [x != 13 for x in XS]
    assert outcome.columns["prediction"].values[REST].tolist() == [GOOD[row] for row in REST]
    assert outcome.dropped == ()


def test_frames_of_a_fault_start_in_the_package(caged):
    (fault,) = caged("raises_at_13").predict(batch_of()).faults
    assert fault.frames == ("zoo_raises_at_13/model.py:6 in predict",)


def test_a_long_message_is_cut_and_can_be_written_to_any_file(caged):
    (fault,) = caged("raises_at_length").predict(batch_of()).faults
    assert len(fault.message) < 400
    assert fault.message.encode().startswith(b"\x1b[31m<script>")


@pytest.mark.parametrize("name", ["raises_on_all", "answers_none", "answers_twins"])
def test_every_row_can_fail(caged, name):
    outcome = caged(name).predict(batch_of())
    assert [fault.row for fault in outcome.faults] == list(range(len(XS)))
    assert not outcome.answered.any()


GOOD_ONES = [
    "good", "good_frame", "rewritten", "slow", "prints_on_import", "prints", "prints_without_end", "reads_stdin",
    "shadows", "patches", "moves_away", "answers_big_endian", "answers_columns", "answers_records",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_ONES)
def test_what_it_does_besides_does_not_matter(caged, name):
    predictor = caged(name)
    for _ in range(2):
        outcome = predictor.predict(batch_of())
        assert outcome.columns["prediction"].tolist() == GOOD
        assert outcome.answered.all()
        assert (outcome.faults, outcome.dropped, outcome.extra, outcome.reordered) == ((), (), 0, False)
    assert predictor.close() == ()


ANSWERS = [
    ("answers_nan", "prediction", "float", "<f8", {BAD: float("nan")}),
    ("answers_infinity", "prediction", "float", "<f8", {BAD: float("inf")}),
    ("answers_null", "prediction", "float", "<f8", {BAD: None}),
    ("answers_mixed", "prediction", "json", "|O", {BAD: "thirteen", 0: 3.0}),
    ("answers_a_matrix", "prediction[0]", "float", "<f8", {0: 3.0}),
    ("answers_a_cube", "prediction", "json", "|O", {0: [[1.0, 0.0], [1.0, 2.0]]}),
    ("answers_pairs", "prediction[1]", "float", "<f8", {0: -1.0}),
    ("answers_ragged", "prediction", "json", "|O", {1: [2.0, 2.0]}),
    ("answers_float32", "prediction", "float", "<f4", {0: 3.0}),
    ("answers_int8", "prediction", "int", "|i1", {0: 127, BAD: -128}),
    ("answers_uint64", "prediction", "int", "<u8", {0: 2**53 + 1, BAD: 2**64 - 1}),
    ("answers_labels_as_text", "prediction", "str", "|O", {0: "0", BAD: "1"}),
    ("answers_labels_as_numbers", "prediction", "int", "<i8", {0: 0, BAD: 1}),
    ("answers_labels_as_booleans", "prediction", "bool", "|b1", {0: False, BAD: True}),
    ("answers_numpy_labels", "prediction", "str", "|O", {0: "low", BAD: "high"}),
    ("answers_categories", "prediction", "str", "|O", {0: "low", BAD: "high"}),
    ("answers_nullable", "prediction", "int", "<i8", {0: 1, BAD: None}),
    ("answers_bytes", "prediction", "bytes", "|O", {1: b"\x01\x00\xff"}),
    ("answers_strange_text", "prediction", "str", "|O", {0: "\ud800", 1: "a\0b", 5: None}),
    ("answers_datetimes", "prediction", "datetime", "<M8[ns]", {0: "2020-01-02", BAD: None}),
    ("answers_far_datetimes", "prediction", "json", "|O", {0: datetime.datetime(9999, 12, 31)}),
    ("answers_the_unpackable", "prediction", "json", "|O", {BAD: 10**400, 0: 3.0}),
    ("answers_nested", "prediction", "json", "|O", {0: {"value": 3.0, "because": ["x", None, 10**30]}}),
    ("answers_uneven_records", "more", "float", "<f8", {0: 1.0, BAD: None}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "column", "kind", "dtype", "values"), ANSWERS, ids=[one[0] for one in ANSWERS]
)
def test_answers_arrive_as_what_they_were(caged, name, column, kind, dtype, values):
    outcome = caged(name).predict(batch_of())
    found = outcome.columns[column]
    assert (found.kind, found.values.dtype.str) == (kind, dtype)
    for row, value in values.items():
        assert repr(found.item(row)) == repr(value) or found.item(row) == value
        assert type(found.item(row)) is type(value) or kind == "datetime"
    assert outcome.answered.all()


class TestCounts:
    @pytest.mark.parametrize("name", ["answers_fewer", "answers_fewer_by_index"])
    def test_a_row_left_out_is_dropped_and_no_other_moves(self, caged, name):
        outcome = caged(name).predict(batch_of())
        assert outcome.dropped == (BAD,)
        assert outcome.columns["prediction"].values[REST].tolist() == [GOOD[row] for row in REST]
        assert outcome.answered.tolist() == [x != 13 for x in XS]

    def test_a_wrong_count_is_said(self, caged):
        assert caged("answers_fewer").predict(batch_of()).notes == ("expected 10 answers, got 9",)

    def test_an_answer_too_many_by_index_is_counted(self, caged):
        outcome = caged("answers_more_by_index").predict(batch_of())
        assert outcome.extra == 1
        assert outcome.columns["prediction"].tolist() == GOOD

    def test_two_answers_to_one_row_are_a_fault_of_that_row(self, caged):
        outcome = caged("answers_more").predict(batch_of())
        assert [fault.message for fault in outcome.faults] == ["2 answers to one row"]
        assert outcome.answered.sum() == len(XS) - 1

    def test_nothing_at_all(self, caged):
        outcome = caged("answers_nothing").predict(batch_of())
        assert outcome.dropped == tuple(range(len(XS)))
        assert not outcome.answered.any()

    def test_an_index_that_says_another_order_is_followed(self, caged):
        outcome = caged("answers_backwards_by_index").predict(batch_of())
        assert outcome.reordered
        assert outcome.columns["prediction"].tolist() == GOOD

    def test_an_order_of_which_nothing_speaks_is_taken_as_it_is(self, caged):
        outcome = caged("answers_backwards").predict(batch_of())
        assert not outcome.reordered
        assert outcome.columns["prediction"].tolist() == GOOD[::-1]

    def test_one_answer_for_all_makes_every_row_asked_alone(self, caged):
        outcome = caged("answers_one_for_all").predict(batch_of())
        assert outcome.columns["prediction"].tolist() == [0.5] * len(XS)
        assert "every row was asked alone" in outcome.notes[0]

    def test_answers_below_other_entries_need_outputs(self, caged):
        assert "outputs = names where" in caged("answers_wrapped").predict(batch_of()).notes[0]
        outcome = caged("answers_wrapped", outputs="result.scores").predict(batch_of())
        assert (outcome.columns["prediction"].tolist(), outcome.notes) == (GOOD, ())
        missing = caged("answers_wrapped", outputs="result.score").predict(batch_of())
        assert missing.faults[0].message == "the reply has no entry 'score'"

    def test_a_batch_of_one_and_of_none(self, caged):
        predictor = caged("good")
        assert predictor.predict(batch_of([13.0])).columns["prediction"].tolist() == [27.0]
        assert len(predictor.predict(batch_of([]))) == 0


class TestTheEnd:
    def test_a_hanging_model_is_given_up_in_time(self, caged):
        predictor = caged("hangs_at_13", timeout=1)
        predictor.open()
        pid = predictor._process._process.pid
        began = time.monotonic()
        with pytest.raises(
            HarnessError, match=r"E04 candidate no answer in 1 s \(rows, cases 0 to 9\)"
        ) as caught:
            predictor.predict(batch_of())
        assert time.monotonic() - began < 2
        assert "raise timeout" in caught.value.hint
        assert gone(pid, 0)

    def test_a_hanging_import_is_given_up_in_time(self, caged, monkeypatch):
        monkeypatch.setattr("harness.predictors.isolated.OPENING", 1.0)
        began = time.monotonic()
        with pytest.raises(HarnessError, match="E04 candidate no answer in 1 s while it was imported"):
            caged("hangs_on_import").open()
        assert time.monotonic() - began < 4

    @pytest.mark.parametrize("name", ["eats_memory", "eats_memory_in_a_child"])
    def test_memory_is_watched(self, caged, name):
        predictor = caged(name, memory=200 * 2**20)
        assert predictor.predict(batch_of(REST)).answered.all()
        with pytest.raises(HarnessError, match="E03 candidate exceeded 200 MiB"):
            predictor.predict(batch_of())

    def test_after_the_end_the_next_batch_finds_a_fresh_worker(self, caged):
        predictor = caged("exits_at_13")
        with pytest.raises(HarnessError, match="E01"):
            predictor.predict(batch_of())
        assert predictor.predict(batch_of([1.0])).columns["prediction"].tolist() == [3.0]
        with pytest.raises(HarnessError, match="after 1 answers, in a batch of 10"):
            predictor.predict(batch_of())

    def test_what_it_last_printed_is_told(self, trouble):
        assert "raise KeyboardInterrupt" in trouble("interrupts_at_13").hint

    @pytest.mark.parametrize("place", [0, 1, 2047, 4094, 4095])
    def test_the_case_that_kills_is_found_anywhere(self, caged, place):
        xs = [1.0] * 4096
        xs[place] = 13.0
        with pytest.raises(HarnessError, match=rf"on case k{place} of rows: x=13\.0"):
            caged("dies_at_13").predict(batch_of(xs))

    def test_a_busy_worker_of_a_dead_host_dies(self, zoo, tmp_path):
        """PDEATHSIG: a host that is killed leaves no worker behind, not even one that never looks at its pipe."""
        source = (
            "import os, pathlib, time\n\n\ndef predict(records):\n"
            "    pathlib.Path('/nowhere', 'pid').write_text(str(os.getpid()))\n    time.sleep(3600)\n"
        ).replace("/nowhere", str(tmp_path))
        wheel = zoo.wheel(tmp_path, "busy", source=source)
        code = (
            "import sys, pathlib, numpy as np; from harness.predictors.isolated import IsolatedPredictor; "
            "from harness.tables import Batch, Column; from harness.versions.wheel import version_of; "
            "version = version_of(pathlib.Path(sys.argv[1]), why=''); "
            "batch = Batch('rows', 0, 0, np.arange(1), {'x': Column.of([1.0])}); "
            "IsolatedPredictor(version, 'candidate', print).predict(batch)"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        host = subprocess.Popen([sys.executable, "-c", code, str(wheel)], env=environment)
        mark = tmp_path / "pid"
        deadline = time.monotonic() + 20
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        worker = int(mark.read_text())
        assert alive(worker)
        host.kill()
        host.wait()
        assert gone(worker)

    def test_closing_twice_and_opening_again(self, caged):
        predictor = caged("good")
        predictor.predict(batch_of())
        assert (predictor.close(), predictor.close()) == ((), ())
        assert predictor.predict(batch_of()).answered.all()


class TestLeftBehind:
    @pytest.mark.parametrize("name", ["leaves_a_child", "leaves_a_grandchild", "leaves_a_stranger"])
    def test_children_are_stopped_and_counted(self, caged, tmp_path, name):
        predictor = caged(name)
        assert predictor.predict(batch_of()).columns["prediction"].tolist() == GOOD
        (pid,) = map(int, (tmp_path / "pids").read_text().split())
        assert alive(pid)
        assert predictor.close() == ("E07 1 stray process of the candidate stopped",)
        assert gone(pid)

    def test_a_grandchild_that_holds_the_pipe_of_a_dead_worker(self, caged, tmp_path):
        predictor = caged("leaves_a_grandchild_and_exits")
        predictor.open()
        began = time.monotonic()
        with pytest.raises(HarnessError, match=r"E01 candidate worker ended early \(code 0\)"):
            predictor.predict(batch_of())
        assert time.monotonic() - began < 2
        (pid,) = map(int, (tmp_path / "pids").read_text().split())
        assert gone(pid)
        assert predictor.close() == ("E07 1 stray process of the candidate stopped",)

    def test_of_two_that_return_only_the_parent_answers(self, caged):
        predictor = caged("forks")
        for _ in range(3):
            assert predictor.predict(batch_of()).columns["prediction"].tolist() == GOOD


class TestWhatItSees:
    def test_no_secret_no_home_no_project(self, caged, monkeypatch):
        monkeypatch.setenv("SCORING_TOKEN", "hunter2")
        monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy")
        monkeypatch.setenv("PYTHONPATH", "/hunter2")
        predictor = caged("looks_around")
        seen = json.loads(predictor.predict(batch_of([1.0])).columns["prediction"].item(0))
        assert "hunter2" not in json.dumps(seen)
        assert seen["environment"]["PYTHONHASHSEED"] == "0"
        assert seen["home"] == []
        assert seen["environment"]["HOME"] != str(Path.home())
        assert seen["folder"] == os.path.realpath(seen["environment"]["HOME"])
        assert seen["group"]
        assert not seen["harness"]
        assert not any(name.endswith("/harness") for name in seen["path"])
        predictor.close()
        assert not Path(seen["folder"]).exists()

    def test_every_worker_has_a_home_of_its_own(self, caged):
        homes = set()
        for _ in range(2):
            seen = caged("looks_around").predict(batch_of([1.0])).columns["prediction"].item(0)
            homes.add(json.loads(seen)["folder"])
        assert len(homes) == 2

    def test_what_runs_is_told(self, caged):
        running = caged("good").open()
        assert (running.isolation, running.python) == ("process", sys.version.split()[0])
        libraries = caged("good_frame").open().libraries
        assert {"numpy", "pandas"} <= libraries.keys()

    @pytest.mark.parametrize("kind", ["null", "text", "datetime"])
    def test_inputs_of_every_kind_reach_records_and_frames(self, caged, kind):
        values = {
            "null": [1.0, None],
            "text": ["a", None],
            "datetime": np.array(["2020-01-01T00:00:00.000001", "NaT"], "datetime64[us]"),
        }[kind]
        shown = {
            "null": ["1.0", "None"], "text": ["a", "None"], "datetime": ["2020-01-01 00:00:00.000001", "None"],
        }[kind]  # fmt: skip
        source = "def predict(records):\n    return [str(record['x']) for record in records]\n"
        found = caged("shown", wheel={"source": source}).predict(batch_of(values))
        assert found.columns["prediction"].tolist() == shown
        source = "import pandas\n\ndef predict(frame):\n    return frame['x'].isna()\n"
        found = caged("missing", wheel={"source": source}).predict(batch_of(values))
        assert found.columns["prediction"].tolist() == [False, True]

    def test_keyword_and_array(self, caged):
        source = "import numpy\n\ndef predict(*, data):\n    return data[:, 0] * 2 + 1\n"
        outcome = caged("keyword", wheel={"source": source}, keyword="data", pass_as="array").predict(
            batch_of()
        )
        assert outcome.columns["prediction"].tolist() == GOOD

    @pytest.mark.parametrize("pass_as", ["array", "frame"])
    def test_what_its_environment_lacks_is_said(self, zoo, tmp_path, pass_as):
        version = zoo.version(tmp_path, "good")
        predictor = IsolatedPredictor(replace(version, profile=Profile(pass_as=pass_as)), "candidate", print)
        try:
            with pytest.raises(HarnessError, match=rf'E08 candidate pass_as = "{pass_as}" needs'):
                predictor.predict(batch_of())
        finally:
            predictor.close()


def large(rows: int = 20_000) -> Batch:
    return Batch("rows", 0, 0, np.arange(rows), {"x": Column.of(np.arange(rows, dtype=float))})


class TestLargeBatches:
    def files(self) -> set[str]:
        return {
            name
            for folder in ("/dev/shm", "/tmp")
            if Path(folder).is_dir()
            for name in os.listdir(folder)
            if name.startswith("harness-")
        }

    def test_they_go_through_a_file_that_is_gone_after(self, caged):
        batch = large()
        before = self.files()
        with outbox.packed(batch) as parcel:
            path = Path(parcel.header["file"])
            assert path.stat().st_mode & 0o777 == 0o600
            outcome = caged("good").predict(batch)
            assert path.exists()
        assert not path.exists()
        # other processes on this machine have batches of their own
        assert not {
            name for name in self.files() - before if name.startswith(f"harness-batch-{os.getpid()}-")
        }
        assert outcome.columns["prediction"].values.tolist() == [2.0 * x + 1 for x in range(20_000)]

    def test_two_predictors_share_one_parcel(self, caged, monkeypatch):
        packed = []
        real = outbox._pack
        monkeypatch.setattr(outbox, "_pack", lambda batch: packed.append(batch) or real(batch))
        batch, outcomes = large(), {}
        both = {"good": caged("good"), "rewritten": caged("rewritten")}
        with outbox.packed(batch) as parcel:
            threads = [
                threading.Thread(target=lambda name=name: outcomes.update({name: both[name].predict(batch)}))
                for name in both
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert parcel.users == 1
        assert len(packed) == 1
        assert (
            outcomes["good"].columns["prediction"].tolist()
            == outcomes["rewritten"].columns["prediction"].tolist()
        )
        assert not outbox._parcels

    def test_without_room_in_shared_memory_they_go_to_disk(self, caged, monkeypatch):
        real = os.posix_fallocate

        def full(handle, start, size):
            if os.readlink(f"/proc/self/fd/{handle}").startswith(str(outbox.SHARED)):
                raise OSError(28, "No space left on device")
            return real(handle, start, size)

        monkeypatch.setattr(os, "posix_fallocate", full)
        batch = large()
        with outbox.packed(batch) as parcel:
            assert not parcel.header["file"].startswith(str(outbox.SHARED))
            assert caged("good").predict(batch).answered.all()

    def test_a_batch_that_fails_leaves_no_file(self, caged):
        before = self.files()
        with pytest.raises(HarnessError, match="E02"):
            caged("dies_at_13").predict(large())
        assert not {name for name in self.files() - before if not name.startswith("harness-home-")}


HOST = """
import sys, time
import numpy as np
from harness.predictors import outbox
from harness.tables import Batch, Column
batch = Batch("rows", 0, 0, np.arange(20_000), {"x": Column.of(np.arange(20_000.0))})
with outbox.packed(batch) as parcel:
    print(parcel.header["file"], flush=True)
    time.sleep(60)
"""


class TestLeftInSharedMemory:
    """A host that is killed in the middle of a large batch leaves its file; the next run takes it away."""

    def host(self) -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    def test_the_file_of_a_killed_host_is_swept(self, caged):
        process, path = self.host()
        assert path.exists()
        process.kill()
        process.communicate()
        assert path.exists()
        caged("good").open()
        assert not path.exists()

    def test_the_file_of_a_living_host_stays(self, caged):
        process, path = self.host()
        try:
            caged("good").open()
            assert path.exists()
        finally:
            process.kill()
            process.communicate()
            path.unlink()

    def test_one_that_somebody_holds_stays_whoever_made_it(self, caged):
        """As a host in another container, whose number means nothing here, and whose shared memory is ours."""
        process, path = self.host()
        process.kill()
        process.communicate()
        held = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            caged("good").open()
            assert path.exists()
        finally:
            os.close(held)
        caged("good").open()
        assert not path.exists()

    def test_nothing_but_plain_files_of_ours_is_touched(self, tmp_path, monkeypatch):
        monkeypatch.setattr(outbox, "SHARED", tmp_path)
        target = tmp_path / "precious"
        target.write_text("kept")
        process, path = self.host()
        process.kill()
        process.communicate()
        path.unlink()
        link = tmp_path / path.name
        link.symlink_to(target)
        os.mkfifo(tmp_path / f"{path.name}-fifo")
        outbox.sweep()
        assert link.is_symlink()
        assert target.read_text() == "kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root; CI is root")
def test_a_shared_memory_of_one_mebibyte_is_enough(tmp_path):
    """A tmpfs smaller than any container's, in a mount namespace of its own: a batch that fits lies in it, one that
    does not goes to disk, and neither kills anybody."""
    code = """
import sys
from pathlib import Path
import numpy as np
from harness.predictors import outbox
from harness.tables import Batch, Column
outbox.SHARED = Path(sys.argv[1])
for rows in (20_000, 2_000_000):
    batch = Batch("rows", 0, 0, np.arange(rows), {"x": Column.of(np.arange(float(rows)))})
    with outbox.packed(batch) as parcel:
        path = Path(parcel.header["file"])
        whole = path.read_bytes() == np.arange(float(rows)).tobytes()
        print(path.parent == outbox.SHARED, whole)
    assert not path.exists()
assert not list(outbox.SHARED.iterdir())
"""
    small = tmp_path / "shm"
    small.mkdir()
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(small), sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == (["True", "True", "False", "True"], 0), done.stderr


class TestTheProcess:
    """The pipe itself, without a model."""

    def test_a_worker_that_is_not_asked_ends_when_it_is_closed(self):
        process = Process(Path(sys.executable), 2**30)
        pid = process._process.pid
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 1
        assert gone(pid, 0)

    def test_a_killed_worker_is_noticed_at_once(self):
        process = Process(Path(sys.executable), 2**30)
        try:
            process._process.send_signal(signal.SIGKILL)
            began = time.monotonic()
            with pytest.raises(Ended) as caught:
                process.ask({"op": "predict"}, [b"x" * 2**22], 10)
            assert caught.value.code == -signal.SIGKILL
            assert time.monotonic() - began < 2
        finally:
            process.stop()
