"""A fit runs on one thread, whatever the caller's environment says: threads change the bits of linear models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import harness

SEEN = """
import json, sys
from pathlib import Path
from harness.training import fit as fitting
from harness.training.config import read_config
from harness.training.data import read_data

real, seen = fitting._fit, []

def spy(*arguments):
    from threadpoolctl import threadpool_info
    done = real(*arguments)
    seen.extend(threadpool_info())
    return done

fitting._fit = spy
config = read_config(Path(sys.argv[1]))
fitting.fit(config, read_data(config))
print(json.dumps(seen))
"""


def test_every_pool_of_threads_has_one_while_fitting(project):
    done = subprocess.run(
        [sys.executable, "-c", SEEN, str(project())],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(harness.__file__).parents[1]),
            "OMP_NUM_THREADS": "2",
            "OPENBLAS_NUM_THREADS": "2",
        },
    )
    pools = json.loads(done.stdout)
    assert {pool["user_api"] for pool in pools} == {"blas", "openmp"}
    assert {pool["num_threads"] for pool in pools} == {1}
