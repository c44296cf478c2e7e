"""Which outputs a name or glob of the configuration means.

`[` is a letter here, since outputs of a second axis are called `embedding[0]`: `embedding[*]` means all of those.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable


def means(pattern: str, output: str) -> bool:
    """Whether a name or glob (`*`, `?`) means this output; case counts.

    >>> means("embedding[*]", "embedding[12]"), means("probability_*", "prediction")
    (True, False)
    """
    return fnmatch.fnmatchcase(output, pattern.replace("[", "[[]"))


def meant(pattern: str, outputs: Iterable[str]) -> list[str]:
    """Those of the outputs that a name or glob means, in their order."""
    return [output for output in outputs if means(pattern, output)]
