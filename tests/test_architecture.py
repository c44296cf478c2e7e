"""The layers, the doors and the promises of cheapness: a layer that no test enforces is a wish."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import harness
from harness.registry import Registry

ROOT = Path(harness.__file__).parent
ENTRY = ROOT.parent / "_pytest_model_harness.py"
FILES = sorted(ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

LEVELS = {
    "plugin": 6, "cli": 6, "__main__": 6,
    "run": 5,
    "reporting": 4, "predictors": 4, "store": 4,
    "compare": 3, "inputs": 3, "versions": 3, "statistics": 3,
    "tables": 2, "texts": 2, "schema": 2, "settings": 2, "registry": 2, "files": 2,
    "worker": 1, "errors": 1, "system": 1,
    "__init__": 0,
}  # fmt: skip
"""Imports go down, or stay on their level."""

NEVER = {
    "compare": ("inputs", "versions", "files"),
    "reporting": ("predictors", "inputs", "store"),
    "store": ("predictors", "reporting"),
    "predictors": ("store", "reporting", "inputs"),
    "inputs": ("versions",),
    "versions": ("inputs", "compare"),
    "statistics": ("inputs", "versions"),
    "worker": ("errors",),
    "errors": ("worker",),
}
"""What is on a level, or below, and still nobody's business."""

TRAINING_MAY = ("__init__", "versions.manifest", "tables", "schema", "errors", "files", "training")

LOADING = "predictors/loading.py"
"""Text that is copied beside a model file and opens it, in the version's own process."""

OPENING = (LOADING, "training/packaged/predict.py", "training/modelfile.py")
"""What opens a model's file, in the version's own environment: beside a model file, in a package, and training itself,
which reads what it has just written to see that it is the same."""

ENVIRONMENTS = ("training/", "worker.py")
"""Files that run in a version's own environment too, where numpy and pandas are at home."""

DOORS = {
    "pytest": ("plugin.py",),
    "_pytest": (),
    "hypothesis": ("inputs/generated.py",),
    "requests": ("predictors/endpoint.py",),
    "urllib3": (),
    "jinja2": ("reporting/html.py",),
    "markupsafe": ("reporting/",),
    "sklearn": ("training/", "statistics/"),
    "joblib": ("training/", LOADING),
    # what LOADING is called where it lies beside a model file
    "harness_artifact": ("predictors/probe.py",),
    "skops": (LOADING, "training/modelfile.py", "training/packaged/predict.py"),
    "mlflow": (LOADING, "predictors/sources/registry_client.py"),
    "yaml": ("predictors/sources/mlflow.py",),
    "threadpoolctl": ("training/",),
    "sqlalchemy": ("training/sources/sql.py",),
    "scipy": ("statistics/", "training/search.py", "training/assumptions.py", "training/logistic.py"),
    "pyarrow": (
        "worker.py", "inputs/fixed.py", "tables.py", "training/synthetic/write.py", "training/sources/columnar.py",
    ),
    "pandas": ("inputs/fixed.py", "tables.py", "predictors/given.py", *ENVIRONMENTS),
    "numpy": (
        "compare/", "statistics/", "inputs/", "run/", "tables.py", "texts.py",
        "predictors/isolated.py", "predictors/given.py", *ENVIRONMENTS,
    ),
    "tomlkit": ("settings/editing.py",),
    "uv": ("predictors/environments.py",),
    "fsspec": ("store/place_objects.py",),
}  # fmt: skip
"""One library, one door: who may import what. A library that is not named here may not be imported at all."""


@cache
def imports(path: Path) -> tuple[tuple[str, str, bool], ...]:
    """Every import of a file: (module, name or "", whether it runs when the file is imported)."""
    found = []

    def walk(node: ast.AST, now: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, "", now) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: a relative import hides its layer"
                found.extend((child.module or "", alias.name, now) for alias in child.names)
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            walk(child, now and not inner and not typing)

    walk(ast.parse(path.read_text(encoding="utf-8")), True)
    return tuple(found)


def ours(path: Path) -> set[str]:
    """The modules of ours that a file imports, without the leading `harness.`."""
    found = set()
    for module, name, _ in imports(path):
        if module == "harness":
            is_module = (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()
            found.add(name if is_module else "__init__")
        elif module.startswith("harness."):
            inner = module.removeprefix("harness.")
            deeper = ROOT.joinpath(*inner.split("."), f"{name}.py").is_file()
            found.add(f"{inner}.{name}" if deeper else inner)
    return found


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def may(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or (place.endswith("/") and name.startswith(place)) for place in places)


def test_every_room_has_a_level():
    assert {room(path) for path in FILES} <= LEVELS.keys() | {"training"}


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("training/")])
def test_imports_go_down(name):
    path = ROOT / name
    here = room(path)
    for target in ours(path):
        there = target.partition(".")[0]
        assert there == here or there not in ("training", "plugin", "cli"), f"{name} imports {target}"
        assert there == here or there not in NEVER.get(here, ()), f"{name} imports {target}"
        assert LEVELS[there] <= LEVELS[here], f"{name} imports {target}, which is above it"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("training/")])
def test_training_is_a_leaf(name):
    for target in ours(ROOT / name):
        assert any(target == one or target.startswith(one + ".") for one in TRAINING_MAY), target


def test_rooms_import_each_other_in_one_direction():
    """No two rooms import each other, on whatever level they are."""
    edges = {(room(path), target.partition(".")[0]) for path in FILES for target in ours(path)}
    assert not {edge for edge in edges if edge[0] != edge[1] and edge[::-1] in edges}


