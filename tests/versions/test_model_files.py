"""Model files: skops, files of a commit, formats of other libraries. Made and opened by the real libraries."""

from __future__ import annotations

import hashlib
import pickle
import shutil

import numpy as np
import pytest

from harness.errors import Exit, HarnessError
from harness.predictors import open_predictor
from harness.settings import Settings
from harness.tables import Batch, Column

from .made import answers, commit, git, pins, resolve, run_in

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def settings(tmp_path, monkeypatch, cache):
    """As elsewhere, with one cache for all: an environment of scikit-learn is made once."""
    monkeypatch.setenv("MODEL_HARNESS_CACHE", str(cache))
    return Settings(path=tmp_path / "harness.toml", root=tmp_path, model="plain")


def two(version):
    """The columns that a version answers for x = 0 and x = 4."""
    predictor = open_predictor(version, "baseline")
    try:
        batch = Batch("t", 0, 0, ("a", "b"), {"x": Column("float", np.array([0.0, 4.0]))})
        outcome = predictor.predict(batch)
        assert not outcome.faults
        return {name: list(column.values) for name, column in outcome.columns.items()}
    finally:
        predictor.close()


@pytest.fixture(scope="module")
def skops_files(zoo, cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("skops")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_HARNESS_CACHE", str(cache))
        run_in((*pins(zoo.science_lock), "skops==0.16.0"), TestSkops.CODE, folder)
    return folder


class TestSkops:
    CODE = """
import operator
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
model = LogisticRegression().fit([[0.0], [1.0], [3.0], [4.0]], ["no", "no", "yes", "yes"])
skops.io.dump(model, "model.skops")
skops.io.dump(make_pipeline(FunctionTransformer(operator.neg), model), "negated.skops")
"""

    @pytest.fixture
    def wishes(self, zoo, settings, skops_files):
        for path in skops_files.iterdir():
            shutil.copy(path, settings.root)
        needs = (*pins(zoo.science_lock), "skops==0.16.0")
        return {"entry": "", "pass_as": "array", "requirements": needs}

    def test_a_model_of_trusted_types_needs_no_list(self, settings, wishes):
        version = resolve(settings, "file:model.skops", **wishes)
        assert "skops==0.16.0" in version.lock
        columns = two(version)
        assert list(columns) == ["prediction", "probability_no", "probability_yes"]
        assert columns["prediction"] == ["no", "yes"]
        with (settings.root / "model.skops").open("ab") as file:
            file.write(b"x")
        with pytest.raises(HarnessError, match="E46 digest mismatch"):
            answers(version)

    def test_types_that_nobody_allowed_are_refused_by_name(self, settings, wishes):
        with pytest.raises(HarnessError, match="E54") as caught:
            two(resolve(settings, "file:negated.skops", **wishes))
        assert "negated.skops: refused: it holds types that nobody allowed: _operator.neg" in str(
            caught.value
        )
        assert "allow_types" in caught.value.hint
        assert caught.value.exit == Exit.REFUSED
        allowed = resolve(settings, "file:negated.skops", allow_types=("_operator.neg",), **wishes)
        assert two(allowed)["prediction"] == ["no", "no"]

    def test_skops_is_a_requirement_of_its_own(self, settings, wishes):
        needs = tuple(line for line in wishes["requirements"] if not line.startswith("skops"))
        with pytest.raises(HarnessError, match="E08") as caught:
            two(resolve(settings, "file:model.skops", **(wishes | {"requirements": needs})))
        assert "model.skops cannot be opened: ModuleNotFoundError: No module named 'skops'" in str(
            caught.value
        )
        assert "requirements of its version profile" in caught.value.hint


class TestCommits:
    def test_the_file_as_it_was(self, settings):
        def put(function):
            (settings.root / "models").mkdir(exist_ok=True)
            content = pickle.dumps(function)
            (settings.root / "models" / "model.pkl").write_bytes(content)
            return hashlib.sha256(content).hexdigest()

        old = put(len)
        first = commit(settings.root, "v1")
        git(settings.root, "branch", "other")
        new = put(sum)
        commit(settings.root, "v2")
        wishes = {"entry": "", "requirements": ("six==1.16.0",), "allow_pickle": (old, new)}
        for ref in ("v1", "last-tag", first[:9], "HEAD^", "merge-base(other)"):
            version = resolve(settings, f"file:models/model.pkl@{ref}", **wishes)
            assert version.sha256 == old, ref
            assert first[:12] in version.why
        now = resolve(settings, "file:models/model.pkl@HEAD", **wishes)
        assert now.sha256 == new
        assert now.digest == resolve(settings, "file:models/model.pkl", **wishes).digest
        assert now.digest != version.digest
        # what the commit held is what is opened: `len` of a list of two records is no list of answers
        predictor = open_predictor(version, "baseline")
        predictor.open()
        predictor.close()
        with pytest.raises(HarnessError, match="E54"):
            resolve(settings, "file:models/model.pkl@v1", **(wishes | {"allow_pickle": (new,)}))

    def test_what_is_not_there(self, settings):
        (settings.root / "model.pkl").write_bytes(pickle.dumps(len))
        wishes = {"entry": "", "requirements": ("six==1.16.0",)}
        with pytest.raises(HarnessError, match=r"git for-each-ref failed: .*not a git repository"):
            resolve(settings, "file:model.pkl@v1", **wishes)
        commit(settings.root, "v1.0")
        with pytest.raises(HarnessError, match=r'git knows no "v1\.1"') as caught:
            resolve(settings, "file:model.pkl@v1.1", **wishes)
        assert "v1.0" in caught.value.hint
        with pytest.raises(HarnessError, match=r"has no file modle\.pkl") as caught:
            resolve(settings, "file:modle.pkl@v1.0", **wishes)
        assert 'did you mean "model.pkl"' in caught.value.hint
        (settings.root / "link.pkl").symlink_to("model.pkl")
        commit(settings.root)
        with pytest.raises(HarnessError, match=r"link\.pkl is a link or a folder"):
            resolve(settings, "file:link.pkl@HEAD", **wishes)

    def test_a_name_with_an_at_sign_is_a_file_where_there_is_one(self, settings):
        (settings.root / "model@2.pkl").write_bytes(pickle.dumps(len))
        wishes = {"entry": "", "requirements": ("six==1.16.0",)}
        with pytest.raises(HarnessError, match="E54"):
            resolve(settings, "file:model@2.pkl", **wishes)
        commit(settings.root, "v1")
        with pytest.raises(HarnessError, match="E54"):
            resolve(settings, "file:model@2.pkl@v1", **wishes)

    @pytest.mark.parametrize(
        ("spec", "words"), [("file:model.pkl", "git lfs pull"), ("file:model.pkl@HEAD", "git lfs fetch")]
    )
    def test_a_pointer_of_git_lfs_is_no_model(self, settings, spec, words):
        text = LFS.format("0" * 64)
        (settings.root / "model.pkl").write_text(text)
        commit(settings.root)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        with pytest.raises(
            HarnessError, match=r"model\.pkl is a pointer of Git LFS, and not the model"
        ) as caught:
            resolve(settings, spec, entry="", requirements=("six==1.16.0",), allow_pickle=(sha256,))
        assert words in caught.value.hint


class TestOtherFormats:
    def test_an_adapter_opens_them(self, settings):
        (settings.root / "model.weights").write_text("3.0")
        (settings.root / "adapter.py").write_text(
            "import harness_artifact\nFACTOR = float(open(harness_artifact.PATH).read())\n"
            "def ask(records):\n    return [FACTOR * record['x'] for record in records]\n"
        )
        wishes = {"entry": "", "requirements": ("six==1.16.0",)}
        with pytest.raises(HarnessError, match=r"unknown kind of model file \.weights") as caught:
            resolve(settings, "file:model.weights", **wishes)
        assert "harness_artifact.PATH" in caught.value.hint
        version = resolve(settings, "file:model.weights", adapter="adapter.py:ask", **wishes)
        assert answers(version) == [3.0, 9.0]

    def test_an_adapter_asks_what_a_pickle_holds(self, settings):
        (settings.root / "model.pkl").write_bytes(pickle.dumps({"factor": 5.0}))
        (settings.root / "adapter.py").write_text(
            "from harness_artifact import MODEL\n"
            "def ask(records):\n    return [MODEL['factor'] * record['x'] for record in records]\n"
        )
        sha256 = hashlib.sha256((settings.root / "model.pkl").read_bytes()).hexdigest()
        wishes = {"entry": "", "requirements": ("six==1.16.0",), "adapter": "adapter.py:ask"}
        with pytest.raises(HarnessError, match="E54"):
            resolve(settings, "file:model.pkl", **wishes)
        assert answers(resolve(settings, "file:model.pkl", allow_pickle=(sha256,), **wishes)) == [5.0, 15.0]
