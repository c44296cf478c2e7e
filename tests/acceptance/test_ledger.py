"""Who decided what: approvals, channels, going back, and a ledger that tells of all of it, by real commands."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess

import pytest

from .running import run_harness
from .test_release import project  # noqa: F401

LOOKED = ("--reason", "looked at it")


def commit(folder, author="Ada <ada@example.org>"):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, "add", "-A"], cwd=folder, check=True)
    subprocess.run(
        ["git", *who, "commit", "-qm", "a change", "--allow-empty", f"--author={author}"],
        cwd=folder,
        check=True,
    )


def configure(folder, line):
    path = folder / "harness.toml"
    path.write_text(f"{line}\n{path.read_text()}")


def ok(folder, *arguments):
    done = run_harness(folder, *arguments)
    assert done.code == 0, done.out
    return done.out


def refused(folder, code, words, *arguments):
    done = run_harness(folder, *arguments)
    assert done.code == code, done.out
    assert words in done.out
    return done.out


def told(folder):
    return json.loads(ok(folder, "ledger", "--format", "json"))["events"]


@pytest.fixture
def compared(project):  # noqa: F811
    ok(project, "compare")
    return project


def test_verdicts_approvals_and_releases_are_told_in_order(compared):
    ok(compared, "approve", "--by", "anna", *LOOKED)
    kept = [(one["kind"], one["kept"]) for one in told(compared)]
    assert kept == [("release", True), ("verdict", False), ("approval", False)]
    ok(compared, "release", "--reason", "=better()")
    events = told(compared)
    assert [(one["kind"], one["kept"]) for one in events] == [
        ("release", True), ("verdict", True), ("approval", True), ("release", True)
    ]  # fmt: skip
    verdict = events[1]["body"]
    assert verdict["verdict"] == "PASS"
    assert verdict["candidate"]["version"] == "1.1.0"
    assert events[2]["by"] == "anna"
    table = list(csv.DictReader(io.StringIO(ok(compared, "ledger", "--format", "csv"))))
    assert [row["kind"] for row in table] == ["release", "verdict", "approval", "release"]
    assert table[-1]["reason"] == "'=better()"
    assert "whole" in ok(compared, "baselines", "fsck")


def test_a_release_waits_for_its_approvals(project):  # noqa: F811
    configure(project, "require_approval = 2")
    commit(project)
    ok(project, "compare")
    refused(project, 10, "E58 0 of 2 approvals", "release")
    ok(project, "approve", "--by", "ben@example.org", *LOOKED)
    ok(project, "approve", "--by", "BEN@example.org", "--reason", "the same man")
    refused(project, 10, "E58 1 of 2 approvals", "release")
    ok(project, "approve", "--by", "ada@example.org", "--reason", "my own change")
    refused(project, 10, "ada@example.org is an author of the change", "release")
    ok(project, "approve", "--by", "cy", "--until", "2020-01-01", *LOOKED)
    refused(project, 10, "that of cy ended on 2020-01-01", "release")
    ok(project, "approve", "--by", "cy", "--until", "2999-01-01", *LOOKED)
    assert "1.1.0 is released" in ok(project, "release")


def test_an_approval_is_of_one_verdict(project):  # noqa: F811
    configure(project, "require_approval = 1")
    commit(project)
    ok(project, "compare")
    ok(project, "approve", "--by", "ben", *LOOKED)
    configure(project, 'change = "upgrade"' if "change" not in (project / "harness.toml").read_text() else "")
    (project / "harness.toml").write_text(
        (project / "harness.toml").read_text() + "\n[retrain]\nmargin = 0.04\n"
    )
    commit(project)
    run_harness(project, "compare")
    done = run_harness(project, "release")
    assert done.code != 0, done.out


def test_an_approval_lifts_no_failure(compared):
    path = compared / "reports" / "verdict.json"
    verdict = json.loads(path.read_text())
    path.write_text(json.dumps(verdict | {"verdict": "FAIL"}))
    done = run_harness(compared, "approve", "--by", "ben", *LOOKED)
    assert done.code != 0
    assert [one["kind"] for one in told(compared)] == ["release", "verdict"]
    refused(compared, 4, "--until", "approve", "--by", "ben", "--until", "soon", *LOOKED)


def test_a_dry_run_writes_nothing(compared):
    def state():
        files = [
            path for path in (compared / "baselines").rglob("*") if path.is_file() and path.name != ".lock"
        ]
        return {path: path.read_bytes() for path in [*files, compared / "reports" / "ledger.jsonl"]}

    before = state()
    assert "would approve" in ok(compared, "approve", "--dry-run", "--by", "ben", *LOOKED)
    assert "would be released" in ok(compared, "release", "--dry-run")
    assert "would be promoted" in ok(compared, "promote", "--to", "staging", "--first", "--dry-run", *LOOKED)
    ok(compared, "baselines", "prune", "--dry-run", "--keep-runs", "1")
    assert state() == before


def test_going_back_is_a_release_too(compared):
    refused(compared, 4, "E48 production has no older release", "rollback", *LOOKED)
    ok(compared, "release")
    refused(compared, 4, "E48 production has no older release 9.9.9", "rollback", "9.9.9", *LOOKED)
    assert "1.0.0 is the newest again in production" in ok(
        compared, "rollback", "--reason", "worse in the field"
    )
    assert "* " in next(line for line in ok(compared, "baselines", "ls").splitlines() if "(rollback)" in line)
    commit(compared)
    out = ok(compared, "compare")
    assert "1.0.0" in out
    # the number is taken: what was rolled back is not released again unseen
    refused(compared, 11, "E49 version 1.1.0 is released already", "release")
    assert "1.1.0 is the newest again" in ok(compared, "rollback", "1.1.0", "--reason", "it was the network")
    assert [one["kind"] for one in told(compared)][-3:] == ["rollback", "verdict", "rollback"]
    assert "whole" in ok(compared, "baselines", "fsck")


def test_a_version_moves_from_channel_to_channel_with_what_was_compared(compared):
    refused(compared, 4, "E48 staging has no release yet", "promote", "--to", "staging", *LOOKED)
    ok(compared, "promote", "--to", "staging", "--first", *LOOKED)
    refused(compared, 11, "E49 staging has 1.0.0 already", "promote", "--to", "staging", *LOOKED)
    refused(compared, 10, "E17 the verdict is for tree", "release")  # the store is part of the tree
    commit(compared)
    ok(compared, "compare")
    ok(compared, "release")
    assert "1.1.0 is promoted from production to staging" in ok(
        compared, "promote", "--to", "staging", *LOOKED
    )
    ok(compared, "promote", "--from", "staging", "--to", "edge", "--first", *LOOKED)
    refused(compared, 4, "it would come from", "promote", "--to", "production", *LOOKED)
    releases = json.loads((compared / "baselines" / "catalogue.json").read_text())["releases"]
    staged = [one for one in releases if one["channel"] == "staging"]
    line = [one for one in releases if one["channel"] == "production"]
    assert [one["sha256"] for one in staged] == [one["sha256"] for one in line]


def test_a_rollback_is_not_carried_through_as_a_promotion(compared):
    ok(compared, "release")
    ok(compared, "promote", "--to", "staging", "--first", *LOOKED)
    ok(compared, "rollback", *LOOKED)
    refused(compared, 11, "E49 production was rolled back to 1.0.0", "promote", "--to", "staging", *LOOKED)


def test_nothing_moves_to_a_channel_whose_release_was_never_compared_with(compared):
    configure(compared, 'channel = "island"')
    commit(compared)
    ok(compared, "release", "--first", "--reason", "a line of its own")
    refused(
        compared, 11, "E49 island has 1.1.0, which never was in production",
        "promote", "--from", "production", "--to", "island", *LOOKED,
    )  # fmt: skip


def test_a_command_runs_with_what_was_released_and_the_release_stands(compared, tmp_path):
    configure(compared, "after_release = \"sh -c 'echo {version} $HARNESS_DIGEST > deployed; exit 3'\"")
    commit(compared)
    ok(compared, "compare")
    out = refused(compared, 10, "E59 after_release ended with code 3; the release stands", "release")
    digest = out.split("sha256:")[1].split()[0]
    assert (compared / "deployed").read_text() == f"1.1.0 sha256:{digest}\n"
    assert "* " in next(line for line in ok(compared, "baselines", "ls").splitlines() if " 1.1.0 " in line)


@pytest.mark.parametrize("spoil", ["cut", "gone", "edited"])
def test_a_ledger_that_was_tampered_with_stops_what_writes(compared, spoil):
    ok(compared, "release")
    path = compared / "baselines" / "ledger.jsonl"
    content = path.read_bytes()
    spoilt = {"cut": content[: content.index(b"\n") + 1], "edited": content.replace(b"PASS", b"pass", 1)}.get(
        spoil
    )
    path.unlink() if spoilt is None else path.write_bytes(spoilt)
    catalogue = (compared / "baselines" / "catalogue.json").read_bytes()
    refused(compared, 11, "E46 the ledger", "rollback", *LOOKED)
    refused(compared, 11, "E46 the ledger", "ledger")
    refused(compared, 11, "DAMAGED: E46 the ledger", "baselines", "fsck")
    refused(compared, 11, "E46 the ledger", "baselines", "prune")
    assert (compared / "baselines" / "catalogue.json").read_bytes() == catalogue
    assert (path.read_bytes() if path.exists() else None) == spoilt


def test_a_broken_ledger_of_the_reports_forbids_pass(compared):
    path = compared / "reports" / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-3])
    done = run_harness(compared, "compare")
    assert done.code == 11, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"


def test_what_nothing_needs_is_named_and_taken_out(compared):
    blobs = compared / "baselines" / "blobs"
    orphan = blobs / "ab" / ("ab" + "0" * 62)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"left by a release that was killed")
    assert "note: nothing needs blobs/ab/" in ok(compared, "baselines", "fsck")
    assert ok(compared, "baselines", "prune") == ""  # it may be of a release that is just being written

    os.utime(orphan, (0, 0))
    assert "removed: blobs/ab/" in ok(compared, "baselines", "prune")
    assert not orphan.exists()
    ok(compared, "compare")
    assert "removed: run" in ok(compared, "baselines", "prune", "--keep-runs", "1")
    assert len(list((compared / "reports" / "runs").iterdir())) == 1
    ok(compared, "verify")


def test_a_damaged_blob_is_found(compared):
    path = next(path for path in (compared / "baselines" / "blobs").rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes() + b"x")
    refused(compared, 11, "DAMAGED: E46 digest mismatch", "baselines", "fsck")


def test_one_release_is_shown_whole(compared):
    out = ok(compared, "baselines", "show", "1.0.0")
    assert "reason: nothing to compare with" in out
    assert "answers to rows: sha256:" in out
    refused(compared, 4, "E48 no release", "baselines", "show", "1.0.1")


def test_a_first_release_waits_for_its_approvals_too(zoo, tmp_path, git):
    folder = zoo.project(tmp_path, "good", "rewritten")
    configure(folder, "require_approval = true")
    git(folder)
    first = ("release", "--first", "--reason", "nothing to compare with")
    refused(folder, 10, "E58 0 of 1 approvals", *first)
    ok(folder, "approve", "--first", "--by", "t@t.invalid", "--reason", "my own change")
    refused(folder, 10, "t@t.invalid is an author of the change", *first)
    ok(folder, "approve", "--first", "--by", "ben", *LOOKED)
    assert "is released" in ok(folder, *first)
    refused(folder, 11, "E49", "approve", "--first", "--by", "ben", *LOOKED)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'test {digest} = $HARNESS_DIGEST && echo ${HARNESS_CHANNEL} {act} {other} > out'", ""),
        ("sh -c 'exit 3'", "E59 after_release ended with code 3; the release stands"),
        ("no-such-command", "E59 after_release cannot be run"),
    ],
)
def test_the_command_of_the_team_has_its_own_braces(project, command, words):  # noqa: F811
    configure(project, f"after_release = {json.dumps(command)}")
    commit(project)
    ok(project, "compare")
    if words:
        refused(project, 10, words, "release")
    else:
        ok(project, "release")
        assert (project / "out").read_text() == "production release {other}\n"
    assert [one["kind"] for one in told(project)][-1] == "release"


def test_a_command_that_cannot_be_taken_apart_is_refused_before_anything_is_released(compared):
    configure(compared, 'after_release = "sh -c \'open"')
    refused(compared, 4, "E27 after_release: No closing quotation", "release")


def test_names_that_play_with_a_terminal_are_refused(compared):
    refused(compared, 12, "E54 refused: by", "approve", "--by", "ben\x1b[2K", *LOOKED)
    refused(compared, 12, "E54 refused: channel", "promote", "--to", "../staging", "--first", *LOOKED)
    assert [one["kind"] for one in told(compared)] == ["release", "verdict"]


def test_runs_that_something_rests_on_stay(compared):
    first = compared / "reports" / "runs"
    approved = {path.name for path in first.iterdir()}
    ok(compared, "approve", "--by", "ben", *LOOKED)
    for _ in range(2):
        ok(compared, "compare")
    ok(compared, "baselines", "prune", "--keep-runs", "1", "--dry-run")
    assert len(list(first.iterdir())) == 3
    ok(compared, "baselines", "prune", "--keep-runs", "1")
    left = {path.name for path in first.iterdir()}
    assert approved < left
    assert len(left) == 2


def test_a_release_that_can_no_longer_run_is_re_based_with_a_reason_and_an_approver(compared):
    refused(compared, 4, "needs a reason", "release", "--rebase")
    refused(compared, 10, "E58 0 of 1 approvals", "release", "--rebase", *LOOKED)
    # an approval of the verdict, or of a first release, is none of this
    ok(compared, "approve", "--by", "anna", *LOOKED)
    refused(compared, 10, "E58 0 of 1 approvals", "release", "--rebase", *LOOKED)
    ok(compared, "approve", "--rebase", "--by", "anna", "--reason", "judged by hand")
    refused(compared, 4, "--first and --rebase", "release", "--rebase", "--first", *LOOKED)
    assert "would be released" in ok(compared, "release", "--rebase", "--dry-run", *LOOKED)
    assert "1.1.0 is released to production" in ok(
        compared, "release", "--rebase", "--reason", "its wheels are gone"
    )
    assert [one["kind"] for one in told(compared)][-3:] == ["approval", "approval", "rebase"]
    assert "(rebase)" in ok(compared, "baselines", "ls")
    assert "whole" in ok(compared, "baselines", "fsck")


def test_nothing_is_promoted_across_a_re_base(project):  # noqa: F811
    ok(project, "promote", "--to", "staging", "--first", *LOOKED)
    ok(project, "approve", "--rebase", "--by", "anna", *LOOKED)
    ok(project, "release", "--rebase", *LOOKED)
    refused(project, 11, "E49", "promote", "--to", "staging", *LOOKED)


def test_nothing_is_re_based_where_nothing_was_released(zoo, tmp_path, git):
    made = zoo.project(tmp_path, "good", "rewritten")
    git(made)
    refused(made, 4, "E48 production has no release", "release", "--rebase", *LOOKED)


def test_the_last_line_beside_the_reports_cannot_be_edited_unnoticed(compared):
    ok(compared, "verify")
    path = compared / "reports" / "ledger.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace('"change":"', '"change":"un'))
    words = "the ledger beside the verdict is not the one that was written with it"
    refused(compared, 10, words, "verify")
    refused(compared, 10, words, "release", "--reason", "all the same")
    path.write_text(whole)
    ok(compared, "verify")
