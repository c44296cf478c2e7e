"""What a verdict is bound to: what was compared is what is released, and nothing changes under a run."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from harness.errors import HarnessError
from harness.run import tombstone
from harness.run.tree import tree_of

from .running import run_harness, run_pytest

ROWS = "id,x,y\nz,1.0,3.0\n"


@pytest.fixture
def project(zoo, tmp_path, git):
    """A project that passes, in a repository."""
    made = zoo.project(tmp_path, "good", "rewritten")
    git(made)
    return made


@pytest.fixture
def released(zoo, tmp_path, git):
    """A project whose store has the release 1.0.0 of a model that neither of its profiles names."""
    made = zoo.project(tmp_path, "good", "rewritten")
    wheel = zoo.wheel(made / "real", "shifted", version="1.0.0")
    (made / "first.toml").write_text(f'model = "animal"\ncandidate = "wheel:real/{wheel.name}"\n')
    git(made)
    done = run_harness(made, "release", "--first", "--reason", "first", "--config", "first.toml")
    assert done.code == 0, done.out
    git(made)
    return made


def verdict_of(project, **changes):
    path = project / "reports" / "verdict.json"
    data = json.loads(path.read_text())
    for name, value in changes.items():
        if value is None:
            del data[name]
        else:
            data[name] = value
    if "seal" in data:
        # as if that run had written it
        data["seal"] = tombstone.seal(data)
    path.write_text(json.dumps(data))


def conftest(project, begins="", ends=""):
    """Code that runs in the process that concludes, once the run is planned and once it is over."""
    (project / "conftest.py").write_text(
        "import pathlib, shutil, pytest\n"
        "HERE = pathlib.Path(__file__).parent\n"
        "def pytest_configure(config):\n"
        f"    if not hasattr(config, 'workerinput'):\n        {begins or 'pass'}\n"
        "def pytest_sessionfinish(session):\n"
        f"    if not hasattr(session.config, 'workerinput'):\n        {ends or 'pass'}\n"
    )


class TestWhatIsReleased:
    def test_a_baseline_with_the_number_of_the_newest_release_is_not_that_release(self, released):
        """The profile `baseline` is a wheel that says 1.0.0; so does the release, which answers otherwise."""
        assert run_pytest(released, "--compare-to=baseline").code == 0
        assert run_harness(released, "verify").code == 0
        done = run_harness(released, "release")
        assert done.code == 11, done.out
        assert "E49 baseline moved" in done.out

    def test_a_candidate_of_the_same_files_under_another_manifest_is_another(self, zoo, project):
        assert run_pytest(project, "--compare-to=baseline").code == 0
        wheel = next((project / "candidate").glob("*.whl"))
        inputs = [{"name": "z", "kind": "float"}]
        zoo.wheel(
            project / "candidate", "rewritten", version="1.1.0", inputs=inputs, place=project,
            package=wheel.name.partition("-")[0],
        )  # fmt: skip
        # git does not see it, so that the wheel alone can tell
        done = run_harness(project, "verify")
        assert done.code == 10, done.out
        assert "E17 the verdict is for " in done.out

    @pytest.mark.parametrize(
        "changed",
        [{"seeds": {"fit": 1}}, {"inputs": [{"name": "z", "kind": "float"}]}, {"task": "classification"}],
    )
    def test_the_wheel_itself_is_compared_where_git_ignores_it(self, zoo, tmp_path, git, changed):
        made = zoo.project(tmp_path, "good", "rewritten")
        git(made)
        (made / ".gitignore").write_text("reports/\n__pycache__/\ncandidate/\n")
        subprocess.run(["git", "rm", "-rq", "--cached", "candidate"], cwd=made, check=True)
        git(made)
        assert run_pytest(made, "--compare-to=baseline").code == 0
        assert run_harness(made, "verify").code == 0
        zoo.wheel(made / "candidate", "rewritten", version="1.1.0", place=made, **changed)
        done = run_harness(made, "verify")
        assert done.code == 10, done.out
        assert "E17 the verdict is for candidate " in done.out

    def test_an_anchor_that_git_ignores_is_the_one_that_was_judged_with(self, zoo, tmp_path, git):
        made = zoo.project(
            tmp_path, "good", "rewritten", settings='[versions.old]\nspec = "wheel:old/old.whl"'
        )
        path = made / "harness.toml"
        drift = 'anchor = "old"\n[drift]\nover = 0.5\nmax_share = 0.0\nmax_mean_shift = 0.5\n[[inputs]]'
        path.write_text(path.read_text().replace("[[inputs]]", drift, 1))
        (made / "old").mkdir()
        zoo.wheel(tmp_path / "a", "good", version="0.9.0", place=made).rename(made / "old" / "old.whl")
        git(made)
        (made / ".gitignore").write_text("reports/\n__pycache__/\nold/\n")
        subprocess.run(["git", "rm", "-rq", "--cached", "old"], cwd=made, check=True)
        git(made)
        done = run_pytest(made, "--compare-to=baseline")
        assert done.code == 0, done.out
        assert run_harness(made, "verify").code == 0
        zoo.wheel(tmp_path / "b", "shifted", version="0.9.0", place=made).replace(made / "old" / "old.whl")
        done = run_harness(made, "verify")
        assert done.code == 10, done.out
        assert "E17 the verdict is for anchor " in done.out

    @pytest.mark.parametrize("key", ["model", "channel"])
    def test_another_model_or_channel(self, project, key):
        """Another configuration of the same project, which git knows too."""
        assert run_pytest(project, "--compare-to=baseline").code == 0
        verdict_of(project, **{key: "another"})
        done = run_harness(project, "verify")
        assert done.code == 10, done.out
        assert f"E17 the verdict is for {key} another, not " in done.out

    def test_answers_that_are_not_those_that_were_judged_are_not_recorded(self, zoo, released):
        wheel = next((released / "real").glob("*.whl"))
        shutil.copy(wheel, next((released / "baseline").glob("*.whl")))
        other = zoo.wheel(released / "candidate", "shifted", version="1.1.0", package="zoo_again")
        text = (released / "harness.toml").read_text()
        start = text.index("wheel:candidate/")
        (released / "harness.toml").write_text(
            text[:start] + f"wheel:candidate/{other.name}" + text[text.index('"', start) :]
        )
        assert run_pytest(released, "--compare-to=previous").code == 0
        (block,) = (released / "reports" / "runs").glob("*/rows/block-*.answers")
        content = block.read_bytes()
        block.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        done = run_harness(released, "release")
        assert done.code == 10, done.out
        assert "E17 the answers of the run are not those that were judged: rows" in done.out
        block.write_bytes(content)
        assert run_harness(released, "release").code == 0


class TestWhatVerifyReads:
    def test_input_files_that_git_ignores(self, zoo, tmp_path, git):
        made = zoo.project(tmp_path, "good", "rewritten")
        git(made)
        (made / ".gitignore").write_text("reports/\n__pycache__/\nrows.csv\n")
        subprocess.run(["git", "rm", "-q", "--cached", "rows.csv"], cwd=made, check=True)
        git(made)
        assert run_pytest(made, "--compare-to=baseline").code == 0
        assert run_harness(made, "verify").code == 0
        (made / "rows.csv").write_text(ROWS)
        done = run_harness(made, "verify")
        assert done.code == 10, done.out
        assert "E17 rows.csv changed since the verdict" in done.out

    @pytest.mark.parametrize("changed", ["rows.csv", "harness.toml"])
    def test_outside_a_repository_the_files_are_what_binds(self, zoo, tmp_path, changed):
        made = zoo.project(tmp_path, "good", "rewritten")
        assert run_pytest(made, "--compare-to=baseline").code == 0
        assert run_harness(made, "verify").code == 0
        path = made / changed
        path.write_text(path.read_text() + ("r99,7.0,15.0\n" if changed == "rows.csv" else "\n# edited\n"))
        done = run_harness(made, "verify")
        assert done.code == 10, done.out
        assert f"E17 {changed} changed since the verdict" in done.out

    def test_one_more_file_under_a_pattern(self, zoo, tmp_path):
        made = zoo.project(tmp_path, "good", "rewritten")
        (made / "rows").mkdir()
        (made / "rows.csv").rename(made / "rows" / "a.csv")
        path = made / "harness.toml"
        path.write_text(path.read_text().replace("rows.csv", "rows/*.csv"))
        assert run_pytest(made, "--compare-to=baseline").code == 0
        (made / "rows" / "b.csv").write_text(ROWS)
        done = run_harness(made, "verify")
        assert done.code == 10, done.out
        assert "E17 rows/b.csv changed since the verdict" in done.out

    @pytest.mark.parametrize(
        "field",
        ["accounting", "change", "tree", "files", "answers", "rules_digest", "harness", "candidate", "run_id",
         "channel", "result_digest"],
    )  # fmt: skip
    def test_a_verdict_without_a_field_cannot_be_read(self, project, field):
        assert run_pytest(project, "--compare-to=baseline").code == 0
        verdict_of(project, **{field: None})
        for command in ("verify", "release"):
            done = run_harness(project, command)
            assert done.code == 10, done.out
            assert done.lines[0].startswith(f"E16 the verdict file cannot be read: it has no {field}")
            assert "Traceback" not in done.out

    @pytest.mark.parametrize("wrong", [{"accounting": []}, {"candidate": {"spec": 3}}, {"run_id": "../../x"}])
    def test_nor_one_whose_field_is_something_else(self, project, wrong):
        assert run_pytest(project, "--compare-to=baseline").code == 0
        verdict_of(project, **wrong)
        done = run_harness(project, "verify")
        assert done.code == 10
        assert done.lines[0].startswith("E16 the verdict file cannot be read")

    def test_a_version_source_of_an_extension(self, zoo, tmp_path, git):
        made = zoo.project(tmp_path, "good", "rewritten")
        wheel = next((made / "candidate").glob("*.whl")).name
        (made / "ours.py").write_text(
            "from harness.versions.wheel import version_of\n"
            "class Source:\n"
            "    def resolve(self, spec, settings):\n"
            f"        return version_of(settings.root / 'candidate' / '{wheel}', why='ours')\n"
            "def register(registry):\n"
            "    registry.version_sources.register('ours', Source)\n"
        )
        path = made / "harness.toml"
        text = path.read_text().replace(
            'candidate = "candidate"', 'candidate = "ours:x"\nextensions = ["ours.py"]'
        )
        path.write_text(text)
        git(made)
        assert run_pytest(made, "--compare-to=baseline").code == 0
        done = run_harness(made, "verify")
        assert done.code == 0, done.out
        first = run_harness(made, "release", "--first", "--reason", "the first")
        assert first.code == 0, first.out

    def test_reports_among_the_code_are_refused(self, project):
        path = project / "harness.toml"
        path.write_text('reports = "."\n' + path.read_text())
        for done in (
            run_pytest(project, "--compare-to=baseline"),
            run_harness(project, "compare", "--to=baseline"),
        ):
            assert done.code == 4, done.out
            assert "E27 the reports' folder holds the project itself" in done.out
        assert not (project / "verdict.json").exists()


class TestWhatChangesUnderARun:
    def test_a_candidate_that_the_workers_of_xdist_found_replaced(self, zoo, tmp_path):
        """Swapped after the plan and back before the end: only the workers ever saw the good one."""
        made = zoo.project(tmp_path, "good", "shifted")
        bad = next((made / "candidate").glob("*.whl"))
        good = zoo.wheel(made / "other", "rewritten", version="1.1.0", package="zoo_shifted", place=made)
        shutil.copy(bad, made / "kept.bad")
        copy = "shutil.copy({!r}, {!r})".format
        conftest(made, copy(str(good), str(bad)), copy(str(made / "kept.bad"), str(bad)))
        done = run_pytest(made, "--compare-to=baseline", "-n", "2")
        assert done.code == 10, done.out
        assert done.verdict["verdict"] == "INCONCLUSIVE"
        assert "E17 candidate changed while the run lasted" in done.out

    def test_a_candidate_that_is_another_in_the_end(self, zoo, project):
        wheel = next((project / "candidate").glob("*.whl"))
        other = zoo.wheel(project / "other", "shifted", version="1.1.0", package="zoo_rewritten")
        conftest(project, ends=f"shutil.copy({str(other)!r}, {str(wheel)!r})")
        done = run_pytest(project, "--compare-to=baseline")
        assert done.code == 10, done.out
        assert "E17 candidate" in done.verdict["reason"]
        assert "changed while the run lasted" in done.verdict["reason"]

    @pytest.mark.parametrize("file", ["rows.csv", "harness.toml", "README", "test_own.py"])
    @pytest.mark.parametrize("at_once", [True, False])
    def test_rules_rows_and_code(self, project, git, file, at_once):
        (project / "README").write_text("about it")
        (project / "test_own.py").write_text("def test_own(): pass\n")
        more = "q,1.0,3.0\n" if file == "rows.csv" else "\n# edited\n"
        edit = f"path = HERE / {file!r}; path.write_text(path.read_text() + {more!r})"
        conftest(project, **{"begins" if at_once else "ends": edit})
        git(project)
        done = run_pytest(project, "--compare-to=baseline")
        assert done.code == 10, done.out
        assert f"E17 {file}" in done.verdict["reason"]
        assert "changed while the run lasted" in done.verdict["reason"]

    def test_the_command_too(self, zoo, tmp_path, git):
        edits = (
            "def predict(records):\n"
            f"    open({str(tmp_path / 'harness.toml')!r}, 'a').write('# edited\\n')\n"
            "    return [2 * record['x'] + 1 for record in records]\n"
        )
        made = zoo.project(tmp_path, "good", "good")
        path = next((made / "candidate").glob("*.whl"))
        zoo.wheel(made / "candidate", source=edits, version="1.1.0", package=path.name.partition("-")[0])
        git(made)
        done = run_harness(made, "compare", "--to=baseline")
        assert done.code == 10, done.out
        assert "E17 harness.toml changed while the run lasted" in done.out

    def test_a_file_that_the_run_writes_is_no_change(self, project):
        done = run_pytest(project, "--compare-to=baseline", "--junitxml=junit.xml")
        assert done.code == 0, done.out
        assert run_harness(project, "verify").code == 0


class TestTheTree:
    def test_a_clone_without_commits_is_named(self, project):
        subprocess.run(["git", "init", "-q", "inner"], cwd=project, check=True)
        done = run_pytest(project, "--compare-to=baseline")
        assert done.code == 10, done.out
        assert done.verdict["verdict"] == "INCONCLUSIVE"
        assert "git add cannot say what the working copy holds: 'inner/' does not have a commit" in done.out

    def test_what_git_cannot_read_is_never_left_out(self, project, tmp_path):
        (project / ".git" / "index.lock").write_text("")
        assert tree_of(project).tree
        (project / ".git" / "HEAD").write_text("nonsense")
        with pytest.raises(HarnessError, match="E17 git") as caught:
            tree_of(project)
        assert caught.value.hint

    def test_files_of_a_clone_in_the_repository_count(self, project, git):
        inner = project / "inner"
        inner.mkdir()
        (inner / "one.txt").write_text("1")
        git(inner)
        before = tree_of(project)
        assert before == tree_of(project)
        (inner / "one.txt").write_text("2")
        after = tree_of(project)
        assert after.tree != before.tree
        assert after.changed_since(before) == ["inner"]
        (inner / "one.txt").write_text("1")
        assert tree_of(project) == before

    def test_outside_a_repository_there_is_none(self, tmp_path):
        assert tree_of(tmp_path).tree == ""

    def test_without_git_in_a_repository_nothing_can_be_said(self, project, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(HarnessError, match=r"E17 git rev-parse cannot say .* git cannot be run"):
            tree_of(project)
