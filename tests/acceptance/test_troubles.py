"""Whatever goes wrong beside the models is INCONCLUSIVE with words, never a crash and never an ordinary failed test."""

from __future__ import annotations

import pytest

from .running import run_harness, run_pytest

COMPARE = ("--compare-to=baseline", "-q")
DOUBLED = "[2 * r['x'] + 1 for r in records]"


@pytest.fixture
def project(zoo, tmp_path):
    """A project of two models, each given as the expression that answers `records`."""

    def made(baseline, candidate=DOUBLED, *, settings="", top="", retrain=False, rows=20, **wheel):
        project = zoo.project(tmp_path, xs=range(rows), settings=settings)
        for role, version, answer in (("baseline", "1.0.0", baseline), ("candidate", "1.1.0", candidate)):
            mark = ("c" if role == "baseline" else "e") if retrain else "c"
            zoo.wheel(
                project / role,
                version=version,
                source=f'"""{role}"""\nimport os\n\n\ndef predict(records):\n    return {answer}\n',
                configuration={"sha256": mark * 64},
                **wheel,
            )
        text = (project / "harness.toml").read_text()
        (project / "harness.toml").write_text(f"{top}\n{text}")
        return project

    return made


def unsure(done, *words, code=10):
    assert done.code == code, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    assert "ordinary test" not in done.out
    assert "Traceback" not in done.out
    for word in words:
        assert word in done.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_answers_that_json_does_not_have_are_shown_all_the_same(project, workers):
    one = project("[b'a' for r in records]", "[b'b' for r in records]")
    done = run_pytest(one, *COMPARE, "-n", workers)
    assert done.code == 1, done.out
    assert "DO NOT RELEASE: 20 of 20 rows violate values" in done.out
    assert "b'b'" in (one / "reports" / "report.json").read_text()


def test_a_rule_that_answers_nonsense(project):
    one = project(
        DOUBLED, "[0.0 for r in records]", top='extensions = ["mine.py"]',
        settings='[[rules]]\nname = "near"\nrule = "mine"',
    )  # fmt: skip
    (one / "mine.py").write_text(
        "from dataclasses import dataclass\nimport numpy as np\nfrom harness.compare.rules import Difference\n"
        "@dataclass(frozen=True)\nclass Mine:\n    equal_nan: bool = True\n"
        "    def says(self): return 'mine'\n"
        "    def judge(self, b, c): return Difference(np.ones(len(b)), np.ones(len(b)), np.zeros(len(b)))\n"
        "def register(registry): registry.rules.register('mine', Mine)\n"
    )
    unsure(run_pytest(one, *COMPARE), "E26")
    (one / "mine.py").write_text("def register(registry): raise ValueError('boo')\n")
    unsure(run_pytest(one, *COMPARE), "E26", "ValueError: boo", "mine.py", code=4)


def test_a_folder_of_the_run_that_cannot_be_made(project):
    one = project(DOUBLED, "[2 * r['x'] + 1 for r in list(records)]")
    (one / "conftest.py").write_text(
        "from harness.run import blocks\n\n\ndef full(*arguments):\n"
        "    raise OSError(28, 'No space left on device')\n\n\nblocks.keep = full\n"
    )
    unsure(run_pytest(one, *COMPARE), "E53", "No space left on device")


def test_items_that_a_conftest_skips_are_a_partial_run(project):
    one = project(DOUBLED, "[0.0 for r in records]")
    (one / "conftest.py").write_text(
        "import pytest\n\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.skip)\n"
    )
    done = run_pytest(one, *COMPARE)
    unsure(done, "CANNOT SAY")
    assert "INTERNALERROR" not in done.out


def test_a_worker_that_dies_once_in_a_search_is_named_and_not_the_generator(project, tmp_path):
    mark = tmp_path / "died"
    once = f"(os.path.exists({str(mark)!r}) or (open({str(mark)!r}, 'w').close(), os._exit(3))) and {DOUBLED}"
    one = project(DOUBLED, once)
    text = (one / "harness.toml").read_text()
    start, end = text.index("[[inputs]]"), text.index("[versions.baseline]")
    search = '[[inputs]]\nname = "search"\ngenerate = { rows = 1500, seed = 3 }\n\n'
    (one / "harness.toml").write_text(text[:start] + search + text[end:])
    done = run_pytest(one, *COMPARE)
    unsure(done, "CANNOT SAY: E01 candidate")
    assert "E31" not in done.out


