"""Run by our own interpreter as a process of its own: asks an MLflow registry for a model, and fetches it.

One line of JSON is the answer. MLflow starts threads, reads configuration and warns; none of that belongs into the
process that judges.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

MISSING = "RESOURCE_DOES_NOT_EXIST"


def main(uri: str, folder: str) -> dict[str, Any]:
    """`{"path", "version"}`: where the model lies, and which version of a registered model it is (or nothing). Else
    `{"missing": library}`, or `{"error", "unknown", "known"}`: what MLflow said, and names that it knows."""
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        return {"missing": error.name or "mlflow"}
    named, at, alias = uri.removeprefix("models:/").partition("@")
    name, version, client = named.partition("/")[0], "", None
    try:
        client = mlflow.MlflowClient()
        if uri.startswith("models:/") and at:
            version = str(client.get_model_version_by_alias(name, alias).version)
            uri = f"models:/{name}/{version}"
        path = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
        # what the client writes beside a model that it fetched: the same model under another number is the same
        with contextlib.suppress(OSError):
            os.remove(os.path.join(path, "registered_model_meta"))
        return {"path": path, "version": version}
    except ImportError as error:
        return {"missing": error.name or str(error)}
    except MlflowException as error:
        code, said = str(error.error_code), str(error)
        unknown = code == MISSING or (code == "INVALID_PARAMETER_VALUE" and "not found" in said)
        return {"error": said, "unknown": unknown, "known": _known(client, name) if unknown else []}
    except Exception as error:  # of a library of one kind of storage
        return {"error": f"{type(error).__name__}: {error}", "unknown": False, "known": []}


def _known(client: Any, name: str) -> list[str]:
    """What could have been meant: aliases and versions of the model, or the models that there are."""
    try:
        aliases = client.get_registered_model(name).aliases
        versions = [one.version for one in client.search_model_versions(f"name='{name}'", max_results=20)]
        return [f"models:/{name}@{one}" for one in aliases] + [f"models:/{name}/{one}" for one in versions]
    except Exception:
        try:
            return [f"models:/{one.name}" for one in client.search_registered_models(max_results=50)]
        except Exception:
            return []


if __name__ == "__main__":
    # what lies beside this file is named like libraries
    del sys.path[0]
    answers = os.dup(1)
    os.dup2(2, 1)
    os.write(answers, json.dumps(main(*sys.argv[1:])).encode())
