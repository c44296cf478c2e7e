"""Versions that are built and locked: plain packages, an index, commits, model files. Real builds, real workers."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import versions
from harness.errors import Exit, HarnessError
from harness.predictors import open_predictor
from harness.settings import Profile
from harness.tables import Batch, Column
from harness.versions.wheel import has_manifest

from .made import CODE, answers, commit, git, project, resolve


class TestPlainPackages:
    def test_a_project_is_built_and_answers(self, settings):
        project(settings.root, needs='"six==1.16.0"')
        version = resolve(settings, "project:.")
        assert (version.kind, version.name, version.version) == ("python", "plainmodel", "1.0")
        assert "six==1.16.0" in version.lock
        assert "--hash=sha256:" in version.lock
        assert "file:" not in version.lock
        # a build leaves nothing in the project: a tree that changed during a run is no verdict
        assert sorted(path.name for path in settings.root.iterdir()) == ["pyproject.toml", "src"]
        assert answers(version) == [2.0, 6.0]

    def test_identity_is_what_is_in_it_and_what_it_needs(self, settings):
        project(settings.root)
        first = resolve(settings, "project:.")
        assert resolve(settings, "project:.").digest == first.digest
        project(settings.root, needs='"six==1.16.0"')
        needy = resolve(settings, "project:.")
        project(settings.root, factor=3)
        other = resolve(settings, "project:.")
        asked = resolve(settings, "project:.", entry="plainmodel:other")
        assert len({first.digest, needy.digest, other.digest, asked.digest}) == 4

    def test_a_wheel_for_another_platform(self, settings):
        project(settings.root)
        built = resolve(settings, "project:.").location
        wheel = settings.root / "plainmodel-1.0-cp311-cp311-win_amd64.whl"
        wheel.write_bytes(Path(built).read_bytes())
        with pytest.raises(HarnessError, match="E08") as caught:
            resolve(settings, f"wheel:{wheel.name}")
        assert "platform" in str(caught.value)
        assert "for this platform and Python" in caught.value.hint

    def test_a_wheel_that_changed_since(self, settings):
        project(settings.root)
        version = resolve(settings, "project:.")
        with open(version.location, "ab") as file:
            file.write(b"x")
        with pytest.raises(HarnessError, match="E46 digest mismatch"):
            answers(version)

    def test_what_was_laid_out_is_checked_at_every_use(self, settings):
        project(settings.root)
        version = resolve(settings, "project:.")
        assert answers(version) == [2.0, 6.0]
        (laid,) = (settings.root.parent / "cache" / "wheels").glob("*/plainmodel/__init__.py")
        laid.write_text(CODE.format(factor=100))
        assert answers(version) == [2.0, 6.0]
        (laid.parent / "planted.py").write_text("")
        answers(version)
        assert not (laid.parent / "planted.py").exists()


class TestIndex:
    def test_a_published_package(self, settings):
        version = resolve(settings, "pypi:six==1.16.0", entry="six:text_type")
        assert (version.name, version.version) == ("six", "1.16.0")
        again = resolve(settings, "pypi:six==1.16.0", entry="six:text_type")
        assert again.digest == version.digest
        assert version.lock.startswith("six==1.16.0 \\\n    --hash=sha256:")

    def test_through_an_adapter(self, settings):
        (settings.root / "adapters").mkdir()
        adapter = settings.root / "adapters" / "legacy.py"
        adapter.write_text(
            "import six\ndef ask(records):\n    return [len(six.__version__) + r['x'] for r in records]\n"
        )
        wishes = {"entry": "", "adapter": "adapters/legacy.py:ask"}
        version = resolve(settings, "pypi:six==1.16.0", **wishes)
        assert answers(version) == [7.0, 9.0]
        adapter.write_text(adapter.read_text().replace("len(", "1 + len("))
        other = resolve(settings, "pypi:six==1.16.0", **wishes)
        assert other.digest != version.digest
        assert answers(other) == [8.0, 10.0]

    @pytest.mark.parametrize("spec", ["six", "six>=1", "six==1.*", "-r x==1"])
    def test_no_version(self, settings, spec):
        with pytest.raises(HarnessError, match="names no version of a package"):
            resolve(settings, f"pypi:{spec}")

    def test_unsatisfiable(self, settings):
        with pytest.raises(HarnessError, match=r"E08 .*no version of six==99\.0") as caught:
            resolve(settings, "pypi:six==99.0")
        assert caught.value.exit == Exit.INCONCLUSIVE
        assert "loosen requirements" in caught.value.hint
        with pytest.raises(HarnessError, match=r"E08 .*unsatisfiable"):
            resolve(settings, "pypi:six==1.16.0", requirements=("six<1.16",))

    def test_without_an_entry(self, settings):
        with pytest.raises(HarnessError, match="does not say what predicts"):
            versions.resolve("pypi:six==1.16.0", settings, "baseline")


class TestSharedProfiles:
    """A spec without a profile is asked as the candidate's profile says, or as the only one of its family."""

    NOW = Profile("now", "project:.", entry="plainmodel:predict", pass_as="records")

    def test_of_the_candidate(self, settings):
        project(settings.root)
        commit(settings.root, "v1")
        other = Profile("other", "pypi:six==1.16.0", entry="six:text_type")
        named = replace(settings, candidate="now", versions={"now": self.NOW, "other": other})
        version = versions.resolve("git:v1", named, "baseline")
        assert answers(version) == [2.0, 6.0]
        assert version.why.endswith(", asked as profile now says")
        assert versions.resolve("git:v1", named, "anchor").digest == version.digest
        with pytest.raises(HarnessError, match="does not say what predicts"):
            versions.resolve("git:v1", replace(named, candidate="git:v1"), "candidate")

    def test_of_the_only_one_where_the_candidate_has_none(self, settings):
        project(settings.root)
        commit(settings.root, "v1")
        named = replace(settings, candidate="git:v1", versions={"now": self.NOW})
        for role in ("baseline", "candidate"):
            assert "asked as profile now says" in versions.resolve("git:v1", named, role).why

    @pytest.mark.parametrize("spec", ["file:model.skops", "mlflow:folder"])
    def test_never_of_another_family(self, settings, spec):
        (settings.root / "model.skops").write_bytes(b"")
        with pytest.raises(HarnessError) as caught:
            versions.resolve(spec, replace(settings, candidate="now", versions={"now": self.NOW}), "baseline")
        assert "model" in caught.value.message

    def test_an_endpoint_is_sent_no_header_of_the_candidates_profile(self, settings):
        live = Profile("live", "https://one.example/predict", headers={"Authorization": "env:TOKEN"})
        named = replace(settings, candidate="live", versions={"live": live})
        assert not versions.resolve("https://two.example/predict", named, "baseline").profile.headers


