"""Replies of libraries that are neither numpy nor pandas: tables and arrays of Arrow, tensors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from harness import worker


class Tensor:
    """As PyTorch has it: a type that is no type of numpy, and no way to numpy while gradients are kept."""

    class _Type:
        pass

    dtype = _Type()
    ndim = property(lambda self: self._held.ndim)
    shape = property(lambda self: self._held.shape)

    def __init__(self, held, *, attached=False, foreign=False):
        self._held, self._attached, self._foreign = np.asarray(held), attached, foreign

    def __len__(self):
        return len(self._held)

    def __array__(self, dtype=None, copy=None):
        if self._attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self._foreign:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self._held

    def detach(self):
        return Tensor(self._held, foreign=self._foreign)

    def cpu(self):
        return self

    def tolist(self):
        return self._held.tolist()


def read(reply, rows=3):
    columns, labels = worker.read_reply(reply, rows)
    assert labels is None
    return {name: worker.column(values) for name, values in columns.items()}


@pytest.mark.parametrize("attached", [False, True])
def test_a_tensor_is_its_numbers_in_its_own_width(attached):
    ((kind, values, null),) = read(Tensor(np.array([1.5, 2, 3], "f4"), attached=attached)).values()
    assert (kind, values.dtype, values.tolist(), null) == ("float", np.dtype("f4"), [1.5, 2.0, 3.0], None)
    wide = read(Tensor([[1, 2], [3, 4], [5, 6]], attached=attached))
    assert {name: values.tolist() for name, (_, values, _) in wide.items()} == {
        "prediction[0]": [1, 3, 5],
        "prediction[1]": [2, 4, 6],
    }


def test_a_type_that_numpy_does_not_have_is_read_as_plain_numbers():
    assert read(Tensor([1.5, 2.0, 3.0], foreign=True)) == {"prediction": ("float", [1.5, 2.0, 3.0], None)}


def test_tensors_under_keys():
    found = read({"mean": Tensor([1.0, 2.0, 3.0], attached=True), "label": ["a", "b", "c"]})
    assert found["mean"][1].tolist() == [1.0, 2.0, 3.0]
    assert found["label"] == ("str", ["a", "b", "c"], None)


def test_arrow_is_read_with_what_is_absent_and_no_number_rounded():
    large = 2**53 + 1
    expected = ("int", [large, 0, 3], [False, True, False])
    assert read(pa.table({"n": [large, None, 3], "s": ["x", None, "z"]})) == {
        "n": expected,
        "s": ("str", ["x", "", "z"], [False, True, False]),
    }
    assert read(pa.array([large, None, 3])) == {"prediction": expected}
    assert read({"n": pa.chunked_array([[large], [None, 3]])}) == {"n": expected}
    ((_, values, _),) = read(pa.array([large, 2, 3])).values()
    assert values.tolist() == [large, 2, 3]


def test_a_table_of_as_many_columns_as_rows_is_no_list_of_columns():
    assert list(read(pa.table({"a": [1, 2], "b": [3, 4]}), rows=2)) == ["a", "b"]


def test_frames_and_arrays_stay_what_they_are():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert list(worker.read_reply(frame, 2)[0]) == ["a", "b"]
    assert worker.read_reply(frame["a"], 2)[0]["prediction"] is not None
    for reply in (
        np.array([1.0]),
        pd.array([1, None], dtype="Int64"),
        pd.Categorical(["a"]),
        [1, 2],
        {"a": [1]},
    ):
        assert worker._of_other_library(reply) is reply
