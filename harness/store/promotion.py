"""A wheel becomes a release: blobs first, the catalogue last, nothing changed where anything is wrong."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.store import blobs, catalogue
from harness.store.catalogue import Release
from harness.store.place import Place, writing


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
    reason: str,
    by: str,
    commit: str,
    evidence: str,
    dry_run: bool = False,
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
    with writing(place), _lock(place, dry_run):
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
        if not dry_run:
            kept = {name: blobs.put(place, answers) for name, answers in sorted(outcomes.items())}
            blobs.put(place, content)
        else:
            kept = {}
        done = Release(
            model=model,
            channel=channel,
            version=version,
            sha256=sha256,
            file=wheel.name,
            identity=identity,
            released=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            reason=reason,
            by=by,
            commit=commit,
            evidence=evidence,
            parent=line[-1].sha256 if line else "",
            outcomes=kept,
        )
        if not dry_run:
            catalogue.write(place, replace(known, releases=(*known.releases, done)))
    return done


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
