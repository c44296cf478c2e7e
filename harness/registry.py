"""Where the parts that can be replaced are found by name: built-ins as "module:Name", loaded on use.

A name is registered once; what is registered must fit the protocol of its registry.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Generic, TypeVar

from harness.errors import HarnessError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Named objects of one protocol. `needs` are the attributes that a registered object must have.

    >>> rules = Registry[object]("rule", {"fraction": "fractions:Fraction"}, needs=("numerator",))
    >>> rules["fraction"].__name__
    'Fraction'
    >>> rules["fractoin"]
    Traceback (most recent call last):
    harness.errors.HarnessError: unknown rule "fractoin"
      next: did you mean "fraction"?
    """

    def __init__(self, noun: str, builtins: dict[str, str], *, needs: tuple[str, ...] = ()) -> None:
        self.noun = noun
        self.needs = needs
        self._places = dict(builtins)
        self._loaded: dict[str, T] = {}

    def register(self, name: str, item: T) -> None:
        """Add `item` under `name`; raises HarnessError when the name is taken or the item does not fit."""
        if name in self:
            raise HarnessError(
                f'{self.noun} "{name}" is registered already', where=name, hint="choose another name"
            )
        missing = [attribute for attribute in self.needs if not hasattr(item, attribute)]
        if missing:
            raise HarnessError(
                f'{self.noun} "{name}" lacks {", ".join(missing)}',
                where=repr(item),
                hint=f"docs/extending.md shows a {self.noun}",
            )
        self._loaded[name] = item

    def __getitem__(self, name: str) -> T:
        if name in self._loaded:
            return self._loaded[name]
        if name not in self._places:
            raise HarnessError(f'unknown {self.noun} "{name}"', hint=did_you_mean(name, self))
        module, _, attribute = self._places[name].partition(":")
        item: T = getattr(importlib.import_module(module), attribute)
        self._loaded[name] = item
        return item

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._places, *self._loaded}))

    @property
    def places(self) -> dict[str, str]:
        """The registry strings of the built-ins, for the test that resolves each."""
        return dict(self._places)
