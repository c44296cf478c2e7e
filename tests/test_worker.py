"""The wire and the asking: round trips, refusals, frozen bytes, and every failing row found."""

from __future__ import annotations

import ast
import base64
import contextlib
import datetime
import json
import math
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness import worker

FLOATS = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 2**53 + 1.0])
INTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters()) | st.sampled_from(
    ["", "\ud800", "a\0b", "\x1b[31m", "é", "\U0001f600", "\u202e"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
VALUES = {
    "float": FLOATS,
    "int": INTS,
    "bool": st.booleans(),
    "str": TEXTS,
    "bytes": st.binary(max_size=20),
    "datetime": INTS,
    "json": JSON,
}
DTYPES = ("<f2", "<f4", "<f8", ">f8", "|i1", "<i2", ">i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1")


@st.composite
def columns(draw):
    """Columns of plain values, as a worker without numpy packs them."""
    found = []
    for place in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(sorted(VALUES)))
        values = draw(st.lists(VALUES[kind], max_size=6))
        null = draw(st.none() | st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
        found.append((f"{place}{draw(TEXTS)}", kind, values, null))
    return found


def shipped(named):
    """Columns after a whole frame was written and read."""
    specs, chunks = worker.pack(named)
    data = b"".join(worker.frame({"columns": specs}, chunks))
    header, payload = worker.lengths(data[: worker.HEAD.size])
    body = data[worker.HEAD.size :]
    assert len(body) == header + payload
    return worker.unpack(json.loads(body[:header])["columns"], body[header:])


def bits(kind, values):
    """Values so that NaN equals itself, -0.0 is not 0.0 and True is not 1."""
    if kind == "datetime":
        values = [int(v.astype("<i8")) if isinstance(v, np.datetime64) else v for v in values]
    plain = [v.item() if isinstance(v, np.generic) else v for v in values]
    return [(type(v), struct.pack("<d", v) if isinstance(v, float) else v) for v in plain]


class TestRoundTrip:
    @given(columns())
    def test_plain_values_of_every_kind(self, named):
        there = shipped(named)
        assert [(name, kind) for name, kind, _, _ in there] == [(name, kind) for name, kind, _, _ in named]
        for (_, kind, before, null), (_, _, after, gone) in zip(named, there, strict=True):
            assert bits(kind, after) == bits(kind, before)
            assert (None if gone is None else list(gone)) == null

    @given(st.sampled_from(DTYPES), st.binary(max_size=64))
    def test_arrays_of_every_number_type_keep_their_bits(self, dtype, raw):
        size = np.dtype(dtype).itemsize
        raw = bytes(byte % 2 for byte in raw) if dtype == "|b1" else raw
        array = np.frombuffer(raw[: len(raw) // size * size], dtype)
        kind = {"f": "float", "i": "int", "u": "int", "b": "bool"}[array.dtype.kind]
        ((_, _, there, _),) = shipped([("x", kind, array, None)])
        assert there.dtype == array.dtype.newbyteorder("<")
        assert there.tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    def test_datetimes_of_any_unit_become_nanoseconds(self, unit):
        array = np.array(["1969-12-31T23:59:59", "2262-01-01", "NaT"], f"datetime64[{unit}]")
        ((_, _, there, _),) = shipped([("t", "datetime", array, None)])
        assert there.dtype == "datetime64[ns]"
        assert there.tobytes() == array.astype("datetime64[ns]").tobytes()

    def test_extended_precision_becomes_double(self):
        ((_, _, there, _),) = shipped([("x", "float", np.array([1.5, -0.0], np.longdouble), None)])
        assert there.dtype == np.float64
        assert there.tolist() == [1.5, -0.0]

    def test_numbers_lie_aligned_whatever_stands_before_them(self):
        specs, chunks = worker.pack([("a", "str", ["odd"], None), ("b", "float", [1.0], [False])])
        begins = [sum(map(len, chunks[:place])) for place in range(len(chunks))]
        assert all(begin % 8 == 0 for begin, chunk in zip(begins, chunks, strict=True) if set(chunk) != {0})
        assert sum(map(len, chunks)) % 8 == 0
        assert worker.unpack(specs, b"".join(chunks))[1][2].tolist() == [1.0]


WITHOUT_NUMPY = """
import base64, json, struct, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "pandas"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocker())
sys.path.insert(0, sys.argv[1])
import worker
assert worker.numpy_or_none() is None
def plain(value):
    if isinstance(value, float):
        return ["float", struct.pack("<d", value).hex()]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    return [type(value).__name__, value]
for line in sys.stdin:
    specs, payload = json.loads(line)
    found = worker.unpack(specs, base64.b64decode(payload))
    again, chunks = worker.pack(found)
    shown = [[n, k, [plain(v) for v in values], null] for n, k, values, null in found]
    print(json.dumps([shown, again, base64.b64encode(b"".join(chunks)).decode()]))
"""


def test_with_and_without_numpy_the_same_is_read_and_written(tmp_path):
    """One interpreter that cannot import numpy reads what this one packed, and packs it again."""
    special = [
        [("f", "float", [math.nan, math.inf, -math.inf, -0.0, 5e-324], [False, True, False, False, False])],
        [
            ("i", "int", [-(2**63), 2**63 - 1, 0], None),
            ("b", "bool", [True, False, True], [True, False, False]),
        ],
        [("s", "str", ["\ud800", "", "a\0b", "é"], None), ("y", "bytes", [b"", b"\0\xff"], [True, False])],
        [("j", "json", [{"a": [None, 1e300, 10**30]}, "x", None, True], None)],
        [("t", "datetime", [-1, 0, 2**62], [False, False, True])],
        [("e", kind, [], None) for kind in VALUES],
        [
            ("n", "int", np.array([127, -128], np.int8), None),
            ("g", "float", np.array([0.1], np.float16), None),
        ],
    ]
    packed = [worker.pack(named) for named in special]
    packed = [(specs, b"".join(chunks)) for specs, chunks in packed]
    lines = "".join(json.dumps([specs, base64.b64encode(p).decode()]) + "\n" for specs, p in packed)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", WITHOUT_NUMPY, str(Path(worker.__file__).parent)],
        input=lines, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for (specs, payload), line in zip(packed, done.stdout.splitlines(), strict=True):
        shown, again, chunks = json.loads(line)
        for (name, kind, values, null), (n, k, v, z) in zip(
            worker.unpack(specs, payload), shown, strict=True
        ):
            assert (name, kind, None if null is None else null.tolist()) == (n, k, z)
            assert [[t.__name__, p.hex() if isinstance(p, bytes) else p] for t, p in bits(kind, values)] == v
        if "dtype" not in specs[0] or specs[0]["dtype"] in worker._DEFAULT.values():
            assert (again, base64.b64decode(chunks)) == (specs, payload)


class TestFrozenBytes:
    """Version 1 of the wire: a worker file of an older harness must not be misread, so these bytes stand."""

    NAMED = (
        ("x", "float", [math.nan, -0.0], [False, True]),
        ("s", "str", ["é", "\ud800"], None),
        ("j", "json", [{"a": None}, [1]], None),
    )
    HEADER = (
        b'{"columns": [{"name": "x", "kind": "float", "rows": 2, "dtype": "<f8", "sizes": [16], "null": 2}, '
        b'{"name": "s", "kind": "str", "rows": 2, "sizes": [24, 5]}, '
        b'{"name": "j", "kind": "json", "rows": 2, "sizes": [24, 14]}]}'
    )
    PAYLOAD = (
        "000000000000f87f00000000000000800001000000000000"
        "000000000000000002000000000000000500000000000000c3a9eda080000000"
        "00000000000000000b000000000000000e000000000000007b2261223a206e756c6c7d5b315d0000"
    )

    def test_they_are_still_read(self):
        specs = json.loads(self.HEADER)["columns"]
        read = worker.unpack(specs, bytes.fromhex(self.PAYLOAD))
        for (name, kind, values, null), found in zip(self.NAMED, read, strict=True):
            assert found[:2] == (name, kind)
            assert bits(kind, found[2]) == bits(kind, values)
            assert (None if found[3] is None else found[3].tolist()) == null

    def test_they_are_still_written(self):
        specs, chunks = worker.pack(self.NAMED)
        head = struct.pack("!4sIQ", b"MHW1", len(self.HEADER), len(self.PAYLOAD) // 2)
        assert b"".join(worker.frame({"columns": specs}, chunks)) == (
            head + self.HEADER + bytes.fromhex(self.PAYLOAD)
        )


class TestRefused:
    """Whatever a broken worker sends, reading it raises ValueError and nothing else."""

    SPEC = {"name": "x", "kind": "float", "rows": 2, "dtype": "<f8", "sizes": [16], "null": 2}  # noqa: RUF012
    TEXT = {"name": "s", "kind": "str", "rows": 1, "sizes": [16, 1]}  # noqa: RUF012

    @pytest.mark.parametrize(
        "change",
        [
            {"rows": 3}, {"rows": -1}, {"rows": 2.0}, {"rows": True}, {"rows": None}, {"rows": 10**30},
            {"dtype": "<f4"}, {"dtype": "<f16"}, {"dtype": "O"}, {"dtype": []}, {"dtype": None},
            {"sizes": []}, {"sizes": [17]}, {"sizes": [-8]}, {"sizes": ["16"]}, {"sizes": 16}, {"sizes": [True]},
            {"sizes": [10**30]}, {"null": 1}, {"null": 99}, {"null": "2"}, {"kind": "pickle"}, {"kind": []},
            {"kind": "str"}, {"name": 5}, {"name": None},
        ],
        ids=str,
    )  # fmt: skip
    def test_specs_that_do_not_fit(self, change):
        payload = struct.pack("<dd", 1, 2) + b"\0\1".ljust(8, b"\0")
        assert worker.unpack([self.SPEC], payload)[0][2].tolist() == [1, 2]
        with pytest.raises(ValueError, match=r"\w"):
            worker.unpack([self.SPEC | change], payload)

    @pytest.mark.parametrize("key", ["name", "kind", "rows", "dtype", "sizes"])
    def test_specs_that_lack_a_key(self, key):
        with pytest.raises(ValueError, match=key):
            worker.unpack([{k: v for k, v in self.SPEC.items() if k != key}], bytes(32))

    @pytest.mark.parametrize("specs", [None, 5, [5], [None], "xy", [[]], {"a": 1}], ids=str)
    def test_specs_that_are_none(self, specs):
        with pytest.raises(ValueError, match="described wrongly"):
            worker.unpack(specs, b"")

    @pytest.mark.parametrize("marks", [(1, 1), (0, 2), (0, 0), (-1, 1), (0, -1)])
    def test_offsets_that_are_none(self, marks):
        with pytest.raises(ValueError, match="offsets"):
            worker.unpack([self.TEXT], struct.pack("<qq", *marks) + b"a".ljust(8, b"\0"))

    @pytest.mark.parametrize(
        ("kind", "blob"), [("json", b"{"), ("str", b"\xff"), ("json", b"\xff"), ("str", b"\xe9")]
    )
    def test_texts_that_are_none(self, kind, blob):
        with pytest.raises(ValueError, match=r"\w"):
            worker.unpack([self.TEXT | {"kind": kind}], struct.pack("<qq", 0, 1) + blob.ljust(8, b"\0"))

    def test_json_too_deep_to_read(self):
        blob = b"[" * 10**5
        spec = {"name": "j", "kind": "json", "rows": 1, "sizes": [16, len(blob)]}
        with pytest.raises(ValueError, match="RecursionError"):
            worker.unpack([spec], struct.pack("<qq", 0, len(blob)) + blob)

    def test_truth_values_beyond_zero_and_one(self):
        with pytest.raises(ValueError, match="truth"):
            worker.unpack(
                [{"name": "b", "kind": "bool", "rows": 1, "dtype": "|b1", "sizes": [1]}], b"\2".ljust(8)
            )
        with pytest.raises(ValueError, match="truth"):
            worker.unpack([self.SPEC], struct.pack("<dd", 1, 2) + b"\0\2".ljust(8, b"\0"))

    @given(
        st.lists(st.dictionaries(st.sampled_from(["name", "kind", "rows", "dtype", "sizes", "null"]), JSON)),
        st.binary(),
    )
    def test_whatever_json_it_is(self, specs, payload):
        with contextlib.suppress(ValueError):
            worker.unpack(specs, payload)

    @given(columns(), st.data())
    def test_a_payload_with_damage(self, named, data):
        specs, chunks = worker.pack(named)
        payload = bytearray(b"".join(chunks))
        for place in data.draw(st.lists(st.integers(0, max(0, len(payload) - 1)), max_size=4)):
            if payload:
                payload[place] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.integers(0, len(payload)))
        with contextlib.suppress(ValueError):
            worker.unpack(specs, bytes(payload[:cut]))

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r",
            b"MHW2" + bytes(12),
            struct.pack("!4sIQ", b"MHW1", worker.MAX_HEADER + 1, 0),
            struct.pack("!4sIQ", b"MHW1", 2, worker.MAX_PAYLOAD + 1),
        ],
    )
    def test_heads_of_no_frame(self, head):
        with pytest.raises(ValueError, match="frame"):
            worker.lengths(head)

    def test_the_largest_frame_is_still_one(self):
        head = struct.pack("!4sIQ", b"MHW1", worker.MAX_HEADER, worker.MAX_PAYLOAD)
        assert worker.lengths(head) == (worker.MAX_HEADER, worker.MAX_PAYLOAD)


def asked(call, rows, **how):
    """What `ask` and `join` find, as (values, answered, faults, dropped)."""
    found = worker.ask(call, rows, **how)
    named, answered = worker.join(found, rows)
    values = {name: list(values) for name, _, values, _ in named}
    return values, answered, found


class TestAsking:
    @given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
    @example((100, set()))
    @example((100, set(range(100))))
    @example((100, {99}))
    def test_exactly_the_failing_rows_are_found(self, case):
        rows, bad = case

        def call(wanted):
            for row in wanted:
                if row in bad:
                    raise ValueError(f"row {row}")
            return [2.0 * row for row in wanted]

        values, answered, found = asked(call, rows)
        assert {row: fault[:2] for row, fault in found.faults.items()} == {
            row: ("ValueError", f"row {row}") for row in bad
        }
        assert answered == [row not in bad for row in range(rows)]
        assert [v for row, v in enumerate(values.get("prediction", [])) if row not in bad] == [
            2.0 * row for row in range(rows) if row not in bad
        ]
        assert (found.dropped, found.extra) == ([], 0)

    @given(st.lists(st.integers(0, 3), min_size=1, max_size=100))
    def test_counts_that_do_not_fit(self, counts):
        """Row k gives counts[k] answers, and nothing says which is whose."""
        values, answered, found = asked(
            lambda rows: [row for row in rows for _ in range(counts[row])], len(counts)
        )
        if sum(counts) == len(counts):
            # as many as were asked for: nobody can tell
            assert all(answered)
            return
        # a part that happens to fit is taken as it stands, so only uneven counts in one direction are exact
        if all(count >= 1 for count in counts) or all(count <= 1 for count in counts):
            assert found.dropped == [row for row, count in enumerate(counts) if count == 0]
            # several answers to one row: none of them is taken for the answer
            assert sorted(found.faults) == [row for row, count in enumerate(counts) if count > 1]
            assert [v for v, there in zip(values.get("prediction", []), answered, strict=False) if there] == [
                row for row, count in enumerate(counts) if count == 1
            ]
        assert len(found.dropped) + sum(answered) + len(found.faults) == len(counts)

    @given(st.integers(1, 60), st.data())
    def test_answers_are_those_of_asking_row_by_row(self, rows, data):
        odd = data.draw(st.sets(st.integers(0, rows - 1)))
        kinds = data.draw(st.sampled_from([float, str, lambda row: {"a": row}, lambda row: [row, -row]]))

        def call(wanted):
            if odd & set(wanted):
                raise KeyError("odd")
            return [kinds(row) for row in wanted]

        values, answered, _ = asked(call, rows)
        for row in range(rows):
            alone, there, _ = asked(lambda wanted, row=row: call([row for _ in wanted]), 1)
            assert answered[row] == there[0]
            if there[0]:
                assert {name: column[row] for name, column in values.items()} == {
                    name: column[0] for name, column in alone.items()
                }

    def test_where_all_raise_alike_not_every_row_is_asked(self):
        calls = []

        def call(rows):
            calls.append(len(rows))
            raise ValueError("always")

        found = worker.ask(call, 4096)
        assert len(found.faults) == 4096
        assert len(calls) == 1 + worker.PROBES
        assert "32 spread rows failed alike" in found.notes[0]

    def test_one_row_that_does_not_raise_is_found_among_4096(self):
        def call(rows):
            if rows != [1234]:
                raise ValueError("always")
            return [1.0]

        found = worker.ask(call, 4096)
        # the spread cannot see it: the price of not asking each, and said so
        assert 1234 in found.faults
        assert found.notes

    @pytest.mark.parametrize("error", [SystemExit(0), GeneratorExit(), RecursionError(), BaseException("x")])
    def test_exits_are_faults_too(self, error):
        def call(rows):
            if 3 in rows:
                raise error
            return [float(row) for row in rows]

        _, answered, found = asked(call, 8)
        assert list(found.faults) == [3]
        assert found.faults[3][0] == type(error).__name__
        assert answered == [row != 3 for row in range(8)]

    @pytest.mark.parametrize(("error", "code"), [(MemoryError(), "E03"), (ImportError("no x"), "E08")])
    def test_memory_and_imports_are_infrastructure(self, error, code):
        def call(rows):
            raise error

        with pytest.raises(worker.Trouble) as caught:
            worker.ask(call, 8)
        assert caught.value.code == code

    def test_what_is_to_pass_is_raised_on(self):
        def call(rows):
            raise ConnectionError("gone")

        with pytest.raises(ConnectionError):
            worker.ask(call, 8, passing=(ConnectionError,))

    def test_a_column_that_only_some_rows_have_is_null_elsewhere(self):
        def call(rows):
            if len(rows) > 1:
                raise ValueError("one at a time")
            return [{"a": 1.0} if rows[0] % 2 else {"a": 1.0, "b": "x"}]

        found = worker.ask(call, 4)
        named, _ = worker.join(found, 4)
        assert [(name, null) for name, _, _, null in named] == [
            ("a", None),
            ("b", [False, True, False, True]),
        ]

    def test_parts_keep_the_number_type_that_all_had(self):
        def call(rows):
            if 2 in rows:
                raise ValueError("two")
            return np.array(rows, np.float32)

        ((_, kind, values, null),) = worker.join(worker.ask(call, 5), 5)[0]
        assert (kind, values.dtype, list(null)) == ("float", np.float32, [False, False, True, False, False])


KEYS = [f"k{row}" for row in range(8)]


def keyed(answer, keys=KEYS):
    """Asked of a model that names the case of each answer: `answer` makes the reply of the keys it is given."""
    found = worker.ask(lambda rows: answer([keys[row] for row in rows]), len(keys), key=("id", keys))
    named, answered = worker.join(found, len(keys))
    return {name: list(values) for name, _, values, _ in named}, answered, found


def told(keys):
    return [{"id": key, "prediction": float(key[1:])} for key in keys]


class TestKeys:
    """A reply that carries the case key is joined by it."""

    @given(st.permutations(KEYS), st.sets(st.sampled_from(KEYS), max_size=7), st.sampled_from([list, dict]))
    def test_any_order_and_any_loss_moves_no_answer(self, order, lost, kind):
        def answer(keys):
            records = told([key for key in order if key in keys and key not in lost])
            if kind is list:
                return records
            return {name: [one[name] for one in records] for name in ("id", "prediction")}

        values, answered, found = keyed(answer)
        assert found.dropped == [row for row, key in enumerate(KEYS) if key in lost]
        assert [v for v, there in zip(values["prediction"], answered, strict=True) if there] == [
            float(row) for row, key in enumerate(KEYS) if key not in lost
        ]
        kept = [key for key in order if key not in lost]
        assert found.reordered == (kept != sorted(kept))
        assert (found.faults, found.extra) == ({}, 0)

    def test_as_many_answers_of_which_one_is_to_another_case(self):
        _, answered, found = keyed(lambda keys: told(["k99" if key == "k3" else key for key in keys]))
        assert (found.dropped, found.extra) == ([3], 1)
        assert answered == [row != 3 for row in range(8)]

    def test_a_case_answered_twice_in_the_place_of_another_is_not_guessed(self):
        values, answered, found = keyed(
            lambda keys: told(["k2" if key == "k3" and "k2" in keys else key for key in keys])
        )
        assert all(answered)
        assert values["prediction"] == [float(row) for row in range(8)]
        assert found.notes == ["expected 8 answers, got 8 of which two are to one case"]

    def test_answers_that_are_all_of_other_cases_are_answers_to_nothing(self):
        """In the order in which they came they would be compared with the answers to cases that they are not of."""
        for named in (lambda key: f"answer {key}", lambda key: "k99", lambda key: 7):
            with pytest.raises(
                worker.Trouble, match="none of the 8 answers is of a case that was asked"
            ) as caught:
                keyed(lambda keys, named=named: [{"id": named(key), "prediction": 1.0} for key in keys])
            assert caught.value.code == "E42"

    def test_keys_that_come_back_as_text_are_the_same_keys(self):
        keys = list(range(8))
        values, _, found = keyed(
            lambda asked: [{"id": str(key), "prediction": float(key)} for key in reversed(asked)], keys
        )
        assert (values["prediction"], found.reordered) == ([float(key) for key in keys], True)

    @pytest.mark.parametrize("nothing", [None, math.nan])
    def test_keys_that_are_all_absent_say_nothing(self, nothing):
        _, answered, found = keyed(lambda keys: [{"id": nothing, "prediction": 1.0} for _ in keys])
        assert all(answered)
        assert (found.dropped, found.extra, found.reordered) == ([], 0, False)


class TestCounts:
    """A reply of another length names the rows that it lost, in a bounded number of calls."""

    def counted(self, answer, rows):
        sizes = []

        def call(asked):
            sizes.append(len(asked))
            return answer(asked)

        return worker.ask(call, rows), sizes

    def test_a_model_that_always_loses_one_is_not_asked_a_thousand_times(self):
        found, sizes = self.counted(lambda rows: [0.0 for _ in rows][1:], 1000)
        assert sizes == [1000] + [1] * worker.PROBES
        assert found.dropped == list(range(1000))
        assert found.notes == [
            "expected 1000 answers, got 999",
            f"{worker.PROBES} spread rows had no answer alone; the other rows were not asked one by one",
        ]

    @given(st.sets(st.integers(0, 999), min_size=1, max_size=30))
    def test_the_rows_that_it_lost_are_those_that_are_named(self, lost):
        found, sizes = self.counted(lambda rows: [float(row) for row in rows if row not in lost], 1000)
        assert sorted(found.dropped) == sorted(lost)
        named, answered = worker.join(found, 1000)
        assert answered == [row not in lost for row in range(1000)]
        assert [v for v, there in zip(named[0][2], answered, strict=True) if there] == [
            float(row) for row in range(1000) if row not in lost
        ]
        # halving: each lost row costs two calls a level at most
        assert len(sizes) <= 1 + worker.PROBES + 2 * len(lost) * 10

    @given(st.integers(65, 2000))
    def test_no_more_than_two_calls_for_each_row(self, rows):
        _, sizes = self.counted(lambda asked: [0.0 for row in asked if row % 2], rows)
        assert len(sizes) <= 2 * rows + worker.PROBES


class TestWhatReviewFound:
    """Each of these once let two different models pass for equal."""

    def test_records_with_keys_that_are_no_text_keep_their_values(self):
        values, _, _ = asked(lambda rows: [{0: row / 10, 1: 1 - row / 10} for row in rows], 4)
        assert values == {"0": [0.0, 0.1, 0.2, 0.3], "1": [1.0, 0.9, 0.8, 0.7]}

    @pytest.mark.parametrize(
        "reply", [{0: [1.0, 2.0], "0": [3.0, 4.0]}, [{0: 1.0, "0": 3.0}, {0: 2.0, "0": 4.0}]]
    )
    def test_names_that_become_one_are_refused(self, reply):
        with pytest.raises(worker.Unreadable):
            worker.read_reply(reply, 2)

    def test_arrays_inside_records_are_sent_whole(self):
        def told(number):
            values = np.arange(2000.0)
            values[1000] = number
            specs, chunks = worker.pack([("a", *worker.column([{"b": values}]))])
            return worker.unpack(specs, b"".join(chunks))[0][2][0]["b"]

        assert len(told(1.0)) == 2000
        assert told(1.0) != told(1.000000001)

    def test_what_has_no_faithful_text_is_not_sent(self):
        with pytest.raises(TypeError, match="an answer holds a object"):
            worker.pack([("a", "json", [object()], None)])

    def test_large_integers_among_floats_stay_themselves(self):
        kind, values, _ = worker.column([2**53 + 1, 0.5])
        assert (kind, values) == ("json", [2**53 + 1, 0.5])

    def test_what_a_masked_array_masks_is_absent(self):
        kind, _, null = worker.column(np.ma.array([1.0, 2.0], mask=[False, True]))
        assert (kind, list(null)) == ("float", [False, True])

    def test_labels_of_their_own_do_not_move_as_many_answers(self):
        assert worker._places([1, 2, 3], 3, 3) == (range(3), 0)
        assert worker._places([2, 1, 0], 3, 3) == ([2, 1, 0], 0)
        assert worker._places([0, 2], 3, 2) == ([0, 2], 0)


class TestFaults:
    def test_frames_name_the_file_from_its_package_on(self):
        def call(rows):
            raise ValueError("first line\nsecond line")

        name, message, frames = worker.ask(call, 1).faults[0]
        assert (name, message) == ("ValueError", "first line")
        assert frames[0].startswith("tests/test_worker.py:")
        assert not any("/harness/" in one for one in frames)

    def test_messages_that_cannot_be_had_or_kept(self):
        class Unprintable(Exception):
            def __str__(self):
                raise RuntimeError("no words")

        assert worker.first_line(Unprintable()) == "(its message cannot be printed)"
        assert len(worker.first_line(ValueError("x" * 10**6))) == worker.MESSAGE
        assert worker.first_line(ValueError("\ud800")) == "\\ud800"
        assert worker.first_line(ValueError("")) == ""


class TestColumns:
    @pytest.mark.parametrize(
        ("values", "kind", "shown"),
        [
            ([], "float", []),
            ([None, None], "float", [None, None]),
            ([1, 2.5, None], "float", [1.0, 2.5, None]),
            ([1, 2], "int", [1, 2]),
            ([True, None], "bool", [True, None]),
            ([True, 1], "json", [True, 1]),
            (["a", 1], "json", ["a", 1]),
            ([2**63], "json", [2**63]),
            ([10**400, 1.0], "json", [10**400, 1.0]),
            ([b"a"], "bytes", [b"a"]),
            (np.array(["a", "b"]), "str", ["a", "b"]),
            (np.array([b"a"]), "bytes", [b"a"]),
            ([np.str_("a"), np.float64(1)], "json", ["a", 1.0]),
            (np.array([1, 2], np.int8), "int", [1, 2]),
            (np.array([1, None], object), "int", [1, None]),
        ],
        ids=str,
    )
    def test_the_narrowest_kind(self, values, kind, shown):
        found, plain, null = worker.column(values)
        assert found == kind
        null = [False] * len(plain) if null is None else null
        assert [None if gone else value for gone, value in zip(null, plain, strict=True)] == shown

    def test_datetimes_beyond_nanoseconds_do_not_wrap_around(self):
        kind, _, _ = worker.column([datetime.datetime(9999, 12, 31)])
        assert kind == "json"
        kind, values, null = worker.column(np.array(["9999-12-31", "NaT"], "datetime64[us]"))
        assert kind == "json"
        assert values[0].year == 9999
        assert null == [False, True]
        kind, values, _ = worker.column(np.array(["2020-01-01", "NaT"], "datetime64[us]"))
        assert (kind, str(values[0])) == ("datetime", "2020-01-01T00:00:00.000000000")


class TestTheFile:
    """It runs in the oldest Python that a model may need, with nothing installed."""

    SOURCE = Path(worker.__file__).read_text(encoding="utf-8")

    def test_it_is_python_3_8(self):
        ast.parse(self.SOURCE, feature_version=(3, 8))

    def test_it_imports_the_standard_library_alone(self):
        for node in ast.parse(self.SOURCE).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module]
            for name in names:
                assert name.partition(".")[0] in {*sys.stdlib_module_names, "__future__"}, name

    def test_annotations_are_never_evaluated(self):
        # `list[int]` and `X | None` are no objects in Python 3.8
        assert "from __future__ import annotations" in self.SOURCE

    def test_it_drops_its_own_folder_before_it_imports_anything(self):
        body = [node for node in ast.parse(self.SOURCE).body if not isinstance(node, ast.Expr)]
        kinds = [type(node).__name__ for node in body[:3]]
        assert kinds == ["ImportFrom", "Import", "If"]
        assert ast.unparse(body[1]) == "import sys"
        assert "del sys.path[0]" in ast.unparse(body[2])

    def test_nothing_is_pickled(self):
        # it speaks of pickles, in what it says of a version's own files
        words = {"pickle", "marshal", "eval", "exec"}
        for node in ast.walk(ast.parse(self.SOURCE)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            else:
                names = {getattr(node, name, None) for name in ("id", "attr") if hasattr(node, name)}
                names |= (
                    {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
                )
            assert not words & names, ast.unparse(node)


class TestErrors:
    """A reply whose column says why a row has no answer: that is a fault of the row, and no output."""

    @given(
        st.integers(1, 80).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))), st.data()
    )
    def test_each_row_has_its_answer_or_its_error(self, case, data):
        rows, bad = case
        shape = data.draw(st.sampled_from(["records", "columns", "frame"]))
        order = data.draw(st.permutations(range(rows))) if shape == "frame" else range(rows)

        def call(wanted):
            records = [{"error": f"no {row}"} if row in bad else {"prediction": 2.0 * row} for row in wanted]
            if shape == "records":
                return records
            columns = {name: [one.get(name) for one in records] for name in ("prediction", "error")}
            if shape == "columns":
                return columns
            # as pandas has it: a label for each row, in any order
            return pd.DataFrame(columns).iloc[list(order)]

        values, answered, found = asked(call, rows, errors="error")
        assert {row: fault[:2] for row, fault in found.faults.items()} == {
            row: ("RowError", f"no {row}") for row in bad
        }
        assert answered == [row not in bad for row in range(rows)]
        assert "error" not in values
        assert [v for row, v in enumerate(values.get("prediction", [])) if row not in bad] == [
            2.0 * row for row in range(rows) if row not in bad
        ]
        assert (found.dropped, found.extra, found.notes) == ([], 0, [])

    def test_integers_stay_integers_beside_errors(self):
        reply = pd.DataFrame({"prediction": np.array([3, None, 5], object), "error": [None, "gone", None]})
        ((_, kind, values, _),), answered = worker.join(worker.ask(lambda _: reply, 3, errors="error"), 3)
        assert (kind, list(values), answered) == ("int", [3, 0, 5], [True, False, True])

    def test_a_column_of_that_name_is_an_output_where_nobody_says_otherwise(self):
        values, answered, found = asked(lambda rows: [{"error": "x"} for _ in rows], 3)
        assert (values, answered, found.faults) == ({"error": ["x"] * 3}, [True] * 3, {})

    def test_a_row_with_neither_answer_nor_error_is_no_answer(self):
        _, answered, found = asked(lambda rows: [{"error": "x"}, {"error": None}], 2, errors="error")
        assert answered == [False, False]
        assert found.faults[1][:2] == ("Unreadable", "neither an answer nor an error")
        _, answered, found = asked(lambda rows: [{"error": None}, {"error": None}], 2, errors="error")
        assert (answered, len(found.faults)) == ([False, False], 2)

    def test_asked_once_an_error_is_odd(self):
        with pytest.raises(worker.Odd):
            worker.ask(lambda rows: [{"error": "x"}, {"prediction": 1.0}], 2, errors="error", once=True)

    def test_rows_that_are_left_out_are_dropped_all_the_same(self):
        reply = pd.DataFrame({"prediction": [1.0, 2.0], "error": [None, "x"]}, index=[0, 2])
        _, answered, found = asked(lambda _: reply, 4, errors="error")
        assert (answered, found.dropped, list(found.faults)) == ([True, False, False, False], [1, 3], [2])
