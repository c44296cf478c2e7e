"""FastAPI applications, read and never run: which route predicts, and what a request holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LIKELY = ("predict", "score", "infer", "classify", "forecast")
"""Words in a route that asks a model."""

_KINDS = {"float": "float", "int": "int", "bool": "bool", "str": "str", "Decimal": "float"}
_BOUNDED = {
    "PositiveFloat": ("float", 0.0), "NonNegativeFloat": ("float", 0.0),
    "PositiveInt": ("int", 1.0), "NonNegativeInt": ("int", 0.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestField:
    """One value of a request: `kind` is float, int, bool, str, or nothing where it is something else; `choices` where
    only some are allowed, `examples` what its author gave."""

    name: str
    kind: str
    lowest: float | None = None
    highest: float | None = None
    choices: tuple[object, ...] = ()
    examples: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A FastAPI application: `app` as uvicorn takes it (`app.main:app`), the route that predicts, the fields of one
    record. `shape`: the body is one `record`, a list of `records`, or such a list under the key `wrapped`."""

    file: str
    app: str
    route: str
    fields: tuple[RequestField, ...]
    shape: str
    wrapped: str
    texts: tuple[str, ...]


def services(root: Path, files: Iterable[Path]) -> list[Service]:
    """Every application in these files (paths below `root`), the likeliest first. What is no Python is left out."""
    trees = {path: tree for path in files if (tree := _parsed(root / path)) is not None}
    classes = {
        node.name: node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)
    }
    found = []
    for path, tree in trees.items():
        for name in _applications(tree):
            # routers of an application are often files of their own
            routes = [
                *_routes(tree),
                *(one for other in trees.values() if other is not tree for one in _routes(other)),
            ]
            if routes:
                route, function = min(
                    routes, key=lambda one: not any(word in one[0].lower() for word in LIKELY)
                )
                shape, wrapped, fields = _body(function, classes)
                texts = tuple(sorted({text for other in trees.values() for text in _texts(other)}))
                found.append(
                    Service(str(path), f"{_module(path)}:{name}", route, fields, shape, wrapped, texts)
                )
    return sorted(found, key=lambda one: (not one.fields, len(one.file), one.file))


def _parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _applications(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        value = getattr(node, "value", None)
        if isinstance(value, ast.Call) and _last(value.func) == "FastAPI":
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _routes(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if (
                    isinstance(mark, ast.Call)
                    and isinstance(mark.func, ast.Attribute)
                    and mark.func.attr == "post"
                ):
                    given = [*mark.args, *(word.value for word in mark.keywords if word.arg == "path")]
                    if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
                        yield given[0].value, node


def _body(
    function: ast.FunctionDef | ast.AsyncFunctionDef, classes: dict[str, ast.ClassDef]
) -> tuple[str, str, tuple[RequestField, ...]]:
    for argument in [*function.args.args, *function.args.kwonlyargs]:
        inner = _item(argument.annotation)
        if inner is not None and _last(inner) in classes:
            return "records", "", tuple(_fields(classes[_last(inner)], classes))
        name = _last(argument.annotation)
        if name in classes and _is_model(classes[name], classes):
            for key, annotation, _ in _annotated(classes[name], classes):
                inner = _item(annotation)
                if inner is not None and _last(inner) in classes:
                    return "wrapped", key, tuple(_fields(classes[_last(inner)], classes))
            return "record", "", tuple(_fields(classes[name], classes))
    return "record", "", ()


def _is_model(node: ast.ClassDef, classes: dict[str, ast.ClassDef], depth: int = 0) -> bool:
    names = [_last(base) for base in node.bases]
    return "BaseModel" in names or (
        depth < 8 and any(name in classes and _is_model(classes[name], classes, depth + 1) for name in names)
    )


def _annotated(
    node: ast.ClassDef, classes: dict[str, ast.ClassDef], depth: int = 0
) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    for base in node.bases:
        if (name := _last(base)) in classes and depth < 8:
            yield from _annotated(classes[name], classes, depth + 1)
    for one in node.body:
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and _last(one.annotation) != "ClassVar"
        ):
            yield one.target.id, one.annotation, one.value


def _fields(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[RequestField]:
    for name, annotation, default in _annotated(node, classes):
        if name == "model_config":
            continue
        said: dict[str, object] = {}
        examples: list[object] = []
        for value in (*_annotations(annotation), default):
            if isinstance(value, ast.Call):
                said |= {word.arg: _constant(word.value) for word in value.keywords if word.arg}
                examples += [_constant(value.args[0])] if value.args else []
                given = said.get("examples")
                examples += given if isinstance(given, list) else []
                examples += [said[key] for key in ("example", "default") if key in said]
            elif value is not None:
                examples.append(_constant(value))
        kind, choices, lowest = _kind(annotation)
        alias = said.get("alias")
        yield RequestField(
            alias if isinstance(alias, str) else name,
            kind,
            _number(said, "ge", "gt") if _number(said, "ge", "gt") is not None else lowest,
            _number(said, "le", "lt"),
            choices,
            tuple(one for one in examples if isinstance(one, str | int | float)),
        )


def _annotations(annotation: ast.expr) -> Iterator[ast.expr]:
    """What stands beside the type in `Annotated[float, Field(ge=0)]`."""
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Annotated":
        yield from annotation.slice.elts[1:] if isinstance(annotation.slice, ast.Tuple) else ()


def _kind(annotation: ast.expr) -> tuple[str, tuple[object, ...], float | None]:
    """Kind, choices and lowest value of a type."""
    if isinstance(annotation, ast.BinOp):
        sides = [_kind(annotation.left), _kind(annotation.right)]
        return next((side for side in sides if side[0]), ("", (), None))
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        if _last(annotation.value) == "Literal":
            choices = tuple(_constant(one) for one in inner)
            return type(choices[0]).__name__, choices, None
        if _last(annotation.value) in ("Optional", "Annotated", "Union"):
            return next((found for one in inner if (found := _kind(one))[0]), ("", (), None))
        return "", (), None
    name = _last(annotation)
    kind, lowest = _BOUNDED.get(name, (_KINDS.get(name, ""), None))
    return kind, (), lowest


def _item(annotation: ast.expr | None) -> ast.expr | None:
    """What a list holds."""
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) in (
        "list",
        "List",
        "conlist",
        "Sequence",
    ):
        return annotation.slice
    return None


def _number(said: dict[str, object], *keys: str) -> float | None:
    found = [value for key in keys if isinstance(value := said.get(key), int | float)]
    return float(found[0]) if found else None


def _constant(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def _last(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value  # an annotation as text
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _texts(tree: ast.Module) -> Iterator[str]:
    """Texts that may name a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            yield node.value


def _module(path: Path) -> str:
    parts = list(path.with_suffix("").parts)
    return ".".join(parts[1:] if parts[0] == "src" else parts)