class TestCommits:
    def test_tags_merge_bases_and_what_stands_there_now(self, settings):
        root = settings.root
        project(root, factor=2)
        first = commit(root, "v1")
        git(root, "branch", "other")
        project(root, factor=5)
        commit(root)
        for spec in ("git:v1", "git:last-tag", f"git:{first[:10]}", "git:merge-base(other)"):
            assert answers(resolve(settings, spec)) == [2.0, 6.0], spec
        assert answers(resolve(settings, "git:HEAD")) == [5.0, 15.0]
        assert resolve(settings, "git:v1").digest == resolve(settings, "git:last-tag").digest
        named = replace(
            settings,
            previous="old",
            versions={"old": Profile("old", "git:last-tag", entry="plainmodel:predict", pass_as="records")},
        )
        assert answers(versions.resolve("previous", named, "baseline")) == [2.0, 6.0]

    def test_the_last_tag_is_not_the_commit_itself(self, settings):
        project(settings.root, factor=2)
        first = commit(settings.root, "v1")
        with pytest.raises(HarnessError, match="no tag before this commit"):
            resolve(settings, "git:last-tag")
        project(settings.root, factor=3)
        commit(settings.root, "v2")
        assert first[:12] in resolve(settings, "git:last-tag").why

    def test_a_folder(self, settings):
        project(settings.root / "models" / "a", factor=7)
        commit(settings.root)
        assert answers(resolve(settings, "git:HEAD#models/a")) == [7.0, 21.0]
        with pytest.raises(HarnessError, match="no folder models/b"):
            resolve(settings, "git:HEAD#models/b")
        with pytest.raises(HarnessError, match=r"no folder \.\./\.\."):
            resolve(settings, "git:HEAD#../..")
        for spec in ("git:HEAD#models", "git:HEAD"):
            with pytest.raises(HarnessError, match="holds no Python package") as caught:
                resolve(settings, spec)
            assert caught.value.hint == "name the package's folder: git:HEAD#models/a"

    def test_a_build_that_asks_git_for_its_version(self, settings):
        more = '", "setuptools-scm'
        project(settings.root, more=more, version='dynamic = ["version"]\n[tool.setuptools_scm]')
        text = (settings.root / "pyproject.toml").read_text().replace("dependencies = []", "")
        (settings.root / "pyproject.toml").write_text(text)
        commit(settings.root, "v4.2.0")
        version = resolve(settings, "git:v4.2.0")
        assert version.version == "4.2.0"
        assert answers(version) == [2.0, 6.0]

    def test_a_ref_that_is_none(self, settings):
        project(settings.root)
        commit(settings.root, "v1.0")
        with pytest.raises(HarnessError, match=r'git knows no "v1\.1"') as caught:
            resolve(settings, "git:v1.1")
        assert "v1.0" in caught.value.hint
        with pytest.raises(HarnessError, match="git knows no"):
            resolve(settings, "git:--help")

    def test_a_training_configuration_alone(self, settings):
        (settings.root / "harness.toml").write_text('model = "m"\ntraining = "train.toml"\n')
        commit(settings.root)
        with pytest.raises(HarnessError, match="training configuration and no package"):
            resolve(settings, "git:HEAD")

    def test_a_version_package_needs_no_profile(self, settings, zoo):
        wheel = zoo.wheel(settings.root)
        assert has_manifest(wheel)
        assert versions.resolve(f"wheel:{wheel.name}", settings, "baseline").manifest is not None

    def test_outside_of_git(self, settings):
        with pytest.raises(HarnessError, match="git rev-parse failed"):
            resolve(settings, "git:HEAD")


