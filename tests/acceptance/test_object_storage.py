"""A team's store in object storage, from a project in git: released, compared with, verified; and in trouble."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from harness.files import cache_folder

from .running import run_harness, run_pytest


@pytest.fixture
def empty(zoo, tmp_path, git, s3, monkeypatch):
    """A project whose store is an empty bucket."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    made = zoo.project(tmp_path / "project", "good", "rewritten")
    text = (made / "harness.toml").read_text()
    store = f'store = "s3://{s3.bucket()}/models"\nstore_options = {{ endpoint_url = "env:S3_ADDRESS" }}\n'
    monkeypatch.setenv("S3_ADDRESS", s3.url)
    (made / "harness.toml").write_text(store + text)
    (made / "first.toml").write_text(
        (store + text).replace('candidate = "candidate"', 'candidate = "baseline"')
    )
    git(made)
    return made


@pytest.fixture
def project(empty):
    """A project with a first release in the bucket, and a candidate that asks to be the next."""
    done = run_harness(empty, "release", "--first", "--reason", "first", "--config", "first.toml")
    assert done.code == 0, done.out
    assert not (empty / "baselines").exists()
    return empty


@pytest.fixture
def catalogue(project, s3):
    """What the bucket says."""
    bucket = f"bucket-{int(s3.bucket().partition('-')[2]) - 1}"

    def read():
        body = s3.client().get_object(Bucket=bucket, Key="models/catalogue.json")["Body"]
        with body:
            return json.load(body)["releases"]

    read.bucket = bucket
    return read


def test_compared_verified_released_and_previous(project, catalogue):
    done = run_pytest(project, "--compare-to=previous")
    assert done.code == 0, done.out
    assert done.verdict["baseline"]["version"] == "1.0.0"
    assert run_harness(project, "verify").code == 0
    assert run_harness(project, "release", "--dry-run").code == 0
    assert len(catalogue()) == 1
    done = run_harness(project, "release", "--reason", "faster")
    assert done.code == 0, done.out
    assert [one["version"] for one in catalogue()] == ["1.0.0", "1.1.0"]
    done = run_pytest(project, "--compare-to=previous")
    assert done.code == 0, done.out
    assert "UNCHANGED: nothing to release" in done.out
    address = f"s3://{catalogue.bucket}/models"
    shutil.rmtree(cache_folder() / "store" / hashlib.sha256(address.encode()).hexdigest()[:32])
    assert run_pytest(project, "--compare-to=1.0.0").verdict["verdict"] == "PASS"
    done = run_harness(project, "ledger")
    assert [line.split()[1] for line in done.lines if "animal" in line].count("release") == 2, done.out
    done = run_harness(project, "baselines", "fsck")
    assert (done.code, done.lines) == (0, [f"{address}: whole"])
    done = run_harness(project, "rollback", "1.0.0", "--reason", "slower after all")
    assert done.code == 0, done.out
    assert run_harness(project, "baselines", "prune").code == 0
    assert run_pytest(project, "--compare-to=previous").verdict["baseline"]["version"] == "1.0.0"


def test_a_release_of_somebody_else_between_compare_and_release(zoo, project, catalogue):
    """No git tree moves when the store does: the verdict is bound to the digests of what was compared."""
    assert run_pytest(project, "--compare-to=previous").code == 0
    other = project.parent / "other"
    shutil.copytree(project, other)
    wheel = zoo.wheel(other / "third", "rewritten", version="3.0.0")
    text = (
        (other / "harness.toml")
        .read_text()
        .replace('candidate = "candidate"', f'candidate = "wheel:third/{wheel.name}"')
    )
    (other / "harness.toml").write_text(text)
    assert run_pytest(other, "--compare-to=previous").code == 0
    assert run_harness(other, "release", "--reason", "theirs").code == 0
    done = run_harness(project, "verify")
    assert done.code == 10
    assert "E17 the verdict is for baseline" in done.out
    done = run_harness(project, "release", "--reason", "mine")
    assert done.code == 10, done.out
    assert [one["version"] for one in catalogue()] == ["1.0.0", "3.0.0"]


def test_damage_never_passes(project, catalogue, s3):
    sha256 = catalogue()[0]["sha256"]
    key = f"models/blobs/{sha256[:2]}/{sha256}"
    content = s3.client().get_object(Bucket=catalogue.bucket, Key=key)["Body"].read()
    s3.client().put_object(Bucket=catalogue.bucket, Key=key, Body=content[:-1] + bytes([content[-1] ^ 1]))
    done = run_pytest(project, "--compare-to=previous")
    assert done.code == 11, done.out
    assert "E46 digest mismatch" in done.out
    s3.client().delete_object(Bucket=catalogue.bucket, Key=key)
    done = run_pytest(project, "--compare-to=previous")
    assert done.code == 11, done.out
    assert "E47 blob" in done.out
    assert done.verdict["verdict"] != "PASS"


def test_who_may_only_read_compares_and_does_not_release(project, catalogue, s3):
    reader = s3.reader()
    done = run_pytest(project, "--compare-to=previous", **reader)
    assert done.code == 0, done.out
    done = run_harness(project, "release", "--reason", "mine", **reader)
    assert done.code == 11, done.out
    assert "E50 the store cannot be written: " in done.out
    assert "the old baseline is untouched" in done.out
    done = run_harness(project, "baselines", "prune", **reader)
    assert (done.code, "E50 the store cannot be written: " in done.out) == (11, True), done.out
    s3.well()
    assert len(catalogue()) == 1
    assert "not a secret" not in done.out


@pytest.mark.parametrize("how", ["gone", "no bucket", "no credentials", "no variable"])
def test_a_store_that_does_not_answer_never_passes(empty, how, monkeypatch):
    if how == "gone":
        monkeypatch.setenv("S3_ADDRESS", "http://127.0.0.1:9")
    elif how == "no bucket":
        for path in empty.glob("*.toml"):
            path.write_text(path.read_text().replace("s3://bucket-", "s3://nobody-made-"))
    elif how == "no credentials":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("HOME", str(empty))
    else:
        monkeypatch.delenv("S3_ADDRESS")
    commands = [run_harness(empty, "release", "--first", "--reason", "x", "--config", "first.toml")]
    if how in ("gone", "no bucket"):
        commands.append(run_pytest(empty, "--compare-to=previous"))
    for done in commands:
        assert done.code == 11, done.out
        assert "E47 " in done.out
        assert "Traceback" not in done.out
        assert done.verdict is None or done.verdict["verdict"] != "PASS"
