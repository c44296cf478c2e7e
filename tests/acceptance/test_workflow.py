"""The workflow for pull requests and the hook for commits: read, and run step by step as their hosts do."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import __version__

from .running import environment, plugin, run_harness
from .test_chain import HARNESS, LOCK, SETS, TRAINING, holdout

ROOT = Path(__file__).parents[2]
BUILD = "mkdir -p dist && cp candidate/*.whl dist/"
LOOSE = '[[rules]]\nname = "wide"\nrule = "close"\natol = 10.0\n'


@dataclass
class Host:
    """Runs the jobs of a workflow for one pull request, as GitHub does: steps in order, `if: always()`, artifacts."""

    origin: Path
    base: str
    head: str
    room: Path
    branch: str = "main"
    reason: str = ""
    artifacts: dict[str, Path] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def run(self, workflow: dict[str, Any]) -> None:
        """Every job, in the order of the file, which is that of their needs."""
        for name, job in workflow["jobs"].items():
            needs = job.get("needs", [])
            needs = [needs] if isinstance(needs, str) else needs
            met = all(self.results[one] == "success" for one in needs)
            if not met and job.get("if") != "always()":
                self.results[name] = "skipped"
                continue
            workspace = self.room / name
            workspace.mkdir()
            failed = False
            for step in job["steps"]:
                if failed and step.get("if") != "always()":
                    continue
                failed |= not self._step(step, workspace)
            self.results[name] = "failure" if failed else "success"

    def _step(self, step: dict[str, Any], workspace: Path) -> bool:
        given = step.get("with", {})
        if "run" in step:
            return self._command(step, workspace)
        action = step["uses"].partition("@")[0]
        if action == "actions/checkout":
            assert given["persist-credentials"] is False
            ref = self._filled(given["ref"]) if "ref" in given else self.head
            place = workspace / given.get("path", ".")
            git(self.room, "clone", "-q", str(self.origin), str(place))
            git(place, "checkout", "-q", ref)
            return True
        if action == "actions/upload-artifact":
            return self._upload(given["name"], workspace, given["path"])
        if action == "actions/download-artifact":
            if given["name"] not in self.artifacts:
                return False
            shutil.copytree(self.artifacts[given["name"]], workspace / given["path"], dirs_exist_ok=True)
            return True
        assert action == "actions/setup-python"
        return True

    def _upload(self, name: str, workspace: Path, pattern: str) -> bool:
        found = sorted(workspace.glob(pattern))
        if not found:
            return False
        kept = self.artifacts[name] = self.room / f"artifact-{name}"
        for path in found:
            if path.is_dir():
                shutil.copytree(path, kept, dirs_exist_ok=True)
            else:
                kept.mkdir(exist_ok=True)
                shutil.copy(path, kept)
        return True

    def _command(self, step: dict[str, Any], workspace: Path) -> bool:
        if step.get("name") == "Install":
            # what is tested here is installed already
            assert step["run"] == f'python -m pip install "pytest-model-harness=={__version__}"'
            return True
        programs = self.room / "bin"
        programs.mkdir(exist_ok=True)
        gate = shlex.join(["-m", "pytest", *plugin(), "-p", "no:randomly", "-p", "no:cacheprovider"])
        for name, module in (("harness", "-m harness.cli"), ("pytest", gate)):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
            (programs / name).chmod(0o755)
        temporary = self.room / "temporary"
        temporary.mkdir(exist_ok=True)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self._filled(step["run"])],
            cwd=workspace / step.get("working-directory", "."),
            env=environment(
                **{name: self._filled(value) for name, value in step.get("env", {}).items()},
                GITHUB_REF_NAME=self.branch,
                PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
                GITHUB_WORKSPACE=str(workspace),
                RUNNER_TEMP=str(temporary),
                GITHUB_STEP_SUMMARY=str(self.room / "summary.md"),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.said.append(f"$ {step['run']}\n{done.stdout}")
        return done.returncode == 0

    def _filled(self, text: str) -> str:
        known = {
            "github.event.pull_request.base.sha": self.base,
            "github.event.repository.default_branch": "main",
            "github.token": "none",
            "inputs.reason": self.reason,
        }
        known |= {f"needs.{name}.result": result for name, result in self.results.items()}
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], text)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def put(zoo, project: Path, animal: str, version: str) -> None:
    shutil.rmtree(project / "candidate", ignore_errors=True)
    zoo.wheel(project / "candidate", animal, version=version)


@pytest.fixture(scope="module")
def origin(zoo, tmp_path_factory):
    """A repository with a released baseline and the workflow."""
    project = zoo.project(tmp_path_factory.mktemp("origin") / "project", "good", "good")
    path = project / "harness.toml"
    head, _, _ = path.read_text().partition("[versions.")
    path.write_text(head.replace('candidate = "candidate"', 'candidate = "project:."'))
    shutil.rmtree(project / "baseline")
    put(zoo, project, "good", "1.0.0")
    (project / ".gitignore").write_text("dist/\nreports/\n__pycache__/\n")
    git(project, "init", "-q", "-b", "main", ".")
    subprocess.run(["bash", "-c", BUILD], cwd=project, check=True)
    done = run_harness(project, "release", "--first", "--reason", "nothing to compare with")
    assert done.code == 0, done.out
    done = run_harness(project, "workflow", "--write", "--build", BUILD)
    assert done.code == 0, done.out
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "a released model")
    return project


@pytest.fixture
def change(origin, tmp_path):
    """A branch to be changed, and what comes of it."""

    def propose(edit) -> Host:
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", str(origin), str(clone))
        edit(clone)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "--allow-empty", "-m", "a change")
        base, head = git(origin, "rev-parse", "HEAD"), git(clone, "rev-parse", "HEAD")
        host = Host(clone, base, head, tmp_path / "host")
        host.room.mkdir()
        # the file of the base branch, as a ruleset of the organization demands
        host.run(yaml.safe_load((origin / ".github/workflows/model-gate.yml").read_text()))
        return host

    return propose


def test_the_workflow_asks_for_nothing_that_a_stranger_could_take(origin):
    text = (origin / ".github/workflows/model-gate.yml").read_text()
    workflow = yaml.safe_load(text)
    # YAML reads the key `on` as true
    assert workflow[True] == "pull_request"
    assert workflow["permissions"] == {"contents": "read"}
    orders = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert "secrets" not in orders
    assert "pull_request_target" not in orders
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    for command in commands:
        # nothing that the author of a change writes stands in a shell command
        for name in re.findall(r"\$\{\{ (.*?) \}\}", command):
            assert re.fullmatch(r"needs\.\w+\.result", name), command
    gate = workflow["jobs"]["gate"]
    assert gate["if"] == "always()"
    assert set(gate["needs"]) == set(workflow["jobs"]) - {"gate"}
    assert not any(
        job.get("permissions") or job.get("continue-on-error") for job in workflow["jobs"].values()
    )
    assert "@" not in re.sub(r"uses: actions/[\w-]+@v\d", "", orders), "a placeholder is left"


def test_an_honest_change_passes_the_gate(zoo, change):
    host = change(lambda clone: put(zoo, clone, "rewritten", "1.1.0"))
    assert host.results == {"build": "success", "verify": "success", "gate": "success"}, "\n".join(host.said)
    assert "MAY BE RELEASED" in (host.room / "summary.md").read_text()


def looser(zoo, clone):
    path = clone / "harness.toml"
    path.write_text(path.read_text() + LOOSE)


def without_the_case(zoo, clone):
    path = clone / "rows.csv"
    path.write_text(
        "".join(line for line in path.read_text().splitlines(True) if not line.startswith("r13,"))
    )


def another_baseline(zoo, clone):
    shutil.rmtree(clone / "baselines")
    subprocess.run(["bash", "-c", BUILD], cwd=clone, check=True)
    assert run_harness(clone, "release", "--first", "--reason", "mine").code == 0


@pytest.mark.parametrize("trick", [looser, without_the_case, another_baseline])
def test_a_harmful_change_that_judges_itself_kindly_is_refused(zoo, change, trick):
    def edit(clone):
        put(zoo, clone, "shifted_at_13", "1.1.0")
        trick(zoo, clone)

    host = change(edit)
    # by its own rules it passes, and by those of the base branch it does not
    assert host.results == {"build": "success", "verify": "failure", "gate": "failure"}, "\n".join(host.said)
    assert "DO NOT RELEASE" in (host.room / "summary.md").read_text()


def test_a_build_that_hands_nothing_over_is_no_success(change):
    host = change(lambda clone: shutil.rmtree(clone / "candidate"))
    assert host.results == {"build": "failure", "verify": "failure", "gate": "failure"}


def test_a_gate_whose_jobs_were_skipped_demands_the_verdict_all_the_same(origin, tmp_path):
    workflow = yaml.safe_load((origin / ".github/workflows/model-gate.yml").read_text())
    host = Host(origin, "", "", tmp_path, results={"build": "skipped", "verify": "skipped"})
    host.run({"jobs": {"gate": workflow["jobs"]["gate"]}})
    assert host.results["gate"] == "failure"


def test_a_workflow_that_is_there_is_left_alone(origin, tmp_path):
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(origin), str(clone))
    path = clone / ".github/workflows/model-gate.yml"
    path.write_text("# ours\n")
    refused = run_harness(clone, "workflow", "--write", "--build", BUILD)
    assert refused.code == 4
    assert path.read_text() == "# ours\n"
    assert run_harness(clone, "workflow", "--replace", "--build", BUILD).code == 0
    assert path.read_text() == run_harness(clone, "workflow", "--build", BUILD).out
    unknown = run_harness(clone, "workflow")
    assert unknown.code == 4
    assert "does not know how the candidate is built" in unknown.out


def test_a_project_in_a_folder_of_its_repository_keeps_its_paths(zoo, tmp_path):
    git(tmp_path, "init", "-q", ".")
    zoo.project(tmp_path / "models" / "one")
    done = run_harness(tmp_path / "models" / "one", "workflow", "--build", "make\nmake wheel")
    workflow = yaml.safe_load(done.out)
    steps = {step.get("name"): step for job in workflow["jobs"].values() for step in job["steps"]}
    assert steps["Build the wheel"]["run"] == "make\nmake wheel\n"
    assert steps["Compare"]["run"].startswith('harness compare --config "base/models/one/harness.toml"')
    assert steps["The candidate"]["with"]["path"] == "base/models/one/dist"
    assert steps["Hand the wheel over"]["with"]["path"] == "models/one/dist/*.whl"


# ---- the whole chain as a job

EVIL = 'better "in the north"; $(touch pwned) `touch pwned` ${{ github.token }}'


@pytest.fixture
def released(tmp_path):
    """`released(project)`: what comes of the chain on the main branch of a project, and the repository it pushes to."""

    def run(project: Path, branch: str = "main") -> tuple[Host, Path]:
        bare = tmp_path / "bare.git"
        git(tmp_path, "clone", "-q", "--bare", str(project), str(bare))
        host = Host(bare, "", git(project, "rev-parse", "HEAD"), tmp_path / "host", branch, EVIL)
        host.room.mkdir()
        host.run(yaml.safe_load((project / ".github/workflows/model-release.yml").read_text()))
        return host, bare

    return run


def releases(bare: Path) -> list[dict[str, Any]]:
    """What the catalogue on the main branch says."""
    return json.loads(git(bare, "show", "main:baselines/catalogue.json"))["releases"]


def test_the_chain_trains_compares_verifies_releases_and_pushes(released, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    one = SETS["wine"]
    training = project / "training.toml"
    text = TRAINING.format(name="wine", task="classification", data=one["data"], steps=one["steps"])
    training.write_text(text)
    (project / "harness.toml").write_text(HARNESS.format(name="wine"))
    (project / ".gitignore").write_text("dist/\nreports/\n")
    shutil.copy(LOCK, project / "model.lock")
    holdout("wine").to_parquet(project / "holdout.parquet", index=False)
    git(project, "init", "-q", "-b", "main", ".")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "a model")
    for arguments in (
        ["train"],
        ["release", "--first", "--reason", "the first"],
        ["workflow", "--release", "--write"],
    ):
        done = run_harness(project, *arguments)
        assert done.code == 0, done.out
    training.write_text(text.replace("1.0.0", "1.1.0").replace(*one["retrain"]))
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "regularised otherwise")
    host, bare = released(project)
    assert host.results == {"chain": "success"}, "\n".join(host.said)
    assert "MAY BE RELEASED: 1.1.0 (retrain)" in "\n".join(host.said)
    assert [one["version"] for one in releases(bare)] == ["1.0.0", "1.1.0"]
    assert releases(bare)[-1]["reason"] == EVIL
    assert not list(tmp_path.rglob("pwned"))
    # the release is one commit, of the store alone, on top of what was released
    assert git(bare, "rev-parse", "main~1") == host.head
    changed = git(bare, "diff", "--name-only", "main~1", "main").splitlines()
    assert changed
    assert all(name.startswith("baselines/") for name in changed)
    assert (host.artifacts["model-report"] / "verdict.json").exists()


@pytest.fixture
def copied(origin, tmp_path):
    """The repository with a released baseline, the chain in it, and another candidate."""

    def make(zoo, animal: str) -> Path:
        project = tmp_path / "copied"
        git(tmp_path, "clone", "-q", str(origin), str(project))
        put(zoo, project, animal, "1.1.0")
        done = run_harness(project, "workflow", "--release", "--write", "--build", BUILD)
        assert done.code == 0, done.out
        git(project, "add", "-A")
        git(project, "commit", "-q", "-m", "another candidate")
        return project

    return make


def test_the_chain_releases_nothing_that_did_not_pass(zoo, copied, released):
    host, bare = released(copied(zoo, "shifted_at_13"))
    assert host.results == {"chain": "failure"}
    assert [one["version"] for one in releases(bare)] == ["1.0.0"]
    assert git(bare, "rev-parse", "main") == host.head
    # whoever looks for the reason finds the report
    verdict = json.loads((host.artifacts["model-report"] / "verdict.json").read_text())
    assert verdict["verdict"] == "FAIL"


@pytest.mark.parametrize("step", ["Compare", "Verify"])
def test_the_chain_releases_nothing_where_a_step_is_left_out(zoo, copied, released, step):
    """`harness release` holds the verdict against the tree itself: there is none without a comparison."""
    project = copied(zoo, "shifted_at_13")
    path = project / ".github/workflows/model-release.yml"
    workflow = yaml.safe_load(path.read_text())
    steps = workflow["jobs"]["chain"]["steps"]
    for one in steps:
        if one.get("name") in ("Compare", step):
            one["run"] += " || true"
    if step == "Compare":
        steps[:] = [one for one in steps if one.get("name") != "Verify"]
    path.write_text(yaml.safe_dump(workflow))
    git(project, "commit", "-qam", "careless")
    host, bare = released(project)
    assert host.results == {"chain": "failure"}
    assert [one["version"] for one in releases(bare)] == ["1.0.0"]


def test_the_chain_runs_for_no_other_branch(zoo, copied, released):
    host, bare = released(copied(zoo, "rewritten"), branch="elsewhere")
    assert host.results == {"chain": "failure"}
    assert len(releases(bare)) == 1
    assert not any("harness release" in said for said in host.said)


def test_the_chain_is_given_no_more_than_it_needs(zoo, copied):
    text = (copied(zoo, "good") / ".github/workflows/model-release.yml").read_text()
    workflow = yaml.safe_load(text)
    assert list(workflow[True]) == ["workflow_dispatch"]
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write"}
    assert not job.get("continue-on-error")
    for step in job["steps"]:
        assert "${{" not in step.get("run", "")
        assert ("TOKEN" in step.get("env", {})) == ("push" in step.get("run", ""))
    assert not re.search(r"@[A-Z]+@", text), "a placeholder is left"


def at_top(project: Path, setting: str) -> Path:
    """The project with one more line at the top of its configuration."""
    path = project / "harness.toml"
    path.write_text(f"{setting}\n{path.read_text()}")
    return project


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("require_approval = 1", "nobody could give them in between"),
        ('store = "/somewhere/else"', "would be lost with the runner"),
        ('store = "../../elsewhere"', "would be lost with the runner"),
        ('reports = "all reports"', "cannot stand in a workflow"),
    ],
)
def test_a_chain_that_could_not_release_is_not_written(zoo, tmp_path, setting, words):
    git(tmp_path, "init", "-q", ".")
    project = at_top(zoo.project(tmp_path / "one"), setting)
    done = run_harness(project, "workflow", "--release", "--build", "make")
    assert done.code == 4
    assert words in done.out
    assert "E27" in done.out


def test_a_chain_whose_store_is_elsewhere_pushes_nothing(zoo, tmp_path):
    git(tmp_path, "init", "-q", ".")
    project = at_top(zoo.project(tmp_path / "one"), 'store = "s3://bucket/models"')
    workflow = yaml.safe_load(run_harness(project, "workflow", "--release", "--build", "make").out)
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    assert not any("push" in step.get("run", "") for step in job["steps"])
    assert {step.get("working-directory") for step in job["steps"]} == {None, "one"}


# ---- before each commit


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (LOOSE, ""),
        (LOOSE.replace("atol", "atoll"), 'unknown key "atoll"'),
        (LOOSE + 'where = "x >"\n', ""),
        (LOOSE + "until = 2020-01-01\n", "2020-01-01"),
        (LOOSE + 'inputs = ["nothing"]\n', "E28"),
        (LOOSE + 'replaces = "none"\n', 'unknown rule "none"'),
    ],
)
def test_the_hook_refuses_a_commit_of_rules_that_would_be_refused(zoo, tmp_path, settings, words):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["language"] == "python"
    assert hook["entry"].split()[0] == "harness"
    project = zoo.project(tmp_path, settings=settings)
    # no version and no table is needed for it
    for name in ("baseline", "candidate"):
        shutil.rmtree(project / name)
    (project / "rows.csv").unlink()
    arguments = hook["entry"].split()[1:]
    # pre-commit would install the distribution; it is here already
    local = hook | {"language": "system", "entry": f"{sys.executable} -m harness.cli {' '.join(arguments)}"}
    (project / ".pre-commit-config.yaml").write_text(
        yaml.safe_dump({"repos": [{"repo": "local", "hooks": [local]}]})
    )
    git(project, "init", "-q", ".")
    git(project, "add", "-A")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--verbose"],
        cwd=project,
        env=environment(PRE_COMMIT_HOME=str(tmp_path / "cache")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    fine = settings == LOOSE
    assert (done.returncode == 0) == fine, done.stdout
    assert "model harness rules" in done.stdout
    assert words in done.stdout
    assert ("1 rule and 0 waivers well formed" in done.stdout) == fine
