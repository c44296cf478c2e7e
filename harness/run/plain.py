"""Values as JSON can hold them: a model may answer anything, and a report has to be written all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The same value where JSON has it; mappings with text as keys, sequences as lists; anything else as its `repr`.

    Floats stay floats, NaN and infinities too. Idempotent.

    >>> plain({1: (b"a", None), "x": 2.5})
    {'1': ["b'a'", None], 'x': 2.5}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return plain(value.item()) if isinstance(value, np.number | np.bool_) else repr(value)