@pytest.mark.parametrize("name", NAMES)
def test_one_library_one_door(name):
    for module, _, _ in imports(ROOT / name):
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("harness", "__future__"):
            assert top in DOORS, f"{name} imports {top}, for which there is no door"
            assert may(name, DOORS[top]), f"{name} imports {top}; its door is {DOORS[top]}"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("compare/")])
def test_what_compares_does_nothing_else(name):
    forbidden = {"pathlib", "os", "io", "subprocess", "socket", "tempfile", "shutil", "sqlite3", "urllib"}
    for module, _, _ in imports(ROOT / name):
        assert module.partition(".")[0] not in forbidden
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        called = node.func if isinstance(node, ast.Call) else None
        assert not (isinstance(called, ast.Name) and called.id in ("open", "print", "eval", "exec")), name


def test_the_loader_of_model_files_is_run_by_nobody_here():
    """It may unpickle, since it is copied and run elsewhere. Its one reader takes its place, and no name from it."""
    users = [path for path in FILES if "predictors.loading" in ours(path)]
    assert [str(path.relative_to(ROOT)) for path in users] == ["predictors/model_files.py"]
    text = users[0].read_text(encoding="utf-8")
    assert text.count("loading.") == text.count("loading.__file__") == 1
    assert ours(ROOT / LOADING) == set()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPENING])
def test_nothing_is_unpickled_or_evaluated_here(name):
    """Law 3: what a version packs is opened in its own process; training, which runs there, may write a pickle."""
    for module, _, _ in imports(ROOT / name):
        assert module not in ("pickle", "marshal", "shelve", "dill", "cloudpickle")
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in (
                "eval",
                "exec",
                "joblib.load",
                "pickle.load",
                "pickle.loads",
                "os.system",
            ), name
            assert not any(word.arg == "shell" for word in node.keywords), name


def test_no_room_is_called_what_says_nothing():
    for path in FILES:
        assert not {"utils", "helpers", "common", "manager", "misc"} & set(
            path.relative_to(ROOT).with_suffix("").parts
        )


def test_worker_knows_nobody():
    assert ours(ROOT / "worker.py") == set()
    for module, _, now in imports(ROOT / "worker.py"):
        if now:
            assert module.partition(".")[0] in {*sys.stdlib_module_names, "__future__"}


def registries() -> dict[str, Registry]:
    """Every Registry that stands at the top of one of our modules."""
    found = {}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if "Registry" in text and path.name != "registry.py" and room(path) != "training":
            name = ".".join(("harness", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
                ".__init__"
            )
            module = importlib.import_module(name)
            found |= {
                f"{name}:{key}": item for key, item in vars(module).items() if isinstance(item, Registry)
            }
    return found


def test_every_registry_string_resolves():
    found = registries()
    assert len({id(one) for one in found.values()}) >= 6
    for registry in found.values():
        for name, place in registry.places.items():
            module, _, attribute = place.partition(":")
            item = getattr(importlib.import_module(module), attribute)
            assert [one for one in registry.needs if not hasattr(item, one)] == [], f"{name} = {place}"


def test_strings_are_the_only_way_to_training():
    """`module:name` strings in the code, of which the registries hold all."""
    known = {place for registry in registries().values() for place in registry.places.values()}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if text.startswith("harness.") and ":" in text and " " not in text:
                    assert text in known, f"{path.name}: {text}"


THIRD = (
    "numpy",
    "pandas",
    "hypothesis",
    "sklearn",
    "requests",
    "jinja2",
    "pyarrow",
    "scipy",
    "pydantic",
    "uv",
    "joblib",
    "fsspec",
    "s3fs",
)


def modules_after(code: str, folder: Path) -> set[str]:
    """The modules that an interpreter has loaded once it ran this, in an empty folder and without other plugins."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))
    }
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    code += "\nimport json, sys\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


COLLECT = "import pytest; assert pytest.main([{}'--collect-only', '-q', '-p', 'no:cacheprovider']) == 5"


def test_loading_the_plugin_costs_nothing(tmp_path):
    """Without `--compare-to` it adds itself, and neither `harness` nor any third party."""
    without = modules_after(COLLECT.format(""), tmp_path)
    loaded = modules_after(COLLECT.format("'-p', '_pytest_model_harness', "), tmp_path)
    assert loaded - without == {"_pytest_model_harness"}
    assert not {name for name in loaded if name.partition(".")[0] in (*THIRD, "harness")}


def test_the_entry_point_imports_pytest_alone():
    for module, name, now in imports(ENTRY):
        if now:
            assert module.partition(".")[0] in {*sys.stdlib_module_names, "__future__", "pytest"}, (
                module,
                name,
            )


def test_a_comparison_that_only_starts_loads_no_library(tmp_path):
    """`harness.plugin` is what runs before the first file of a suite: the verdict says INCOMPLETE at once."""
    without = modules_after("import pytest", tmp_path)
    loaded = modules_after("import pytest; from harness import plugin", tmp_path)
    assert not {name for name in loaded - without if name.partition(".")[0] in THIRD}


@pytest.mark.parametrize(
    "module", ["errors", "settings", "schema", "registry", "files", "versions", "predictors", "store", "cli"]
)
def test_cheap_rooms_stay_cheap(module, tmp_path):
    loaded = modules_after(f"import harness.{module}", tmp_path)
    assert not {name for name in loaded if name.partition(".")[0] in (*THIRD, "pytest")}


def test_all_of_it_imports():
    """Import every module in one process, training too: nothing is written that nobody can load."""
    for name in NAMES:
        dotted = ".".join(("harness", *Path(name).with_suffix("").parts)).removesuffix(".__init__")
        if not dotted.endswith("__main__"):
            importlib.import_module(dotted)
