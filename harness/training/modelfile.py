"""The file that a fitted model is kept in: skops where that round-trips, joblib otherwise, and never one that answers
otherwise than the model that was fitted.

The same model gives the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import Exit, HarnessError
from harness.training.archive import stored
from harness.training.config import Config
from harness.training.locked import pinned

if TYPE_CHECKING:
    import pandas as pd

ROWS = 1_000
"""Rows on which the model that was written is asked, evenly spread over the table."""

_PICKLE = 5  # the same bytes under every Python: the default protocol differs between them


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The file's bytes and format ("joblib" or "skops"), the types that skops is to make beyond those that it knows,
    and why it is not the other format."""

    content: bytes
    format: str
    trusted: tuple[str, ...] = ()
    why: str = ""

    @property
    def name(self) -> str:
        """The file's name in the package."""
        return f"model.{self.format}"

    def to_json(self, package: str) -> dict[str, Any]:
        """As the manifest has it."""
        said: dict[str, Any] = {"file": f"{package}/{self.name}", "format": self.format}
        if self.format == "skops":
            said["trusted"] = list(self.trusted)
        return {**said, "why": self.why} if self.why else said


def model_file(config: Config, model: Any, frame: pd.DataFrame) -> ModelFile:
    """The file of a model that was fitted on rows like `frame`. Raises HarnessError where the model is not the same
    once it was written and read, or where the format that the configuration asks for is none for it."""
    from threadpoolctl import threadpool_limits

    wanted = config.packaging.model if config.packaging else "auto"
    rows = frame.iloc[:: max(1, len(frame) // ROWS)]
    with threadpool_limits(1):
        before = _answers(model, rows)
        if wanted == "joblib":
            return _joblib(config, model, rows, before, "")
        try:
            if "skops" not in pinned(config):
                raise _Unfit("skops is not in the lock")
            return _skops(model, rows, before)
        except _Unfit as unfit:
            if wanted == "auto":
                return _joblib(config, model, rows, before, str(unfit))
            raise HarnessError(
                f"the model cannot be kept with skops: {unfit}",
                where=f"{config.path}: [packaging]",
                hint='say model = "auto" or "joblib", or add skops to the list that the lock is compiled from',
            ) from None


class _Unfit(Exception):
    """Why a model cannot be kept in a format."""


def _skops(model: Any, rows: Any, before: list[Any]) -> ModelFile:
    from skops import io as skops

    try:
        content = _canonical(skops.dumps(model))
        trusted = tuple(sorted(skops.get_untrusted_types(data=content)))
        again = skops.loads(content, trusted=list(trusted))
        same = _same(before, _answers(again, rows))
    except Exception as error:  # whatever it is that it cannot write or read
        raise _Unfit(_said(error)) from None
    if not same:
        raise _Unfit("its answers are not the same to the bit once it was written and read")
    return ModelFile(content, "skops", trusted)


def _joblib(config: Config, model: Any, rows: Any, before: list[Any], why: str) -> ModelFile:
    import joblib

    content = io.BytesIO()
    try:
        joblib.dump(model, content, compress=0, protocol=_PICKLE)
        content.seek(0)
        same = _same(before, _answers(joblib.load(content), rows))
        problem = "its answers are not the same to the bit"
    except Exception as error:  # a step may hold anything at all
        same, problem = False, _said(error)
    if not same:
        raise HarnessError(
            f"the model does not survive being written and read: {problem}",
            where=f"{config.path}: [[steps]]",
            hint="leave out the step that cannot be kept",
            exit=Exit.INCONCLUSIVE,
        )
    return ModelFile(content.getvalue(), "joblib", why=why)


def _answers(model: Any, rows: Any) -> list[Any]:
    import numpy as np

    asked = [model.predict]
    if hasattr(model, "predict_proba"):
        asked.append(model.predict_proba)
    return [np.asarray(ask(rows)) for ask in asked]


def _same(before: list[Any], after: list[Any]) -> bool:
    """Whether answers are the same to the bit, in type and shape too."""
    return len(before) == len(after) and all(
        one.dtype == two.dtype
        and one.shape == two.shape
        and (one.tolist() == two.tolist() if one.dtype.kind == "O" else one.tobytes() == two.tobytes())
        for one, two in zip(before, after, strict=True)
    )


def _canonical(content: bytes) -> bytes:
    """A file of skops without what differs from run to run: addresses of objects in memory, which are names of its
    files too, and times."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files.pop("schema.json"))
    numbers: dict[Any, int] = {}
    names: dict[str, str] = {}
    for place, node in enumerate(_nodes(schema)):
        if "__id__" in node:
            # two equal numbers or texts may be one object in memory, or two: nobody asks which
            plain = ("plain", place) if node.get("is_json") else node["__id__"]
            node["__id__"] = numbers.setdefault(plain, len(numbers) + 1)
        if "file" in node:
            suffix = node["file"].rpartition(".")[2]
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.{suffix}")
    whole = {names[name]: files[name] for name in files if name in names}
    whole["schema.json"] = json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode()
    return stored(whole, sorted(whole))


def _nodes(item: Any) -> Iterator[dict[str, Any]]:
    """Every table inside, in the order of the text."""
    waiting: list[Any] = [item]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(reversed(list(one.values())))
        elif isinstance(one, list):
            waiting.extend(reversed(one))


def _said(error: BaseException) -> str:
    """What an error says, without addresses of objects: it stands in the manifest, which is the same in every run."""
    lines = re.sub(r"0x[0-9a-f]+", "0x…", str(error).strip()).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
