"""Known faults, put into a version package or a table on purpose, with the truth stated: what a gate has to catch."""

from __future__ import annotations

from harness.training.planting.package import Planted, plant
from harness.training.planting.recipe import Recipe, recipe

__all__ = ["Planted", "Recipe", "plant", "recipe"]
