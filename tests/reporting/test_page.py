"""The page and the summary: nothing that a value says is markup there, and nothing is asked of the network."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness import reporting
from harness.reporting import markdown, view
from harness.reporting.html import TEMPLATES, HtmlReporter

from .records import KINDS, failed, finding, passed, poisoned, record, rule

XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}</style></title>"
VOID = {"meta", "link", "br", "img", "hr", "input", "line", "rect", "circle"}


class Parsed(HTMLParser):
    """Tags, ids, addresses and text; tags must nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


BESIDE = ("ledger.html", "score.html")
"""Pages of their own in the same folder."""


def written(result: dict[str, Any], folder: Path, **run: Any) -> tuple[str, str]:
    HtmlReporter().write(record(result, **run), folder)
    return (folder / "report.html").read_text(), (folder / "report" / "index.html").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_one_document_that_asks_for_nothing(kind: str, tmp_path: Path) -> None:
    for page in written(KINDS[kind](), tmp_path):
        parsed = Parsed(page)
        assert parsed.tags.count("h1") == 1
        assert parsed.tags.count("main") == 1
        assert "script" not in parsed.tags
        assert ("html", "lang", "en") in parsed.attributes
        assert len(parsed.ids) == len(set(parsed.ids))
        for tag, name, value in parsed.attributes:
            assert not name.startswith("on")
            assert name != "style"
            if (tag, name) == ("a", "href") and value in BESIDE:
                continue  # asked for when somebody follows it
            if name in ("src", "href", "action", "srcset"):
                assert value.startswith(("#", "data:,")) or value == "report.css"
            if name in ("href", "aria-labelledby") and value.startswith("#"):
                assert value[1:] in parsed.ids
            if name == "aria-labelledby":
                assert set(value.split()) <= set(parsed.ids)
        assert "http://" not in page
        assert "https://" not in page
        assert "url(" not in page
        assert "@import" not in page
        assert len(page) < 300_000


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_values_stay_text(kind: str, tmp_path: Path) -> None:
    quiet = [Parsed(page) for page in written(KINDS[kind](), tmp_path)]
    for before, page in zip(quiet, written(poisoned(KINDS[kind](), XSS), tmp_path, command=XSS), strict=True):
        parsed = Parsed(page)
        assert "script" not in parsed.tags
        assert "img" not in parsed.tags
        # not one element more, and none fewer, than with harmless values
        assert parsed.tags.count("section") == before.tags.count("section")
        assert parsed.tags.count("article") == before.tags.count("article")
        assert "<script" not in page
        assert not any(name.startswith("on") for _, name, _ in parsed.attributes)
        assert "49</style>" not in page
        assert "<script>alert(1)" in "".join(parsed.words)


def test_control_characters_do_not_reach_the_page(tmp_path: Path) -> None:
    for page in written(poisoned(failed(), "\x1b[31m\x00\x07\u202e\ud800"), tmp_path):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_allows_exactly_this_style(kind: str, tmp_path: Path) -> None:
    page, folder = written(KINDS[kind](), tmp_path)
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(
        value for _, name, value in Parsed(page).attributes if name == "content" and "default-src" in value
    )
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert "<style" not in folder
    assert any(
        "script-src 'none'" in value for _, name, value in Parsed(folder).attributes if name == "content"
    )
    assert (tmp_path / "report" / "report.css").read_text() == style


@pytest.mark.parametrize(
    ("kind", "word", "tone"),
    [
        ("pass", "MAY BE RELEASED", "pass"),
        ("fail", "DO NOT RELEASE", "fail"),
        ("inconclusive", "CANNOT SAY", "unsure"),
        ("unchanged", "UNCHANGED", "same"),
    ],
)
def test_the_first_screen_says_the_verdict(kind: str, word: str, tone: str, tmp_path: Path) -> None:
    page, _ = written(KINDS[kind](), tmp_path)
    assert f'<h1 id="verdict">{word}</h1>' in page
    assert f'class="verdict {tone}"' in page
    assert page.index("<h1") < page.index('id="sure"') < page.index('id="what"') < page.index('id="rules"')
    assert page.index('id="decision"') < page.index('id="environment"')


