"""The user's documents say what the code does: codes, keys, options, examples, links."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import _pytest_model_harness
import harness
from harness import settings as configuration
from harness.cli import parser_of_commands
from harness.compare import rules
from harness.compare.rules.functions import declared
from harness.compare.rules.kinds import keys_of
from harness.compare.ruleset import BUILTIN_NAMES
from harness.errors import Exit
from harness.registry import Registry
from harness.run.extensions import Extensible
from harness.schema import Field
from harness.settings import (
    DriftSettings,
    Generate,
    Input,
    MaxCost,
    MaxMeanShift,
    MaxQuantile,
    Profile,
    RecordedBaseline,
    Retrain,
    RuleSettings,
    Settings,
    WaiverSettings,
)
from harness.settings.table import byte_size
from harness.tables import Column
from harness.training.config import read_config
from harness.versions import manifest, wheel

ROOT = Path(__file__).parents[1]
PACKAGE = Path(harness.__file__).parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "reports/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = re.compile(r"E\d\d\b")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language: str) -> list[pytest.param]:
    """Every fenced block of a language, named by page and place."""
    found = []
    for page in PAGES:
        fences = re.findall(
            r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        chosen = [body for kind, body in fences if kind == language]
        found += [pytest.param(body, id=f"{page.name}-{place}") for place, body in enumerate(chosen)]
    return found


def block(page: str, opening: str) -> str:
    """The one Python block of a page that begins with these words."""
    (found,) = [
        param.values[0]
        for param in blocks("python")
        if param.id.startswith(f"{page}-") and param.values[0].startswith(f'"""{opening}')
    ]
    return found


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of any level."""
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, heading
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str, header: str) -> dict[str, list[str]]:
    """The table with this header, by the code in the first cell."""
    lines = text.splitlines()
    (start,) = [place for place, line in enumerate(lines) if line.startswith(header)]
    found = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        for name in re.findall(r"`([^`]+)`", cells[0]):
            found[name] = cells
    return found


# ---- errors


def strings(tree: ast.AST) -> Iterator[str]:
    """Every text in the code but docstrings."""
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said:
            yield node.value


def raised() -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {match.group() for text in strings(tree) if (match := CODE.match(text))}
    return found


def exits() -> set[tuple[str, int]]:
    """Code and exit code of every HarnessError that names its code; without an exit code it is 4. What `statistics`
    raises becomes the result of a rule, which is INCONCLUSIVE."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "statistics":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "HarnessError"):
                continue
            given = {word.arg: word.value for word in node.keywords}
            named = ast.walk(given["code"]) if "code" in given else ()
            codes = [one.value for one in named if isinstance(one, ast.Constant)]
            value = given.get("exit")
            if value is None or isinstance(value, ast.Attribute):
                number = Exit.USAGE if value is None else Exit[value.attr]
                found |= {(code, int(number)) for code in codes if CODE.fullmatch(str(code))}
    return found


def test_every_code_has_a_section_and_every_section_a_code():
    documented = re.findall(r"^## (E\d\d)$", text_of("docs/errors.md"), re.MULTILINE)
    assert documented == sorted(set(documented))
    assert set(documented) == raised()


def test_every_section_names_the_exit_codes_that_the_code_gives():
    page = text_of("docs/errors.md")
    found = exits()
    assert len(found) > 20
    for code, number in sorted(found):
        said = re.search(r"Exit\s([\d\sor]+)\.", section(page, f"## {code}"))
        assert said, code
        assert str(number) in re.findall(r"\d+", said.group(1)), (code, number)


def test_the_readme_lists_every_exit_code():
    cells = re.findall(r"^\| ([\d, ]+) \|", section(text_of("README.md"), "## Exit codes"), re.MULTILINE)
    numbers = {int(number) for cell in cells for number in cell.split(", ")}
    assert numbers == {int(code) for code in Exit} | {3}  # 3 is pytest's own


# ---- configuration

TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "tuple[str, ...]": "list of texts",
    "datetime.date": "date",
    "Generate": "table",
    "MaxQuantile": "table",
    "MaxMeanShift": "table",
    "MaxCost": "table",
    "Retrain": "table",
    "DriftSettings": "table",
    "RecordedBaseline": "table",
    "Mapping[str, str]": "table",
    "Mapping[str, Any]": "table",
    "Mapping[str, float]": "table",
    "Mapping[str, Profile]": "table",
    "tuple[Input, ...]": "tables",
    "tuple[RuleSettings, ...]": "tables",
    "tuple[WaiverSettings, ...]": "tables",
}
NOT_KEYS = {Settings: {"path", "root"}, Profile: {"name"}, RuleSettings: {"parameters"}}
SECTIONS = [
    (Settings, "## `[tool.harness]`", "| key |"),
    (Retrain, "## `[tool.harness.retrain]`", "| key |"),
    (Profile, "## `[tool.harness.versions.NAME]`", "| key |"),
    (Input, "## `[[tool.harness.inputs]]`", "| key |"),
    (Generate, "## `[[tool.harness.inputs]]`", "| key of `generate` |"),
    (RuleSettings, "## `[[tool.harness.rules]]`", "| key |"),
    (WaiverSettings, "## `[[tool.harness.waivers]]`", "| key |"),
    (DriftSettings, "## `[tool.harness.drift]`", "| key |"),
    (RecordedBaseline, "## `[tool.harness.recorded]`", "| key |"),
    (MaxQuantile, "### Budgets", "| key of `max_quantile` |"),
    (MaxMeanShift, "### Budgets", "| key of `max_mean_shift` |"),
    (MaxCost, "### Budgets", "| key of `max_cost` |"),
]


def default_of(item: dataclasses.Field) -> object:
    if item.default is not dataclasses.MISSING:
        return item.default
    return None if item.default_factory is dataclasses.MISSING else item.default_factory()


def as_written(cell: str, kind: str) -> object:
    """A default as the page gives it, as the settings would hold it."""
    if cell == "–":
        return None
    value = tomllib.loads(f"value = {cell.strip('`')}")["value"]
    if kind == "size":
        return byte_size(value, "docs")
    if kind == "table" and value == {}:
        return value
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("cls", "heading", "header"), SECTIONS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_key_stands_in_the_configuration_page_with_its_type_and_default(cls, heading, header):
    listed = rows(section(text_of("docs/configuration.md"), heading), header)
    keys = {item.name: item for item in dataclasses.fields(cls) if item.name not in NOT_KEYS.get(cls, set())}
    assert list(listed) == list(keys)
    for name, item in keys.items():
        _, kind, default, _ = listed[name]
        annotation = str(item.type).removesuffix(" | None")
        assert kind == ("size" if name == "memory" else TYPES[annotation]), name
        expected = default_of(item)
        assert as_written(default, kind) == ({} if expected in (Retrain(), DriftSettings()) else expected), (
            name
        )


def test_every_kind_of_rule_and_every_built_in_check_is_explained():
    page = text_of("docs/configuration.md")
    kinds = rows(section(page, "### Kinds of rule"), "| `rule` |")
    assert set(kinds) == set(rules.REGISTRY.places)
    for kind, cells in kinds.items():
        keys = [name for name in keys_of(rules.REGISTRY[kind]) if name != "equal_nan"]
        assert re.findall(r"`([^`]+)`", cells[1]) == keys, kind
    assert set(rows(section(page, "### Built-in checks"), "| name |")) == set(BUILTIN_NAMES)


RULE_TYPES = {
    "float": "number",
    "int": "whole number",
    "bool": "true or false",
    "str": "text",
    "tuple[str, ...]": "list of texts",
    "Mapping[str, Mapping[str, float]]": "table",
}


