"""A model file laid out beside the loader that opens it in the version's own process; nothing is opened here."""

from __future__ import annotations

import json
from pathlib import Path

from harness.predictors import loading
from harness.predictors.packages import verified, written
from harness.versions.version import Version

LOADER = "harness_artifact"


def placed(version: Version) -> Path:
    """The folder to put on a worker's path. HarnessError E46 where the file changed, E47 where it is gone."""
    path = Path(version.location)
    content = verified(path, version.sha256)
    wishes = {"name": path.name, "allow_types": sorted(version.profile.allow_types)}
    return written(
        "artifacts",
        {
            f"{LOADER}.py": Path(loading.__file__).read_bytes(),
            f"{LOADER}.json": json.dumps(wishes).encode(),
            "artifact" + path.suffix: content,
        },
    )
