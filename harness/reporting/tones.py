"""What each status looks like, and the ids by which parts of a report are linked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

TONES = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "unsure"}
ICONS = {"pass": "✔", "fail": "✖", "unsure": "?", "same": "=", "note": "!"}
RANK = {"FAIL": 0, "INCONCLUSIVE": 1, "WARN": 2, "REPORTED": 3, "PASS": 4}


def anchor(noun: str, *names: object) -> str:
    """An id from a digest: the same in every run, and safe whatever the names hold."""
    return f"{noun}-{hashlib.sha256(chr(0).join(map(str, names)).encode()).hexdigest()[:10]}"
