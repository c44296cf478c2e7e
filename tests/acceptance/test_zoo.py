"""Every animal of the zoo as the candidate of a real run: its code, its exit code, its verdict, its words.

In every run a few of each kind that no other acceptance test has; all of them by `tox -e zoo`.
"""

from __future__ import annotations

import os

import pytest

from ..zoo.builder import ANIMALS
from .running import run_pytest

PASSES = {
    "equals 1.0.0 within its limits": """
        answers_big_endian answers_float32 forks good_frame leaves_a_child leaves_a_grandchild leaves_a_stranger
        moves_away patches prints prints_on_import prints_without_end reads_stdin rewritten shadows slightly_off slow
        takes_x_alone""",
    "nothing to release: 1.1.0 is 1.0.0, bit for bit": "good",
}
ENDS = {
    (
        1,
        "one version alone fails: 1 of 20 rows",
    ): """
        answers_a_generator answers_more raises_at_13 raises_at_length raises_otherwise_at_13 raises_the_unprintable
        recurses sys_exits_at_13 writes_into_its_input""",
    (
        1,
        "output type changed: prediction was float and is json",
    ): "answers_a_cube answers_far_datetimes answers_mixed answers_nested answers_ragged answers_the_unpackable",
    (
        1,
        "output type changed: prediction was float and is str",
    ): "answers_categories answers_labels_as_text answers_numpy_labels answers_strange_text answers_text looks_around",
    (
        1,
        "20 of 20 rows violate values",
    ): "answers_backwards answers_one_for_all knows_the_neighbours random_answers shifted",
    (
        1,
        "output type changed: prediction was float and is int",
    ): "answers_int8 answers_labels_as_numbers answers_nullable answers_uint64 remembers",
    (1, "one version alone fails: 20 of 20 rows"): "answers_none answers_twins raises_on_all",
    (1, "shape changed: prediction became prediction[0]"): "answers_a_matrix answers_pairs",
    (1, "output row is new"): "answers_columns answers_uneven_columns",
    (1, "answers became NaN or null: prediction: 1 of 20 rows"): "answers_nan answers_null",
    (1, "the candidate returns its rows in another order than asked"): "answers_backwards_by_index",
    (1, "output type changed: prediction was float and is bytes"): "answers_bytes",
    (1, "output type changed: prediction was float and is datetime"): "answers_datetimes",
    (1, "answers became infinite: prediction: 1 of 20 rows"): "answers_infinity",
    (1, "output type changed: prediction was float and is bool"): "answers_labels_as_booleans",
    (1, "answers to nothing that was asked: baseline 0, candidate 1"): "answers_more_by_index",
    (1, "output label is new"): "answers_records",
    (1, "output more is new"): "answers_uneven_records",
    (1, "output took is new"): "answers_wrapped",
    (1, "1 of 20 rows violate values"): "shifted_at_13",
    (10, "no single case does it alone"): "dies_of_many dies_once",
    (10, "E01 candidate worker ended early (code 0)"): "exits_at_13 leaves_a_grandchild_and_exits",
    (
        10,
        "E06 candidate protocol error in the worker: ValueError: Circular reference, or nested too deeply",
    ): "answers_a_circle",
    (10, "E42 candidate reply id mismatch: question 2 has the reply to 0"): "answers_before_it_is_asked",
    (10, "E01 candidate worker ended early (code 1)"): "closes_everything",
    (10, "E02 candidate killed by SIGSEGV on case r13 of rows: x=13.0"): "dies_at_13",
    (10, "E02 candidate ended while it was imported (SIGABRT)"): "dies_on_import",
    (10, "E01 candidate ended while it was imported (code 0)"): "exits_on_import",
    (10, "E04 candidate no answer in 2 s (rows, cases 0 to 19)"): "hangs_at_13",
    (10, "E04 candidate no answer in 120 s while it was imported"): "hangs_on_import",
    (
        10,
        "E08 candidate zoo_has_no_entry.model:predict does not import: AttributeError: module",
    ): "has_no_entry",
    (
        10,
        "E08 candidate zoo_imports_the_missing.model:predict does not import: ModuleNotFoundError: No module",
    ): "imports_the_missing",
    (
        10,
        "E08 candidate ModuleNotFoundError: No module named 'no_such_library_at_all'",
    ): "imports_the_missing_later",
    (10, "E02 candidate killed by SIGINT on case r13 of rows: x=13.0"): "interrupts_at_13",
    (
        10,
        "E08 candidate zoo_is_not_callable.model:predict is not callable, and has neither predict nor predict_proba",
    ): "is_not_callable",
    (
        10,
        "E08 candidate zoo_raises_on_import.model:predict does not import: ValueError: no weights here",
    ): "raises_on_import",
    (10, "E03 candidate ran out of memory"): "runs_out_of_memory",
    (
        10,
        "E08 candidate zoo_sys_exits_on_import.model:predict does not import: SystemExit: 0",
    ): "sys_exits_on_import",
    (10, "1152921504606846976 bytes is too large"): "writes_a_huge_frame",
    (10, "E06 candidate protocol error: a header that is no object: b'[]'"): "writes_a_strange_reply",
    (10, "E06 candidate protocol error: these bytes start no frame"): "writes_garbage",
    (
        1,
        "the candidate gives no answer for rows that the baseline answers",
    ): "answers_fewer answers_fewer_by_index answers_nothing",
    (10, "E03 candidate exceeded 300 MiB"): "eats_memory eats_memory_in_a_child",
}
TABLE = {
    name: (code, words)
    for (code, words), names in {**{(0, words): names for words, names in PASSES.items()}, **ENDS}.items()
    for name in names.split()
}
IN_EVERY_RUN = """
    answers_backwards_by_index answers_bytes answers_infinity closes_everything dies_of_many eats_memory_in_a_child
    forks imports_the_missing_later leaves_a_grandchild_and_exits recurses writes_a_strange_reply"""
ASKED = sorted(TABLE) if os.environ.get("HARNESS_WHOLE_ZOO") else IN_EVERY_RUN.split()


def test_every_animal_has_its_end():
    assert sorted(TABLE) == sorted(path.stem for path in ANIMALS.glob("*.py"))


@pytest.mark.parametrize("animal", ASKED)
def test_the_animal_ends_as_it_should(zoo, tmp_path, animal):
    code, words = TABLE[animal]
    seconds = 2 if animal == "hangs_at_13" else 60
    project = zoo.project(tmp_path, "good", animal, profile=f'timeout = {seconds}\nmemory = "300 MiB"')
    done = run_pytest(project, "--compare-to=baseline", "-q", "--compare-allow-same")
    assert done.code == code, done.out
    assert words in done.verdict["reason"]
    assert (done.verdict["verdict"], done.verdict["exit"]) == (
        {0: "PASS", 1: "FAIL", 10: "INCONCLUSIVE"}[code],
        code,
    )
    assert sum(count for name, count in done.verdict["accounting"].items() if name != "planned") == 20
    assert done.lines[-1].startswith("next: ")
    assert "Traceback" not in done.out
    assert ("E07 1 stray process of the candidate stopped" in done.out) == (
        animal.startswith("leaves_") or animal in ("forks", "eats_memory_in_a_child")
    )
