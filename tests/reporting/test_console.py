"""The closing lines: within the width, harmless, and last the verdict and the next command."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Mark
from harness.reporting import console
from harness.reporting.text import columns

from .records import KINDS, failed, inconclusive, passed, poisoned, record, rule

HOSTILE = "\x1b[2J\x1b]0;t\x07\n::error::owned\r\n##[error]x\u202e" + "w" * 200 + "模" * 80


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("hostile", ["", HOSTILE])
@pytest.mark.parametrize("kind", KINDS)
def test_no_line_is_wider_than_it_may_be(kind: str, hostile: str, width: int) -> None:
    lines = console.lines(
        record(poisoned(KINDS[kind](), hostile)), width, ascii=False, report="/r/report.html"
    )
    assert [line for line in lines if columns(line) > width] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_headline_stands_whole_before_the_next_command(kind: str) -> None:
    data = record(KINDS[kind]())
    lines = console.lines(data, ascii=False)
    assert lines[-1].startswith("next: ")
    whole = re.sub(r"\s+", " ", " ".join(lines[:-1]))
    assert whole.endswith(re.sub(r"\s+", " ", data["headline"]))
    assert not lines[-2].startswith(("PASS", "event", "warning", "report"))


def test_a_report_address_that_fits_stands_behind_the_command() -> None:
    last = console.lines(record(passed()), ascii=False, report="/r/report.html")[-1]
    assert last == "next: harness verify && harness release        report: file:///r/report.html"


def test_a_report_address_that_does_not_fit_stands_before_the_headline() -> None:
    lines = console.lines(record(passed()), ascii=False, report="/r/" + "long" * 13 + "/report.html")
    assert lines[-1] == "next: harness verify && harness release"
    assert any(line.startswith("report: file:///r/long") for line in lines[:-2])


def test_the_folder_of_the_run_gives_the_address() -> None:
    assert console.lines(record(passed(), folder="/r"))[-1].endswith("report: file:///r/report.html")


@pytest.mark.parametrize("kind", KINDS)
def test_values_cannot_steer_a_terminal_nor_a_ci_service(kind: str) -> None:
    for width in (40, 60, 100):
        for line in console.lines(record(poisoned(KINDS[kind](), HOSTILE)), width, ascii=False):
            assert line.isprintable()
            assert not line.lstrip().startswith("::")
            assert "##[" not in line


LETTERS = st.text(st.sampled_from("ab =<>'") | st.characters(exclude_categories=("Cs",)), max_size=150)


@given(LETTERS, LETTERS, st.integers(30, 100), st.booleans())
def test_a_caret_stands_below_the_place_that_it_means(before, after, width, plain):
    mark = Mark("rule r, where", f"{before}X{after}".replace("\n", " "), len(before))
    assert Mark.read(str(mark)) == Mark("rule r, where", mark.shown, len(before))
    line, caret = console._Paint(False, width, plain).marked(mark)
    assert caret.strip() == "^"
    assert columns(line) <= width
    at = next(at for at in range(len(line)) if columns(line[:at]) == caret.index("^"))
    assert line[at] == "X"
    assert line.isprintable()
    assert line.isascii() or not plain
    assert "##[" not in line
    assert not line.strip().startswith("::")


def test_what_only_ends_in_a_caret_marks_nothing():
    for where in (
        "",
        "^",
        "harness.toml",
        "a\nb\n^",
        "a\nb\nc\n          ^",
        "rule r\n         ab\n            ^",
    ):
        assert Mark.read(where) is None


def test_what_failed_comes_first_and_passes_are_folded() -> None:
    lines = console.lines(record(failed()), ascii=False)
    words = [line.split()[0] for line in lines if line.startswith(("FAIL", "INCONCLUSIVE", "PASS"))]
    assert words == ["FAIL", "FAIL", "INCONCLUSIVE", "PASS", "PASS", "PASS"]
    assert "…3 more passed" in lines
    assert any("3 failed in the candidate alone" in line for line in lines)
    assert any("ValueError" in line for line in lines)


def test_a_hundred_failures_do_not_flood_the_terminal() -> None:
    result = failed() | {"rules": [rule(f"r{n}", status="FAIL") for n in range(100)]}
    lines = console.lines(record(result), ascii=False)
    assert sum(line.startswith("FAIL") for line in lines) == console.FAILURES
    assert "…and 80 more FAIL in the report" in lines


def test_ascii_only() -> None:
    for make in KINDS.values():
        text = "\n".join(console.lines(record(poisoned(make(), "模→")), ascii=True))
        assert text.isascii()
        assert "->" in text


def test_the_encoding_of_stdout_decides() -> None:
    code = "from harness.reporting import console; print(console._ascii_only())"
    for encoding, answer in (("ascii", "True"), ("utf-8", "False")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONIOENCODING": encoding, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == answer


def test_colour_is_ours_alone_and_no_color_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = console.lines(record(failed()), ascii=False)
    colored = console.lines(record(failed()), color=True, ascii=False)
    assert any("\x1b[31m" in line for line in colored)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in colored] == plain
    assert "\x1b" not in colored[-1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert console.lines(record(failed()), color=True, ascii=False) == plain


def test_github_gets_one_annotation_on_one_line_before_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert not any(line.startswith("::") for line in console.lines(record(passed()), ascii=False))
    result = failed()
    result["headline"] += " 100%\r\n::set-output name=a::b"
    lines = console.lines(record(result), ascii=False)
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error title=model harness FAIL::DO NOT RELEASE: 214 of")
    assert "100%25" in commands[0]
    assert lines[-1].startswith("next: ")
    assert lines.index(commands[0]) < len(lines) - 2
    assert any(
        line.startswith("::error title=model harness INC") for line in console.lines(record(inconclusive()))
    )


def test_the_console_needs_no_jinja2() -> None:
    code = "import sys; from harness.reporting import console; print('jinja2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
