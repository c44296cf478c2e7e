"""What a worker says of model files that another version of a library saved than the one in their environment.

A worker is not believed to say anything in particular: what does not fit is no word of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST = 8
"""Files that are told of in one reply."""

LONGEST = 120


@dataclass(frozen=True, slots=True)
class Saved:
    """`file` was saved with `library` in version `saved`; installed beside it is version `here`. `saved` may be words
    where the file states no version."""

    file: str
    library: str
    saved: str
    here: str

    def __str__(self) -> str:
        return f"{self.file} was saved with {self.library} {self.saved}, and {self.here} is installed"

    @property
    def is_exact(self) -> bool:
        """Whether the file states its version."""
        return self.saved[:1].isdigit() and " " not in self.saved

    @property
    def advice(self) -> str:
        """What to try."""
        if not self.is_exact:
            return f"state the {self.library} that saved it in its requirements, or save it again under {self.here}"
        return f'requirements = ["{self.library}=={self.saved}"] in its profile, or fit it again under {self.here}'


def read(reply: dict[str, Any]) -> tuple[Saved, ...]:
    """What a reply says of that."""
    said = reply.get("saved")
    found = [_one(entry) for entry in said[:MOST]] if isinstance(said, list) else []
    return tuple(one for one in found if one is not None)


def _one(entry: Any) -> Saved | None:
    names = ("file", "library", "saved", "here")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in names):
        return None
    return Saved(*(entry[name][:LONGEST] for name in names))
