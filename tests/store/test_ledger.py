"""The ledger only grows: whatever is cut, moved, repeated, edited or put in is noticed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Exit, HarnessError
from harness.store import catalogue, ledger
from harness.store.catalogue import Catalogue, Release
from harness.store.events import KINDS, Broken, Chain, Event, Head, parse
from harness.store.place_folder import Folder

TEXTS = st.text(max_size=8)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from(KINDS), at=TEXTS, by=TEXTS, model=TEXTS, channel=TEXTS,
    body=st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.booleans(), st.none()), max_size=3),
)  # fmt: skip
CHAINS = st.lists(EVENTS, min_size=1, max_size=5).map(lambda events: Chain().after(events))


@given(CHAINS)
def test_a_chain_is_read_as_it_was_written(chain):
    assert parse(chain.dump()) == chain
    assert chain.holds(chain.head)
    assert chain.holds(Head())


@given(chain=CHAINS, more=st.lists(EVENTS, max_size=3))
def test_a_ledger_that_grew_still_holds_every_head_that_it_had(chain, more):
    grown = chain.after(more)
    assert grown.holds(chain.head)
    assert chain.holds(grown.head) == (not more)


@given(data=st.data(), chain=CHAINS)
def test_any_byte_that_changes_is_noticed(data, chain):
    content = chain.dump()
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != content[place]))
    noticed(content[:place] + bytes([byte]) + content[place + 1 :], chain.head)


@given(
    data=st.data(), chain=st.lists(EVENTS, min_size=2, max_size=6).map(lambda events: Chain().after(events))
)
def test_lines_that_are_cut_moved_repeated_or_taken_out_are_noticed(data, chain):
    lines = chain.dump().splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1).filter(lambda one: one != place))
    swapped = list(lines)
    swapped[place], swapped[other] = swapped[other], swapped[place]
    for spoilt in (lines[:place], lines[:place] + lines[place + 1 :], [*lines, lines[place]], swapped):
        noticed(b"".join(spoilt), chain.head, longer=len(spoilt) > len(lines))


def noticed(content: bytes, head: Head, longer: bool = False) -> None:
    """The content is broken, or is not the ledger of that head."""
    try:
        chain = parse(content)
    except Broken:
        return
    assert not longer
    assert not chain.holds(head)


@given(first=st.lists(EVENTS, max_size=4), second=st.lists(EVENTS, max_size=4))
def test_events_are_carried_over_once(first, second):
    store = Chain().after(first)
    reports = Chain().after(second)
    once = store.after(ledger.carried(store, reports.events))
    assert len(once.events) == len(store.events) + len(reports.events)
    assert ledger.carried(once, reports.events) == []
    later = reports.after(first)
    assert [one.origin for one in ledger.carried(once, later.events)] == [
        one.digest for one in later.events[len(second) :]
    ]


def test_the_clock_orders_nothing():
    early, late = (Event("verdict", at, "a", "m", "c") for at in ("2020-01-01", "2030-01-01"))
    chain = parse(Chain().after([late, early]).dump())
    assert [one.at for one in chain.events] == ["2030-01-01", "2020-01-01"]


# ---- in a store


def release(**changes) -> Release:
    made = Release("m", "c", "1.0.0", "a" * 64, "m.whl", "b" * 64, "2026-01-01", "why", "who", "", "")
    return replace(made, **changes)


def told(place: Folder, events: int = 3) -> Chain:
    """A ledger whose last event is that of `release()`."""
    verdicts = [ledger.event("verdict", "m", "c", {"n": n}) for n in range(events - 1)]
    return ledger.append(place, [*verdicts, ledger.event("release", "m", "c", ledger.told(release()))])


@pytest.mark.parametrize("spoil", ["cut", "delete", "empty", "half", "edit", "binary", "newer"])
def test_a_ledger_that_is_not_the_one_of_the_catalogue_is_refused(spoil, tmp_path):
    place = Folder(tmp_path)
    known = Catalogue((release(ledger=str(told(place).head)),))
    assert len(ledger.checked(place, known).events) == 3
    path = tmp_path / ledger.FILE
    lines = path.read_bytes().splitlines(keepends=True)
    content = {
        "cut": b"".join(lines[:-1]),
        "delete": None,
        "empty": b"",
        "half": b"".join(lines)[:-5],
        "edit": b"".join(lines).replace(b'"n":1', b'"n":7'),
        "binary": b"\xff\xfe\x00",
        "newer": lines[0].replace(b'"verdict"', b'"sworn"'),
    }[spoil]
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(HarnessError) as caught:
        ledger.checked(place, known)
    assert (caught.value.code, caught.value.exit) == ("E46", Exit.STORE)
    if content is not None:
        assert path.read_bytes() == content


def test_a_release_that_was_cut_off_is_named_until_it_is_voided(tmp_path):
    place = Folder(tmp_path)
    event = ledger.event("release", "m", "c", {"version": "1.0.0"})
    chain = ledger.append(place, [event])
    (found,) = ledger.unfinished(chain, Catalogue())
    assert found.kind == "release"
    chain = ledger.append(place, [ledger.event("void", "m", "c", {"of": found.digest})])
    assert list(ledger.unfinished(chain, Catalogue())) == []
    known = Catalogue((release(ledger=f"1:{found.digest}"),))
    assert list(ledger.unfinished(Chain(chain.events[:1]), known)) == []


def test_a_catalogue_of_format_1_is_read_and_needs_no_ledger(tmp_path):
    old = {
        "format": 1,
        "releases": [
            {
                "model": "m", "channel": "production", "version": "1.0.0", "sha256": "a" * 64, "file": "m.whl",
                "identity": "b" * 64, "released": "2026-01-01T00:00:00+00:00", "reason": "first", "by": "who",
                "commit": "c", "evidence": "first release", "parent": "", "outcomes": {"rows": "d" * 64},
            }
        ],
    }  # fmt: skip
    (tmp_path / catalogue.FILE).write_text(json.dumps(old))
    known = catalogue.read(Folder(tmp_path))
    assert known.releases[0].act == "release"
    assert ledger.checked(Folder(tmp_path), known) == Chain()


def test_a_catalogue_with_a_head_that_is_none_is_damaged(tmp_path):
    with pytest.raises(HarnessError, match="E46"):
        ledger.checked(Folder(tmp_path), Catalogue((release(ledger="many:x"),)))
