"""`mlflow:PATH`, `mlflow:models:/NAME@ALIAS`: a model as MLflow keeps it, with the requirements that it states."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError, did_you_mean
from harness.predictors.cache import cache_folder, made
from harness.predictors.model_files import tree_digest
from harness.predictors.sources import registry_client
from harness.predictors.sources.artifact import demand_allowed
from harness.predictors.sources.locking import lock, requirements_of
from harness.settings import Profile, Settings
from harness.versions.version import Version
from harness.versions.wheel import interpreter_of

INSTALL = 'pip install "pytest-model-harness[mlflow]"'
PATIENCE = 900
"""Seconds in which a registry has to have handed over a model."""

_REMOTE = ("models:/", "runs:/")


class MlflowSource:
    """A folder with `MLmodel` in it, or a name in a registry. What it holds runs code when it is opened, so a folder
    has to be allowed by its digest; a registry is trusted as a package index is."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The model as it states itself: its requirements, its Python."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The model, with what a profile adds. Nothing is opened here."""
        if spec.startswith(_REMOTE):
            folder, sha256, why = _fetched(spec)
        else:
            folder = settings.root / spec
            sha256, why = tree_digest(folder) if (folder / "MLmodel").is_file() else "", "a model of MLflow"
        described = _described(folder, f"mlflow:{spec}")
        if not spec.startswith(_REMOTE):
            demand_allowed(sha256, profile, str(folder))
        requirements, python = _needs(folder, described)
        if not requirements:
            raise HarnessError(
                "its MLmodel does not say which libraries it needs",
                where=f"mlflow:{spec}",
                hint="save it again with pip_requirements",
            )
        if not profile.python and python != f"{sys.version_info[0]}.{sys.version_info[1]}":
            profile = replace(profile, python=python)
        return Version(
            spec=f"mlflow:{spec}",
            kind="python",
            name=settings.model,
            version="",
            location=str(folder),
            why=f"{why}, sha256 {sha256[:12]}",
            sha256=sha256,
            lock=lock((*requirements, *requirements_of(profile, settings)), profile.python),
            profile=profile,
            interpreter=interpreter_of(profile),
            artifact=sha256,
        )


def _fetched(uri: str) -> tuple[Path, str, str]:
    """A registry's model in the cache, its digest, and how it was found. It is fetched anew each time, since a registry
    states no digest of what it holds."""
    if not os.environ.get("MLFLOW_TRACKING_URI") and not os.environ.get("MLFLOW_REGISTRY_URI"):
        raise HarnessError(
            "no MLflow registry is named",
            where=f"mlflow:{uri}",
            hint="set MLFLOW_TRACKING_URI, to https://… or to where a local one lies: sqlite:////path/mlflow.db",
            code="E47",
            exit=Exit.STORE,
        )
    with tempfile.TemporaryDirectory(prefix="harness-mlflow-") as scratch:
        said = _asked(uri, scratch)
        folder = Path(said["path"])
        sha256 = tree_digest(folder)

        def make(beside: Path) -> None:
            shutil.copytree(folder, beside, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

        place = made(
            cache_folder() / "mlflow" / sha256[:32],
            lambda found: found.is_dir() and tree_digest(found) == sha256,
            make,
        )
    version = f"{uri} is version {said['version']}" if said["version"] else uri
    return place, sha256, version


def _asked(uri: str, folder: str) -> dict[str, Any]:
    """What the client found. HarnessError E48 for a name that is none, E47 where there is no answer."""
    variables = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        **os.environ,
    }
    command = [sys.executable, registry_client.__file__, uri, folder]
    where = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI", "")
    where = f"mlflow:{uri} at {_without_password(where)}"
    try:
        done = subprocess.run(
            command, env=variables, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        said: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        said = {"error": f"no answer in {PATIENCE} s"}
    except ValueError:
        lines = done.stderr.strip().splitlines()
        said = {"error": lines[-1] if lines else f"its client ended with code {done.returncode}"}
    if "missing" in said:
        raise HarnessError(
            f"to ask a registry, {said['missing']} has to be installed beside the harness",
            where=where,
            hint=INSTALL
            if said["missing"] == "mlflow"
            else "a registry in a database needs the whole of MLflow: pip install mlflow",
            code="E47",
            exit=Exit.STORE,
        )
    if "error" in said:
        words = _without_password(" ".join(said["error"].split()))[:400]
        if said.get("unknown"):
            raise HarnessError(
                f"the registry knows no {uri}: {words}",
                where=where,
                hint=did_you_mean(uri, said["known"]),
                code="E48",
            )
        raise HarnessError(
            f"the registry does not answer: {words}",
            where=where,
            hint="check MLFLOW_TRACKING_URI and the credentials that MLflow takes from the environment",
            code="E47",
            exit=Exit.STORE,
        )
    return said


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//…@", text)


def _described(folder: Path, where: str) -> Mapping[str, Any]:
    """What `MLmodel` says of the flavour that answers whatever made the model."""
    path = folder / "MLmodel"
    if not path.is_file():
        raise HarnessError(
            "no folder with MLmodel in it",
            where=f"{where}: {folder}",
            hint="name a folder that MLflow's save_model wrote, relative to the configuration file, or "
            "models:/NAME@ALIAS",
        )
    data = _yaml(path)
    flavour = (
        data.get("flavors", {}).get("python_function") if isinstance(data.get("flavors"), Mapping) else None
    )
    if not isinstance(flavour, Mapping):
        raise HarnessError(
            "its MLmodel has no flavour python_function",
            where=str(path),
            hint="save it by a flavour of MLflow that can predict: mlflow.sklearn, mlflow.lightgbm, mlflow.pyfunc, …",
        )
    return flavour


def _needs(folder: Path, flavour: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Requirements, and the Python under which it was made (3.9), as MLmodel's files state them."""
    files = flavour.get("env") or {}
    files = {"conda": files} if isinstance(files, str) else files
    python, lines = str(flavour.get("python_version", "")), []
    if name := files.get("virtualenv"):
        data = _yaml(_inside(folder, name))
        python = str(data.get("python") or python)
        for line in map(str, data.get("dependencies") or ()):
            named = re.fullmatch(r"-r\s+(\S+)", line)
            lines += _lines(_inside(folder, named[1])) if named else [line]
    elif (folder / "requirements.txt").is_file():
        lines = _lines(folder / "requirements.txt")
    elif name := files.get("conda"):
        for one in _yaml(_inside(folder, name)).get("dependencies") or ():
            if isinstance(one, Mapping):
                lines += map(str, one.get("pip") or ())
            elif found := re.fullmatch(r"([\w.-]+)=+([\w.]+)(=\S*)?", str(one)):
                if found[1] == "python":
                    python = found[2]
                else:
                    lines.append(f"{found[1]}=={found[2]}")
            elif str(one) not in ("pip", "python"):
                lines.append(str(one))
    minor = re.match(r"\d+\.\d+", python)
    kept = tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    return kept, minor[0] if minor else ""


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise HarnessError(
            f"MLmodel names {name}, which is not in its folder",
            where=str(folder),
            hint="the model was not copied whole: fetch it again",
        )
    return path


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _yaml(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError:
        raise HarnessError(
            "to read a model of MLflow, PyYAML has to be installed beside the harness",
            where=str(path),
            hint=INSTALL,
            code="E47",
            exit=Exit.STORE,
        ) from None
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise HarnessError(
            f"{path.name} cannot be read: {str(error).splitlines()[0]}",
            where=str(path),
            hint="the model was not copied whole, or is none: fetch it again",
        ) from None
    return data if isinstance(data, Mapping) else {}
