"""The log of a training: times, what was said, how it ended; and it never stands in the way of the training."""

from __future__ import annotations

import re

import pytest

from harness.errors import HarnessError
from harness.run import training_log


def test_each_line_has_its_time_and_the_end_says_how_long(tmp_path):
    path = tmp_path / "dist" / "m-1.0.0.log"
    with training_log.kept(path, pytest.fail) as log:
        log.info("%s", "fitted:\nmae 1 % of\x1b all")
    first, last = path.read_text().splitlines()
    assert re.fullmatch(r"\S+T\S+ \+\d+\.\d{3}s INFO fitted: mae 1 % of\x1b? all", first)
    assert re.search(r"INFO ended after \d+\.\d{3} s$", last)


def test_a_training_that_fails_says_why_in_its_log(tmp_path):
    path = tmp_path / "m.log"
    with pytest.raises(HarnessError), training_log.kept(path, pytest.fail):
        raise HarnessError("no lock", where="here", hint="make one")
    text = path.read_text()
    assert "ERROR no lock" in text
    assert "ERROR next: make one" in text
    assert "without a wheel" in text


def test_a_log_that_cannot_be_written_is_said_and_costs_no_training(tmp_path):
    (tmp_path / "file").write_text("")
    said: list[str] = []
    with training_log.kept(tmp_path / "file" / "m.log", said.append) as log:
        log.info("on")
    assert len(said) == 1
    assert said[0].startswith("no log of this training: m.log: ")