CLASSES = [{"name": name, "kind": "float"} for name in ("probability_0", "probability_1")]
GOOD = (
    "[{'prediction': int(r['x'] % 9 == 0), 'probability_0': float(r['x'] % 9 != 0), "
    "'probability_1': float(r['x'] % 9 == 0)} for r in records]"
)
COLLAPSED = "[{'prediction': 0, 'probability_0': 1.0, 'probability_1': 0.0} for r in records]"


def test_a_classifier_that_collapsed_is_worse(project):
    one = project(
        GOOD, COLLAPSED, retrain=True, rows=200, task="classification",
        outputs=[{"name": "prediction", "kind": "int"}, *CLASSES],
    )  # fmt: skip
    (one / "rows.csv").write_text("id,x,y\n" + "".join(f"r{x},{x}.0,{int(x % 9 == 0)}\n" for x in range(200)))
    done = run_pytest(one, *COMPARE)
    assert done.code == 1, done.out
    assert "DO NOT RELEASE: Brier score is worse by 0.115" in done.out


def test_a_few_labels_in_a_large_table_decide_nothing(project):
    one = project(
        "[r['x'] + 1 for r in records]", "[r['x'] + 1 + 500 * (r['x'] > 0) for r in records]", retrain=True
    )
    (one / "rows.csv").write_text(
        "id,x,y\n" + "".join(f"r{x},{x}.0,{'' if x else 0.0}\n" for x in range(200))
    )
    unsure(run_pytest(one, *COMPARE), "1 of 200 cases", "fewer than 30 decide nothing")


def test_a_text_target_and_a_negative_seed(project):
    one = project(DOUBLED, "[2 * r['x'] + 2 for r in records]", retrain=True)
    unsure(run_pytest(one, *COMPARE, "--compare-seed=-1"), "E27 seed is -1", code=4)
    unsure(run_harness(one, "compare", "--to=baseline", "--seed=-1"), "E27 seed is -1", code=4)
    (one / "rows.csv").write_text("id,x,y\n" + "".join(f"r{x},{x}.0,abc\n" for x in range(40)))
    unsure(run_pytest(one, *COMPARE), "E29 the target holds str, not numbers")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "rows"', 'name = "../../../escaped"', "'../../../escaped' cannot be the name of an input source"),
        ('name = "rows"', 'name = "rows/."', "cannot be the name of an input source"),
        ('name = "rows"', 'name = ""', "'' cannot be the name of an input source"),
        ("[[inputs]]", '[[rules]]\nname = "a\\tb"\nrule = "exact"\n[[inputs]]', "cannot be the name of a rule"),
        ("[[inputs]]", "[retrain]\nmargin = inf\n[[inputs]]", "margin is inf"),
        ("[[inputs]]", "[retrain]\nmargin = 0\n[[inputs]]", "margin is 0"),
        ("[[inputs]]", "[retrain]\nmargin = nan\n[[inputs]]", "margin is nan"),
        ("[[inputs]]", '[retrain]\nmax_changed_rate = 5.0\nreason = "x"\n[[inputs]]', "max_changed_rate is 5.0"),
        ("[[inputs]]", '[retrain]\nmax_changed_rate = nan\nreason = "x"\n[[inputs]]', "max_changed_rate is nan"),
        ("[versions.baseline]", "[versions.baseline]\ntimeout = inf", "timeout is inf"),
        ("[versions.baseline]", "[versions.baseline]\ntimeout = 0", "timeout is 0"),
        ("[versions.baseline]", '[versions.baseline]\nmemory = "inf GiB"', "'inf GiB' is no size"),
        ("[versions.baseline]", '[versions.baseline]\nmemory = "-1 GiB"', "memory is -1073741824"),
        ("[[inputs]]", '[[inputs]]\nname = "s"\ngenerate = { seconds = inf }\n[[inputs]]', "seconds is inf"),
        ("[[inputs]]", '[[inputs]]\nname = "s"\ngenerate = { seed = -1 }\n[[inputs]]', "seed is -1"),
    ],
)  # fmt: skip
def test_a_number_or_a_name_that_would_stand_open_is_refused(tmp_path, old, new, words):
    from harness import settings
    from harness.errors import HarnessError

    text = (
        'model = "m"\n\n[[inputs]]\nname = "rows"\npath = "rows.csv"\n\n[versions.baseline]\nspec = "1.0.0"\n'
    )
    path = tmp_path / "harness.toml"
    path.write_text(text)
    settings.load(path)
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(HarnessError) as caught:
        settings.load(path)
    assert words in caught.value.message
    assert (caught.value.code, caught.value.exit) == ("E27", 4)
    assert caught.value.where
    assert caught.value.hint
