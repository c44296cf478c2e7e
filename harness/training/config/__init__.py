"""The training configuration: one TOML file that says all that a version is made from, one module for each section.

Reading it imports no third party and resolves no step: the harness reads it to find the lock file, before there is
an environment to train in.
"""

from __future__ import annotations

from harness.training.config.data import KINDS, DataSection
from harness.training.config.root import SECTIONS, Config, read_config
from harness.training.config.split import SplitSection
from harness.training.config.steps import DOORS, Step

__all__ = [
    "DOORS",
    "KINDS",
    "SECTIONS",
    "Config",
    "DataSection",
    "SplitSection",
    "Step",
    "read_config",
]
