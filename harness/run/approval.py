"""Approvals: names under a verdict. They lift nothing; a release demands as many as configuration says."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import store, versions
from harness.errors import Exit, HarnessError
from harness.run import extensions, journal, tombstone
from harness.run.verify import verify
from harness.settings import Settings
from harness.store import ledger
from harness.store.events import Event
from harness.store.promotion import check_plain
from harness.versions.version import Version


@dataclass(frozen=True, slots=True)
class Approval:
    """A name under a verdict: of whom, why, and the last day on which it counts ("" for no end)."""

    by: str
    reason: str
    until: str
    result_digest: str
    candidate: str

    @classmethod
    def of(cls, event: Event) -> Approval:
        """From the ledger."""
        body = event.body
        return cls(
            event.by, *(str(body.get(name, "")) for name in ("reason", "until", "result_digest", "candidate"))
        )


FIRST = "first release"
REBASED = "re-based"
"""The results of releases that nothing was compared with: there is no baseline yet, or it can no longer run."""


def approve(
    settings: Settings, folder: Path, by: str, reason: str, until: str, dry_run: bool, *, without: str = ""
) -> Approval:
    """Put a name under the verdict that `harness verify` accepts: an approval lifts no FAIL and no INCONCLUSIVE.
    `without` a comparison (FIRST or REBASED), under a candidate that nothing can be compared with."""
    until = _day(until)
    for name, text in (("by", by), ("reason", reason)):
        check_plain(name, text, "harness approve")
    with tombstone.held(folder):
        verdict, candidate = _without(settings, without) if without else verify(settings, folder)
        given = Approval(by, reason, until, verdict["result_digest"], candidate.sha256 or candidate.digest)
        body: dict[str, object] = {
            "run_id": verdict.get("run_id", ""),
            "result_digest": given.result_digest,
            "candidate": given.candidate,
            "version": candidate.version,
            "reason": reason,
            "until": until,
        }
        if not dry_run:
            journal.append(folder, [ledger.event("approval", settings.model, settings.channel, body, by=by)])
    return given


def _without(settings: Settings, why: str) -> tuple[dict[str, Any], Version]:
    extensions.load(settings)
    candidate = versions.resolve(settings.candidate, settings, "candidate")
    if why == FIRST:
        store.refuse_first_when_released(store.open_place(settings), settings.model, settings.channel)
    return {"result_digest": why}, candidate


def demand(
    settings: Settings,
    noted: Sequence[Event],
    verdict: Mapping[str, Any],
    candidate: str,
    previous: str,
    least: int = 0,
) -> None:
    """Raise E58 unless as many people as configuration demands approved of this very verdict and candidate, none of
    them an author of the change. `previous` is the commit of the release before: what came after it is the change.
    `least` people have to, whatever configuration says."""
    wanted = max(settings.require_approval, least)
    if not wanted:
        return
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    authors = set(authors_of(settings.root, previous))
    counted, refused = set(), []
    for event in noted:
        if event.kind != "approval":
            continue
        one = Approval.of(event)
        if one.result_digest != verdict["result_digest"] or one.candidate != candidate:
            continue
        if event.model != settings.model or event.channel != settings.channel:
            continue
        if one.until and one.until < today:
            refused.append(f"that of {one.by} ended on {one.until}")
        elif _same(one.by) in authors:
            refused.append(f"{one.by} is an author of the change")
        else:
            counted.add(_same(one.by))
    if len(counted) < wanted:
        why = f" ({'; '.join(dict.fromkeys(refused))})" if refused else ""
        raise HarnessError(
            f"{len(counted)} of {wanted} approvals of this verdict{why}",
            where=f"require_approval in {settings.path.name}",
            hint='somebody who is no author of the change runs harness approve --reason "…" where the report is',
            code="E58",
            exit=Exit.INCONCLUSIVE,
        )


def authors_of(root: Path, since: str) -> Iterator[str]:
    """Names and addresses, in lower case, of whoever wrote the commits after `since` (of the newest where that is not
    known here), and of whoever has changes that are not committed."""
    known = since and _git(root, "cat-file", "-e", f"{since}^{{commit}}") is not None
    span = [f"{since}..HEAD"] if known else ["-1", "HEAD"]
    for line in (_git(root, "log", "--format=%an%n%ae%n%cn%n%ce", *span) or "").splitlines():
        if line.strip():
            yield _same(line)
    if _git(root, "status", "--porcelain"):
        yield _same(name_of(root))


def name_of(root: Path) -> str:
    """Who is at work here: git's address, else the user's name. A name that is given, not proven."""
    return (_git(root, "config", "user.email") or "").strip() or ledger.account()


def _same(name: str) -> str:
    """Neither case nor spaces make two people of one."""
    return " ".join(name.casefold().split())


def _day(until: str) -> str:
    if not until:
        return ""
    try:
        return datetime.date.fromisoformat(until).isoformat()
    except ValueError:
        raise HarnessError(
            f"--until {until}", where="harness approve", hint="write a day as 2027-06-30"
        ) from None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
