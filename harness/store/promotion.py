"""A wheel becomes a release, moves to another channel, or an older one comes back: blobs first, then the ledger, the
catalogue last; nothing is changed where anything is wrong.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.store import blobs, catalogue, ledger
from harness.store.catalogue import Catalogue, Release
from harness.store.events import Event
from harness.store.place import Place, writing

# control characters but tab and line feed, and those that turn the direction of what follows
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it and why; what of another ledger (the reports') goes into the store's with it; whether it is tried
    only."""

    by: str
    reason: str
    carry: Sequence[Event] = ()
    dry_run: bool = False


def release(
    place: Place,
    *,
    model: str,
    channel: str,
    wheel: Path,
    sha256: str,
    version: str,
    identity: str,
    outcomes: Mapping[str, bytes],
    first: bool,
    expected_previous: str | None,
    commit: str,
    evidence: str,
    act: Act,
    rebase: bool = False,
) -> Release:
    """Keep the wheel and the recorded outcomes, then make it the newest release of its channel.

    `expected_previous` is the sha256 of the wheel that the candidate was compared with: where the newest release of the
    channel is another, E49 (a version number says nothing here, anybody can write one into a manifest). The same
    number with another digest is refused. Raises HarnessError E44, E46, E49, E50.
    """
    try:
        content = wheel.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"the wheel is gone: {error.strerror}",
            where=str(wheel),
            hint="build it again, and compare it again: pytest --compare-to=previous",
            code="E47",
            exit=Exit.STORE,
        ) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise HarnessError(
            "digest mismatch: the wheel changed since it was judged",
            where=str(wheel),
            hint="compare it again: pytest --compare-to=previous",
            code="E46",
            exit=Exit.STORE,
        )
    with writing(place), _lock(place, act.dry_run):
        known = catalogue.read(place)
        line = known.of(model, channel)
        _check_number(known.of(model), version, sha256, channel)
        if first:
            refuse_first_when_released(place, model, channel)
        elif not line or line[-1].sha256 != expected_previous:
            found = f"{line[-1].version} ({line[-1].sha256[:12]})" if line else "no release"
            judged = (expected_previous or "")[:12] or "no wheel"
            raise HarnessError(
                f"baseline moved {judged}→{found}: the verdict is about another previous",
                where=place.address,
                hint="compare with the new previous: pytest --compare-to=previous",
                code="E49",
                exit=Exit.STORE,
            )
        kept = {}
        if not act.dry_run:
            kept = {name: blobs.put(place, answers) for name, answers in sorted(outcomes.items())}
            blobs.put(place, content)
        entry = Release(
            model=model,
            channel=channel,
            version=version,
            sha256=sha256,
            file=wheel.name,
            identity=identity,
            released=_now(),
            reason=act.reason,
            by=act.by,
            commit=commit,
            evidence=evidence,
            parent=line[-1].sha256 if line else "",
            outcomes=kept,
            act="rebase" if rebase else "release",
        )
        return _enter(place, known, entry, act)


def promote(place: Place, model: str, origin: str, target: str, *, first: bool, act: Act) -> Release:
    """Make the newest release of one channel the newest of another. Its wheel is verified again.

    What the target has now must stand in the line of the origin, so that something was compared with it, and nothing
    may have been rolled back there since: E49 otherwise. A target without a release needs `first`.
    """
    with writing(place), _lock(place, act.dry_run):
        known = catalogue.read(place)
        line, other = known.of(model, origin), known.of(model, target)
        if not line:
            raise HarnessError(
                f"{model} has no release in {origin}",
                where=place.address,
                hint=f"channels with one: {', '.join(sorted({one.channel for one in known.of(model)})) or 'none'}",
                code="E48",
            )
        newest = line[-1]
        for sha256 in (newest.sha256, *newest.outcomes.values()):
            blobs.verified(place, sha256)
        if first:
            refuse_first_when_released(place, model, target)
        else:
            _check_compared(line, other, origin, target, place)
            _check_passed(
                other[-1], newest, (*ledger.checked(place, known).events, *act.carry), target, place
            )
        entry = replace(
            newest,
            channel=target,
            released=_now(),
            reason=act.reason,
            by=act.by,
            parent=other[-1].sha256 if other else "",
            act="promotion",
            ledger="",
        )
        return _enter(place, known, entry, act)