class TestModelFiles:
    def pickled(self, folder):
        path = folder / "model.pkl"
        path.write_bytes(pickle.dumps(len))
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    def test_opened_only_when_its_digest_is_allowed(self, settings):
        path, sha256 = self.pickled(settings.root)
        wishes = {"entry": "", "requirements": ("six==1.16.0",)}
        with pytest.raises(HarnessError, match="E54 refused: a pickle runs code") as caught:
            resolve(settings, "file:model.pkl", **wishes)
        assert sha256 in caught.value.hint
        version = resolve(settings, "file:model.pkl", allow_pickle=(sha256,), **wishes)
        predictor = open_predictor(version, "baseline")
        assert predictor.open().libraries == {"six": "1.16.0"}
        predictor.close()
        path.write_bytes(pickle.dumps(sum))
        with pytest.raises(HarnessError, match="E54"):
            resolve(settings, "file:model.pkl", allow_pickle=(sha256,), **wishes)
        with pytest.raises(HarnessError, match="E46 digest mismatch"):
            answers(version)

    def test_nothing_is_guessed(self, settings):
        _, sha256 = self.pickled(settings.root)
        with pytest.raises(HarnessError, match="does not say which libraries"):
            resolve(settings, "file:model.pkl", entry="", allow_pickle=(sha256,))
        (settings.root / "model.onnx").write_bytes(b"")
        with pytest.raises(HarnessError, match=r"unknown kind of model file \.onnx"):
            resolve(settings, "file:model.onnx", entry="")

    def test_a_classifier_answers_labels_and_probabilities(self, settings, zoo, tmp_path):
        code = (
            "import joblib; from sklearn.linear_model import LogisticRegression as L; "
            "joblib.dump(L().fit([[0.], [1.], [3.], [4.]], ['no', 'no', 'yes', 'yes']), 'model.joblib')"
        )
        from harness.predictors.environments import python_for

        python = python_for(zoo.science_lock)
        subprocess.run(
            [str(python), "-c", code], cwd=settings.root, check=True, env={"PATH": os.environ["PATH"]}
        )
        sha256 = hashlib.sha256((settings.root / "model.joblib").read_bytes()).hexdigest()
        (settings.root / "needs.txt").write_text(
            "\n".join(
                line.split()[0]
                for line in zoo.science_lock.splitlines()
                if line[:1].isalpha() and "==" in line
            )
        )
        version = resolve(
            settings, "file:model.joblib",
            entry="", pass_as="array", requirements_file="needs.txt", allow_pickle=(sha256,),
        )  # fmt: skip
        predictor = open_predictor(version, "baseline")
        batch = Batch("t", 0, 0, ("a", "b"), {"x": Column("float", np.array([0.0, 4.0]))})
        outcome = predictor.predict(batch)
        predictor.close()
        assert sorted(outcome.columns) == ["prediction", "probability_no", "probability_yes"]
        assert list(outcome.columns["prediction"].values) == ["no", "yes"]


class TestVariables:
    def test_a_worker_gets_what_is_named_and_nothing_else(self, settings, monkeypatch):
        project(settings.root)
        (settings.root / "src" / "plainmodel" / "__init__.py").write_text(
            "import os\ndef predict(records):\n"
            "    return [os.environ.get('TOKEN', '') + os.environ.get('MINE', '-') for _ in records]\n"
        )
        version = resolve(settings, "project:.", environment={"TOKEN": "env:MINE"})
        monkeypatch.delenv("MINE", raising=False)
        with pytest.raises(HarnessError, match="E08 baseline needs the environment variable MINE"):
            answers(version)
        monkeypatch.setenv("MINE", "sesame")
        assert answers(version) == ["sesame-", "sesame-"]
