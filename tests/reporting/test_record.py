"""The record: strict JSON, a digest that order cannot change, `report.json` before everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness import files, reporting
from harness.errors import Exit, HarnessError
from harness.reporting import schema

from .records import KINDS, RUN, closed, failed, passed, record

SCHEMA = json.loads((Path(reporting.__file__).parent / "report.schema.json").read_text())


class Refusing:
    """A reporter without room on its disk."""

    def write(self, record: Any, folder: Path) -> list[Path]:
        raise OSError(28, "No space left on device")


@pytest.fixture
def _refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reporting.REGISTRY._loaded, "zz", Refusing)


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_fits_the_published_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(json.dumps(record(KINDS[kind]()), allow_nan=False)), SCHEMA)


def test_the_schema_is_made_from_the_types() -> None:
    assert schema.schema() == SCHEMA


@pytest.mark.parametrize("kind", KINDS)
def test_the_types_name_every_key_of_a_record(kind: str) -> None:
    found = jsonschema.Draft202012Validator(closed(SCHEMA)).iter_errors(record(KINDS[kind]()))
    assert [one.message for one in found] == []


@pytest.mark.parametrize("field", ["verdict", "accounting", "result_digest", "run"])
def test_the_schema_misses_nothing(field: str) -> None:
    data = record(passed())
    del data[field]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_numbers_that_are_none_become_strings() -> None:
    result = passed()
    result["quality"][0] |= {"upper": float("nan"), "change": float("inf"), "limit": float("-inf")}
    data = record(result)
    first = data["result"]["quality"][0]
    assert (first["upper"], first["change"], first["limit"]) == ("NaN", "Infinity", "-Infinity")
    json.dumps(data, allow_nan=False)
    jsonschema.validate(data, SCHEMA)


def test_the_digest_does_not_depend_on_the_order_of_keys_nor_on_a_round_trip() -> None:
    result = failed()
    turned = {name: result[name] for name in reversed(result)}
    digest = reporting.result_digest(result)
    assert reporting.result_digest(turned) == digest
    assert reporting.result_digest(json.loads(json.dumps(reporting.jsonable(result)))) == digest
    assert reporting.compose(turned, RUN)["result_digest"] == digest
    result["rules"][0]["violations"] = 1
    assert reporting.result_digest(result) != digest


def test_the_digest_leaves_the_run_out() -> None:
    assert record(passed())["result_digest"] == record(passed(), seconds=999.0)["result_digest"]


def test_the_summary_holds_neither_result_nor_run() -> None:
    data = record(failed())
    short = reporting.summary(data)
    assert set(data) - set(short) == {"result", "run"}
    assert short["schema_version"] == 1
    assert set(short["baseline"]) == {"spec", "version", "digest", "sha256"}


def test_a_surrogate_can_be_written(tmp_path: Path) -> None:
    result = passed() | {"model": "a\ud800"}
    reporting.write_all(record(result), tmp_path)
    assert reporting.read(tmp_path)["model"] == "a\\ud800"


@pytest.mark.parametrize("kind", KINDS)
def test_rendering_again_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    reporting.write_all(record(KINDS[kind]()), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written = reporting.render_again(tmp_path)
    assert {tmp_path / reporting.FILE, *written} == set(before)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.usefixtures("_refusing")
def test_a_failing_reporter_is_e53_and_leaves_report_json(tmp_path: Path) -> None:
    data = record(passed())
    with pytest.raises(HarnessError, match="report not written: zz: OSError: No space left") as caught:
        reporting.write_all(data, tmp_path)
    assert caught.value.code == "E53"
    assert caught.value.exit == Exit.INCONCLUSIVE
    assert json.loads((tmp_path / "report.json").read_text()) == data
    # the verdict is about to become INCONCLUSIVE: no page may go on saying PASS
    assert not (tmp_path / "report.html").exists()
    assert not (tmp_path / "summary.md").exists()


def test_no_page_of_an_earlier_run_lies_beside_a_new_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reporting.REGISTRY._loaded, "html", Refusing())
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(HarnessError):
        reporting.write_all(record(passed()), tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_report_json_that_cannot_be_written_is_e53(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    with pytest.raises(HarnessError, match=r"report not written: report\.json") as caught:
        reporting.write_all(record(passed()), tmp_path)
    assert caught.value.code == "E53"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no report"),
        ("{", "cannot be read"),
        ("[]", "no schema_version"),
        ('{"schema_version": 2}', "schema_version 2; this harness reads up to 1"),
        ('{"schema_version": 1}', "incomplete"),
    ],
)
def test_rendering_again_says_what_is_wrong(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(HarnessError, match=words):
        reporting.render_again(tmp_path)


def test_an_altered_report_is_refused(tmp_path: Path) -> None:
    reporting.write_all(record(failed()), tmp_path)
    data = json.loads((tmp_path / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps(data | {"verdict": "PASS"}))
    with pytest.raises(HarnessError, match="altered"):
        reporting.render_again(tmp_path)


def test_every_built_in_reporter_resolves_and_fits() -> None:
    for name in reporting.REGISTRY.places:
        assert all(hasattr(reporting.REGISTRY[name], need) for need in reporting.REGISTRY.needs)


def test_a_reporter_may_be_an_object_or_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        def write(self, record: Any, folder: Path) -> list[Path]:
            (folder / "plain.txt").write_text(record["verdict"])
            return [folder / "plain.txt"]

    for item in (Plain, Plain()):
        monkeypatch.setitem(reporting.REGISTRY._loaded, "plain", item)
        reporting.write_all(record(passed()), tmp_path)
        assert (tmp_path / "plain.txt").read_text() == "PASS"
