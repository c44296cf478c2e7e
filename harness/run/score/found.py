"""What was found about one test: its points, why, and where it can be looked up."""

from __future__ import annotations

from dataclasses import dataclass

FULL, HALF, NONE = 1.0, 0.5, 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """A place: its words, and its address from the reports' folder where it has one."""

    words: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """`points` are FULL where it runs at each training or before each release by itself and covers the test, HALF where
    it was done by hand and noted, or covers a part of it, NONE where nothing evidences it. No points without a link."""

    points: float
    words: str
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        assert self.points in (FULL, HALF, NONE)
        assert bool(self.points) == bool(self.links), "a point needs its evidence, and nothing else has one"


def full(words: str, *links: Link) -> Found:
    """A whole point."""
    return Found(FULL, words, links)


def half(words: str, *links: Link) -> Found:
    """Half a point."""
    return Found(HALF, words, links)


def none(words: str) -> Found:
    """Nothing."""
    return Found(NONE, words)