def test_a_gap_turns_how_sure_amber() -> None:
    assert view.page(record(failed())).sure.amber
    assert not view.page(record(passed())).sure.amber
    assert view.page(record(KINDS["inconclusive"]())).sure.amber


def test_rules_stand_worst_first_and_what_only_warns_is_no_failure() -> None:
    page = view.page(record(failed()))
    assert [one.status for one in page.open_rules] == ["FAIL", "FAIL", "INCONCLUSIVE", "WARN"]
    assert len(page.passed_rules) == 6


def test_an_anchor_depends_on_the_rule_alone() -> None:
    first = {one.anchor for one in view.page(record(failed())).open_rules}
    again = failed()
    again["rules"].reverse()
    assert {one.anchor for one in view.page(record(again)).open_rules} == first


def test_no_rule_hides_the_cases_of_another() -> None:
    page = view.page(record(failed()))
    assert len(page.cases) == view.CASES
    assert {case.source for case in page.cases} == {"holdout", "search"}
    assert page.cases[2].key == "9", "an infinite magnitude is the worst of its rule"
    assert [case.note for case in page.cases if case.note] == ["shrunk from a generated counterexample"]


def test_a_retrain_shows_who_was_harmed_first() -> None:
    result = passed()
    result["findings"].append(finding("5", 1e9, rule="structure"))
    page = view.page(record(result))
    assert page.cases_title == "Cases harmed most"
    assert [case.key for case in page.cases] == ["41", "17", "5"]


def test_private_values_stay_private(tmp_path: Path) -> None:
    page, _ = written(failed(), tmp_path)
    assert "<b>email</b> (private)" in page