def rollback(place: Place, model: str, channel: str, version: str, *, act: Act) -> Release:
    """Make an older release of a channel its newest again: the one of that version, or the one before the newest.

    Its wheel is verified. E48 where the channel has no such release.
    """
    with writing(place), _lock(place, act.dry_run):
        known = catalogue.read(place)
        line = known.of(model, channel)
        standing = _standing(line)[:-1]
        older = [one for one in line[:-1] if one.version == version and one.sha256 != line[-1].sha256]
        older = older if version else standing[-1:]
        if not older:
            versions = ", ".join(dict.fromkeys(one.version for one in line))
            raise HarnessError(
                f"{channel} has no older release{f' {version}' if version else ''} of {model} to go back to",
                where=place.address,
                hint=f"its line is {versions or 'empty'}; harness baselines ls shows it",
                code="E48",
            )
        found = older[-1]
        for sha256 in (found.sha256, *found.outcomes.values()):
            blobs.verified(place, sha256)
        entry = replace(
            found,
            released=_now(),
            reason=act.reason,
            by=act.by,
            parent=line[-1].sha256,
            act="rollback",
            ledger="",
        )
        return _enter(place, known, entry, act)


def _enter(place: Place, known: Catalogue, entry: Release, act: Act) -> Release:
    """Write the ledger, then the catalogue that names its head. Where the catalogue cannot be written the ledger is as
    it was; where the process is killed in between, the next one voids what the ledger tells too much."""
    for name in ("model", "channel", "version", "file", "reason", "by"):
        check_plain(name, getattr(entry, name), place.address)
    chain = ledger.checked(place, known)
    if act.dry_run:
        return entry
    voids = [
        ledger.event("void", one.model, one.channel, {"of": one.digest, "reason": "cut off"}, by=act.by)
        for one in ledger.unfinished(chain, known)
    ]
    told = ledger.event(
        entry.act,
        entry.model,
        entry.channel,
        {**ledger.told(entry), "outcomes": dict(entry.outcomes)},
        by=act.by,
    )
    _, before = ledger.read(place)
    grown = ledger.append(place, [*voids, *ledger.carried(chain, act.carry), told])
    done = replace(entry, ledger=str(grown.head))
    try:
        catalogue.write(place, replace(known, releases=(*known.releases, done)))
    except BaseException:
        with contextlib.suppress(OSError, HarnessError):
            _restore(place, before.content)
        raise
    return done


def _restore(place: Place, content: bytes | None) -> None:
    if content is None:
        place.remove(ledger.FILE)
    else:
        place.swap(ledger.FILE, content, place.held(ledger.FILE))


def _check_compared(
    line: Sequence[Release], other: Sequence[Release], origin: str, target: str, place: Place
) -> None:
    """Everything between what the target has and the newest of the origin was compared with the one before it."""
    if not other:
        raise HarnessError(
            f"{target} has no release yet: nothing was compared with it",
            where=place.address,
            hint="the first promotion needs --first and a reason",
            code="E48",
        )
    places = [place for place, one in enumerate(line) if one.sha256 == other[-1].sha256]
    if not places:
        raise HarnessError(
            f"{target} has {other[-1].version}, which never was in {origin}: nothing was compared with it",
            where=place.address,
            hint=f'compare the candidate with it: harness compare, with channel = "{target}", and release it there',
            code="E49",
            exit=Exit.STORE,
        )
    since = line[places[-1] + 1 :]
    if not since:
        raise HarnessError(
            f"{target} has {other[-1].version} already, the newest of {origin}",
            where=place.address,
            hint="nothing to promote",
            code="E49",
            exit=Exit.STORE,
        )
    back = [one for one in since if one.act == "rollback"]
    if back:
        raise HarnessError(
            f"{origin} was rolled back to {back[-1].version} since {target} got {other[-1].version}",
            where=place.address,
            hint="roll the target back too, or compare with what it has and release there",
            code="E49",
            exit=Exit.STORE,
        )


