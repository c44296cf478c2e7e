"""The ledger's page: every event in words, text of others never markup, and a broken ledger said to be one."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from harness.reporting import html, ledger

ATTACK = "<img src=x onerror=alert(1)>\"'&\x1b[31m\u202e</script>"
VERSIONS = {
    "baseline": {"version": "1.0.0", "sha256": "a" * 64},
    "candidate": {"version": "1.1.0", "sha256": "b" * 64},
}


def event(kind: str, kept: bool = True, **body: Any) -> dict[str, Any]:
    """As `harness ledger` tells one."""
    return {
        "kind": kind,
        "at": "2026-11-25T08:00:00+00:00",
        "by": "anna",
        "model": "house-prices",
        "channel": "production",
        "body": body,
        "digest": f"{len(str(body)) * 7919:064x}",
        "kept": kept,
    }


EVENTS = [
    event("verdict", verdict="PASS", reason="not worse", run_id="20261125T080000-aaaaaa", **VERSIONS),
    event("waiver", name="cents", rule="values", until="2027-06-30", reason="rounded"),
    event("approval", version="1.1.0", reason="seen"),
    event("release", version="1.1.0", sha256="b" * 64, reason="faster"),
    event("rollback", version="1.0.0", sha256="a" * 64, reason="complaints"),
    event("verdict", kept=False, verdict="FAIL", reason="worse", run_id="20261125T090000-bbbbbb", **VERSIONS),
]


class Reader(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data} "


def read(page: ledger.LedgerView) -> Reader:
    reader = Reader()
    reader.feed(html.render_ledger(page, "body {}"))
    return reader


def test_every_event_is_told_newest_first_with_who_why_and_what() -> None:
    page = ledger.page(EVENTS, {"holdout (abc)": 7})
    assert [one.kind for one in page.events] == [
        "Verdict", "Rollback", "Release", "Approval", "Waiver", "Verdict",
    ]  # fmt: skip
    text = " ".join(read(page).text.split())
    for words in (
        "Ledger of house-prices",
        "6 events, newest first. 1 of them stand",
        "PASS 1.0.0 (aaaaaaaaaaaa) → 1.1.0 (bbbbbbbbbbbb)",
        "cents: values until 2027-06-30",
        "1.0.0 (aaaaaaaaaaaa)",
        "complaints",
        "2026-11-25 08:00:00 UTC",
        "not in the store yet",
        "holdout (abc) 7",
        "run 20261125T090000-bbbbbb",
    ):
        assert words in text, words


@pytest.mark.parametrize("field", ["kind", "at", "by", "model", "channel", "digest"])
def test_text_of_others_is_never_markup(field: str) -> None:
    attacked = {
        **event("release", version=ATTACK, sha256=ATTACK, reason=ATTACK, run_id=ATTACK),
        field: ATTACK,
    }
    nested = event("verdict", verdict=ATTACK, baseline={"version": ATTACK}, candidate=ATTACK)
    waived = event("waiver", name=ATTACK, rule=ATTACK, until=ATTACK)
    reader = read(ledger.page([attacked, nested, waived], {ATTACK: 1}, ""))
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"img", "script"}
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert "\x1b" not in reader.text
    assert "\u202e" not in reader.text


def test_events_that_lack_what_is_usual_are_shown_all_the_same() -> None:
    odd = [
        {"kind": "release"},
        {"kind": "verdict", "body": {"candidate": 3, "baseline": None}},
        {"body": "text"},
        {},
    ]
    assert len(ledger.page(odd, {}).events) == 4


def test_a_ledger_that_cannot_be_read_says_so_and_shows_nothing() -> None:
    text = read(ledger.page([], {}, "E46 the ledger is broken in line 3")).text
    assert "The ledger cannot be read." in text
    assert "E46 the ledger is broken in line 3" in text
    assert "Nothing was decided" not in text
    assert "Nothing was decided yet." in read(ledger.page([], {})).text


def test_of_a_long_ledger_the_newest_are_shown_and_the_rest_is_counted() -> None:
    many = [event("approval", version=str(number)) for number in range(ledger.EVENTS + 3)]
    page = ledger.page(many, {})
    assert len(page.events) == ledger.EVENTS
    assert page.events[0].what == str(ledger.EVENTS + 2)
    assert page.more == "…and 3 older: harness ledger prints all of them"


def test_both_forms_are_written_and_lead_back_to_the_report(tmp_path) -> None:
    paths = html.write_ledger(ledger.page(EVENTS, {}), tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in paths] == ["ledger.html", "report/ledger.html"]
    assert 'href="report.html"' in paths[0].read_text()
    assert 'href="index.html"' in paths[1].read_text()
    assert (tmp_path / "report" / "report.css").exists()