def test_the_histogram_splits_at_the_limit_and_shows_a_single_row() -> None:
    result = passed()
    result["moved"][0]["histogram"]["counts"] = [100_000, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    shape = view.page(record(result)).moved[0].histogram
    assert [bar.beyond for bar in shape.bars] == [False] * 5 + [True] * 5
    assert [bar.width > 0 for bar in shape.bars].count(True) == 2
    assert shape.bars[4].y < (shape.limit_y or 0) < shape.bars[5].y
    assert shape.bars[0].label == "unchanged"
    assert shape.bars[5].label == "1–3%"
    assert shape.bars[0].share == ">99.9%"
    assert all(bar.x + bar.width <= shape.width for bar in shape.bars)


def test_the_tolerance_curve_falls_and_its_table_says_the_same() -> None:
    page = view.page(record(passed()))
    shape = page.moved[0].curve
    assert shape is not None
    points = [tuple(map(float, point.split(","))) for point in shape.line.split()]
    assert points == sorted(points)
    assert all(0 <= x <= shape.width and shape.top <= y <= shape.base for x, y in points)
    assert points[-1][1] == shape.base, "beyond the largest tolerance there is nothing here"
    shares = [float(share.strip("<>%")) for _, share in shape.rows]
    assert shares == sorted(shares, reverse=True)
    assert len(shape.rows) == len(set(shares))
    assert shape.limit_x is not None
    assert [text for _, text in shape.ticks] == ["1e-06%", "0.0001%", "0.01%", "1%", "100%"]
    assert "Mean shift +0.125, standard deviation 4.25." in page.moved[0].shift
    assert "largest difference 31.5, case 41." in page.moved[0].largest


def test_where_nothing_moved_there_is_no_curve(tmp_path: Path) -> None:
    page, _ = written(KINDS["unchanged"](), tmp_path)
    assert view.page(record(KINDS["unchanged"]())).moved[0].curve is None
    assert "polyline" not in page


def test_rows_without_a_finite_difference_are_said_beside_the_mean(tmp_path: Path) -> None:
    result = passed()
    result["moved"][0] |= {"measured": 80, "largest_absolute": float("inf")}
    assert view.page(record(result)).moved[0].shift.endswith("(over 80 cases whose difference is finite).")
    result["moved"][0] |= {"measured": 0, "mean": None, "std": None}
    assert view.page(record(result)).moved[0].shift == ""
    written(result, tmp_path)


def test_many_outputs_leave_the_page_small_and_the_most_moved_on_it(tmp_path: Path) -> None:
    result = passed()
    one = result["moved"][0]
    result["moved"] = [one | {"output": f"p{n}", "rate": n / 300} for n in range(300)]
    for place, moved in enumerate(result["moved"]):
        moved["curve"] = [[2.0 ** (n / 2), (60 - n) / (61 + place)] for n in range(-28, 32)]
    page, _ = written(result, tmp_path)
    assert [shown.output for shown in view.page(record(result)).moved] == [f"p{n}" for n in range(280, 300)]
    assert "280 more outputs" in page
    assert len(page.encode()) < 300_000


def test_quality_without_a_number_has_no_chart(tmp_path: Path) -> None:
    result = passed()
    result["quality"][0] |= {"upper": float("nan"), "status": "INCONCLUSIVE"}
    page, _ = written(result, tmp_path)
    assert view.page(record(result)).quality[0].interval is None
    assert "NaN" in page


def _colors(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


def _contrast(a: str, b: str) -> float:
    def light(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_text_has_contrast_in_both_schemes() -> None:
    style = (TEMPLATES / "report.css").read_text()
    light = _colors(style.partition("@media")[0])
    dark = _colors(style.partition("prefers-color-scheme: dark")[2].partition("\n}\n")[0])
    assert set(light) == set(dark)
    for colors in (light, dark):
        grounds = ("ground", "panel")
        pairs = [(text, ground) for text in ("text", "quiet", "link", "fail", "unsure") for ground in grounds]
        tones = ("pass", "fail", "unsure", "same", "note")
        pairs += [(tone, f"{tone}-ground") for tone in tones] + [("text", f"{tone}-ground") for tone in tones]
        assert [pair for pair in pairs if _contrast(*(colors[name] for name in pair)) < 4.5] == []
        assert all(_contrast(colors[mark], colors["ground"]) >= 3 for mark in ("mark", "beyond"))


@pytest.mark.parametrize("ticks", ["", "`", "``", "` ``` `"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_holds_values_in_code_spans_alone(kind: str, ticks: str) -> None:
    hostile = f"{ticks} <img src=x> @everyone [a](javascript:x) ![i](//e/x) | # \n\n## no"
    text = markdown.summary(record(poisoned(KINDS[kind](), hostile)))
    outside = "\n".join(_without_spans(line) for line in text.splitlines())
    for mark in ("<", "@", "](", "|", "everyone", "img"):
        assert mark not in outside
    assert [line for line in text.splitlines() if line.startswith("## ")] == [text.splitlines()[0]]


def _without_spans(line: str) -> str:
    """What CommonMark leaves outside of code spans: a run of n backticks closes at the next run of n."""
    out, rest = "", line
    while match := re.search(r"`+", rest):
        close = re.search(rf"(?<!`){match.group()}(?!`)", rest[match.end() :])
        assert close, f"a span is not closed: {line}"
        out, rest = out + rest[: match.start()], rest[match.end() + close.end() :]
    return out + rest


def test_the_summary_says_what_a_reviewer_needs_and_no_more() -> None:
    result = failed() | {"rules": [rule(f"r{n}", status="FAIL", reason="x" * 5000) for n in range(400)]}
    text = markdown.summary(record(result))
    assert len(text.encode()) <= markdown.LIMIT
    assert text.startswith("## ✖ DO NOT RELEASE\n")
    assert text.count("**FAIL**") == 3
    assert "397 more" in text
    assert "2,086 of 2,089 planned cases compared" in text
    assert "Next: `look at the worst cases" in text


def test_a_summary_that_is_too_long_is_cut_at_a_line() -> None:
    text = markdown._short("line\n" * 100_000)
    assert len(text.encode()) <= markdown.LIMIT
    assert text.endswith("Cut here: the report has the rest.\n")


def test_the_page_of_many_findings_stays_small(tmp_path: Path) -> None:
    result = failed()
    result["rules"] = [rule(f"r{n}", status="FAIL", reason="long " * 200) for n in range(60)]
    result["findings"] = [
        finding(str(n), n, rule=f"r{n % 60}", inputs={f"f{i}": "v" * 500 for i in range(200)})
        for n in range(400)
    ]
    page, _ = written(result, tmp_path)
    assert len(page.encode()) < 300_000


def test_the_registry_writes_every_form(tmp_path: Path) -> None:
    reporting.write_all(record(passed()), tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"report.json", "report.html", "report/index.html", "report/report.css", "summary.md"}