def _check_passed(old: Release, new: Release, events: Sequence[Event], target: str, place: Place) -> None:
    """The two were compared with each other: a chain of small steps that each pass can be a large one. The last PASS or
    FAIL about them counts; E49 where it is none, or a FAIL."""
    said = [
        one.body["verdict"]
        for one in events
        if one.kind == "verdict"
        and one.body.get("verdict") in ("PASS", "FAIL")
        and (_sha256(one, "baseline"), _sha256(one, "candidate")) == (old.sha256, new.sha256)
    ]
    # a release rests on its comparison with the one before, unless it took its place without one
    released = new.parent == old.sha256 and new.act != "rebase"
    if said[-1:] == ["PASS"] or (not said and released):
        return
    words = "failed against" if said else "was not compared with"
    raise HarnessError(
        f"{new.version} {words} {old.version}, which {target} has",
        where=place.address,
        hint=f'compare the two: with channel = "{target}", pytest --compare-to=previous, and release it there',
        code="E49",
        exit=Exit.STORE,
    )


def _sha256(event: Event, side: str) -> object:
    version = event.body.get(side)
    return version.get("sha256") if isinstance(version, Mapping) else None


def _standing(line: Sequence[Release]) -> list[Release]:
    """What a channel was set to and was not taken back, oldest first. Going back takes away what came after, so that
    going back twice does not bring back what was left first; going to what was left puts it on top again."""
    standing: list[Release] = []
    for one in line:
        places = [place for place, kept in enumerate(standing) if kept.sha256 == one.sha256]
        if one.act == "rollback" and places:
            del standing[places[-1] + 1 :]
        else:
            standing.append(one)
    return standing


def check_plain(name: str, text: str, where: str) -> None:
    """E54 for what would be another thing to a terminal, a table or a folder than it is to us."""
    is_name = name in ("model", "channel", "version", "file")
    outside = is_name and (not text.isprintable() or not text or ".." in text or "/" in text or "\\" in text)
    if outside or _CONTROL.search(text):
        raise HarnessError(
            f"refused: {name} {text[:80]!a}",
            where=where,
            hint=f"give the {name} in plain characters; nothing was changed",
            code="E54",
            exit=Exit.REFUSED,
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def refuse_first_when_released(place: Place, model: str, channel: str) -> None:
    """`--first` is for a channel without a release; anything else has to be compared."""
    line = catalogue.read(place).of(model, channel)
    if line:
        raise HarnessError(
            f"{model} has a release in {channel} already: {line[-1].version}",
            where=place.address,
            hint="compare with it, then run harness release without --first",
            code="E49",
            exit=Exit.STORE,
        )


def _check_number(released: tuple[Release, ...], version: str, sha256: str, channel: str) -> None:
    for one in released:
        if one.version == version and one.sha256 != sha256:
            raise HarnessError(
                f"version {version} is released already, with another digest {one.sha256[:12]}",
                where="the version number of the candidate",
                hint="give the training configuration a version number that is not released yet",
                code="E49",
                exit=Exit.STORE,
            )
        if one.version == version and one.channel == channel:
            raise HarnessError(
                f"version {version} is released already",
                where=f"channel {channel}",
                hint="nothing to do, or train under a new version number",
                code="E49",
                exit=Exit.STORE,
            )


@contextmanager
def _lock(place: Place, dry_run: bool) -> Iterator[None]:
    if dry_run:
        yield
        return
    with place.locked():
        yield
