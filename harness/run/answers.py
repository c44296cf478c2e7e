"""The answers of a run, kept block by block: nothing that a model has answered is lost, and the statistics that
are no sums (a bootstrap, a rank) are judged from them in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import files
from harness.tables import Batch, Bools, Column, Outcome
