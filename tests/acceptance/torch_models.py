"""A model of PyTorch as a file, by the adapter that the page shows: `tox -e torch`.

Not collected by itself: PyTorch's environment takes 5 GB. Its wheel on the index brings libraries of CUDA, which a
machine without such a card does not use.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..versions.made import run_in
from .running import run_harness

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
NEEDS = ("torch==2.15.0", "numpy", "pandas")
FIT = """
import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).eval()
rows = {0: torch.export.Dim("rows")}


def save(name):
    torch.export.save(torch.export.export(model, (torch.rand(5, 2),), dynamic_shapes=(rows,)), name)


save("now.pt2")
save("again.pt2")
with torch.no_grad():
    model[2].bias += 0.01
save("other.pt2")
"""
CONFIGURATION = """
model = "net"
candidate = "{candidate}"
[[inputs]]
name = "rows"
path = "rows.csv"
[[rules]]
name = "near"
output = "prediction"
rule = "close"
rtol = 1e-5
atol = 1e-6
"""
PROFILE = """
[versions.{name}]
spec = "file:{name}.pt2"
requirements = ["torch==2.15.0", "numpy", "pandas"]
adapter = "adapter.py:predict"
timeout = 120
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("torch")
    run_in(NEEDS, FIT, made)
    (block,) = re.findall(
        r"```python\n(import harness_artifact\nimport torch\n.*?)```", PAGE.read_text(), re.DOTALL
    )
    (made / "adapter.py").write_text(block)
    (made / "rows.csv").write_text("x,y\n" + "".join(f"{row}.5,{row % 7}.25\n" for row in range(300)))
    return made


@pytest.mark.parametrize(("candidate", "code"), [("again", 0), ("other", 1)])
def test_two_models_are_compared(folder, candidate, code):
    profiles = "".join(PROFILE.format(name=name) for name in ("now", "again", "other"))
    (folder / "harness.toml").write_text(CONFIGURATION.format(candidate=candidate) + profiles)
    done = run_harness(folder, "compare", "--to=now", "--allow-same")
    assert done.code == code, done.out
    assert "300 of 300 planned cases compared" in done.out