@pytest.mark.parametrize("kind", sorted(rules.REGISTRY.places))
def test_every_kind_of_rule_has_its_keys_and_an_example_that_makes_one(kind, tmp_path):
    part = section(text_of("docs/rules.md"), f"## `{kind}`")
    keys = {name: item for name, item in keys_of(rules.REGISTRY[kind]).items() if name != "equal_nan"}
    listed = rows(part, "| key |") if keys else {}
    assert list(listed) == list(keys)
    for name, item in keys.items():
        assert listed[name][1] == RULE_TYPES[str(item.type).removesuffix(" | None")], name
        assert as_written(listed[name][2], listed[name][1]) == default_of(item), name
    (example,) = re.findall(r"^```toml\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    path = tmp_path / "pyproject.toml"
    path.write_text(example, encoding="utf-8")
    (item,) = configuration.load(path).rules
    assert item.rule == kind
    assert rules.make(kind, dict(item.parameters), name=item.name, equal_nan=True).says()
    # the class has an example too, which runs as a doctest
    assert ">>> " in rules.REGISTRY[kind].__doc__


def test_every_kind_of_rule_says_what_it_makes_of_nan_null_and_other_kinds():
    listed = rows(section(text_of("docs/rules.md"), "## What is no plain number"), "| `rule` |")
    assert set(listed) == set(rules.REGISTRY.places)
    for kind, cells in listed.items():
        # what the cells say is tried in compare/test_stated_semantics.py
        assert len(cells) == 8
        assert cells[1].startswith("together") == hasattr(rules.REGISTRY[kind], "judge_together"), kind


def leaves(commands: argparse.Action, above: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that does something, by its words: `train`, `data synth`."""
    for name, command in commands.choices.items():
        inner = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
        if inner:
            yield from leaves(inner[0], f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def test_every_option_of_pytest_and_every_command_is_explained():
    page = text_of("docs/configuration.md")
    source = ast.parse(Path(_pytest_model_harness.__file__).read_text(encoding="utf-8"))
    options = {text for text in strings(source) if re.fullmatch(r"--compare-[a-z-]+", text)}
    listed = section(page, "## pytest options")
    assert options == {
        name.partition("=")[0] for name in re.findall(r"^\| `(--[^`]+)`", listed, re.MULTILINE)
    }
    (commands,) = [
        action for action in parser_of_commands()._actions if action.dest == "==SUPPRESS==" and action.choices
    ]
    listed = section(page, "## Commands")
    found = dict(leaves(commands))
    documented = {}
    for row in re.findall(r"^\| `harness ([^`]*)`", listed, re.MULTILINE):
        one, two, *_ = [*row.split(), ""]
        documented[f"{one} {two}" if f"{one} {two}" in found else one] = row
    assert set(documented) == set(found)
    for name, command in found.items():
        flags = {
            flag for action in command._actions for flag in action.option_strings if flag.startswith("--")
        }
        own = flags - {"--help", "--config", "--report"}
        assert own == set(re.findall(r"--[a-z-]+", documented[name])), name


def test_every_field_of_a_manifest_is_explained():
    page = text_of("docs/version-package.md")
    listed = rows(section(page, "## The manifest"), "| field |")
    assert set(listed) == {*manifest._REQUIRED, *manifest._OPTIONAL}
    assert {name for name, cells in listed.items() if cells[1] == "required"} == set(manifest._REQUIRED)
    assert set(rows(section(page, "## The schema"), "| key |")) >= {
        item.name for item in dataclasses.fields(Field)
    }


def test_every_field_of_a_report_is_explained():
    schema = json.loads((PACKAGE / "reporting" / "report.schema.json").read_text(encoding="utf-8"))
    page = text_of("docs/report.md")
    top = set(re.findall(r"`([a-z_0-9]+)`", section(page, "## `report.json`")))
    assert set(schema["properties"]) <= top
    for name, heading in (("accounting", "### Accounting"), ("fault", "### Faults"), ("run", "### `run`")):
        assert set(schema["$defs"][name]["properties"]) <= set(
            re.findall(r"`([a-z_0-9]+)`", section(page, heading))
        ), name
    said = top | set(re.findall(r"`([a-z_0-9]+)`", section(page, "### `result`")))
    for name in ("result", "source", "full_rule", "full_version", "quality", "moved", "finding"):
        assert set(schema["$defs"][name]["properties"]) <= said, name


# ---- examples


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_toml_block_is_accepted(text, tmp_path):
    data = tomllib.loads(text)
    path = tmp_path / ("train.toml" if "steps" in data else "pyproject.toml")
    path.write_text(text, encoding="utf-8")
    if "steps" in data:
        assert read_config(path).steps
    else:
        assert configuration.load(path).model
        assert configuration.find(tmp_path) == path


@pytest.mark.parametrize("text", blocks("python"))
def test_every_python_block_compiles(text):
    compile(text, "docs", "exec")


def registered(text: str, tmp_path: Path) -> Extensible:
    """What an example registers, in registries of its own."""
    path = tmp_path / "extension.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("example_extension", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["example_extension"] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["example_extension"]
    registry = Extensible(
        Registry("rule", {}, needs=("judge", "says")),
        Registry("input source", {}),
        Registry("version source", {}, needs=("resolve",)),
        Registry("reporter", {}, needs=("write",)),
    )
    for kind, made in declared(module).items():
        registry.rules.register(kind, made)
    if hasattr(module, "register"):
        module.register(registry)
    return registry


def test_the_example_rule_judges(tmp_path):
    rule = registered(block("extending.md", "Rules of the pricing desk"), tmp_path).rules["not_lower"](by=1.0)
    nan = float("nan")
    old, new = Column.of([10.0, 10.0, 10.0, nan, nan, 10.0]), Column.of([9.5, 8.0, 12.0, nan, 1.0, nan])
    seen = rule.judge(old, new)
    assert seen.violates.tolist() == [False, True, False, False, True, True]
    assert seen.both_nan.tolist() == [False, False, False, True, False, False]
    assert rule.says() == "no answer falls by more than 1"


def test_the_example_function_judges(tmp_path):
    kinds = registered(block("extending.md", "What the branches were promised"), tmp_path).rules
    rule = kinds["not_lower_in_the_north"](by=1.0)
    nan = float("nan")
    old, new = Column.of([10.0, 10.0, 10.0, nan, nan]), Column.of([8.0, 8.0, 9.5, nan, 1.0])
    inputs = {"district": Column.of(["north", "south", "north", None, "south"])}
    seen = rule.judge_cases(old, new, inputs)
    assert seen.violates.tolist() == [True, False, False, False, True]
    assert seen.magnitude.tolist() == [2.0, 2.0, 0.5, 0.0, float("inf")]
    assert rule.says() == "In the north no price falls by more than the branches were told (by = 1.0)"


def test_the_example_sources_and_reporters_register(tmp_path):
    assert (
        "shelf"
        in registered(block("extending.md", "Versions from the team's shelf"), tmp_path).version_sources
    )
    reporter = registered(block("extending.md", "One line for the release channel"), tmp_path).reporters[
        "line"
    ]()
    (written,) = reporter.write({"headline": "MAY BE RELEASED"}, tmp_path)
    assert written.read_text() == "MAY BE RELEASED\n"


def test_the_example_producer_writes_a_version_package(tmp_path):
    script = tmp_path / "produce.py"
    script.write_text(block("version-package.md", "Writes dist/triage"), encoding="utf-8")
    subprocess.run([sys.executable, script.name], cwd=tmp_path, check=True)
    found, lock = wheel.read(tmp_path / "dist" / "triage-1.0.0-py3-none-any.whl")
    assert (found.name, found.inputs.names, lock) == ("triage", ("pulse",), "")


def test_the_readmes_line_to_edit_stands_in_the_training_configuration():
    shipped = text_of("fixtures/diabetes.toml")
    assert re.findall(r"^alpha = .*$", shipped, re.MULTILINE) == ["alpha = 10"]
    assert "as committed: `alpha = 10`" in text_of("README.md")


# ---- links


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them from its headings."""
    bare = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", bare, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(there), f"{page.name}: {target}"
