"""`[recipes]`: columns that are made of others before the first step: parts of dates, time that passed, ratios.

No recipe asks a clock: what a row becomes may not depend on when it is asked.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import choice, section, texts

PARTS = (
    "year", "quarter", "month", "week", "day", "day_of_week", "day_of_year", "hour", "minute", "weekend"
)  # fmt: skip
UNITS = ("seconds", "minutes", "hours", "days", "weeks", "years")
CLOCKS = ("now", "today", "utcnow", "current_date", "current_timestamp")


@dataclass(frozen=True, slots=True)
class RecipesSection:
    """`calendar`: a column of times, and the parts of it that are wanted, each a column `NAME_PART`. `elapsed`: a new
    column, `of` a column of times `since` another or a date, in a `unit` (days). `ratios`: a new column, `of` one
    column `by` another; by 0 it is a gap."""

    calendar: Mapping[str, Any] = field(default_factory=dict)
    elapsed: Mapping[str, Any] = field(default_factory=dict)
    ratios: Mapping[str, Any] = field(default_factory=dict)

    def made(self) -> dict[str, tuple[str, ...]]:
        """The new columns, in order, each with the columns that it is made of."""
        found = {f"{name}_{part}": (name,) for name, parts in self.calendar.items() for part in parts}
        for name, recipe in self.elapsed.items():
            since = () if _is_date(recipe["since"]) else (recipe["since"],)
            found[name] = (recipe["of"], *since)
        return found | {name: (recipe["of"], recipe["by"]) for name, recipe in self.ratios.items()}

    def times(self) -> tuple[str, ...]:
        """The columns that have to be times, each once."""
        named = [*self.calendar]
        named += [column for name in self.elapsed for column in self.made()[name]]
        return tuple(dict.fromkeys(named))

    def without(self, dropped: tuple[str, ...]) -> RecipesSection:
        """The recipes that need none of these columns."""
        made = self.made()

        def kept(table: Mapping[str, Any]) -> dict[str, Any]:
            return {name: one for name, one in table.items() if not set(made[name]) & set(dropped)}

        calendar = {name: parts for name, parts in self.calendar.items() if name not in dropped}
        return RecipesSection(calendar, kept(self.elapsed), kept(self.ratios))


def read(table: Any, where: str) -> RecipesSection:
    """The section, checked as far as its text goes."""
    if not isinstance(table, dict):
        raise HarnessError(f"{table!r} is no table", where=where, hint="write it as [recipes.calendar]")
    found = section(RecipesSection, table, where)
    calendar = {name: texts(parts, name, f"{where}: calendar") for name, parts in found.calendar.items()}
    for name, parts in calendar.items():
        for part in parts:
            choice(part, PARTS, "part", f"{where}: calendar.{name}")
    elapsed = {name: _elapsed(one, f"{where}: elapsed.{name}") for name, one in found.elapsed.items()}
    ratios = {
        name: _named(one, ("of", "by"), (), f"{where}: ratios.{name}") for name, one in found.ratios.items()
    }
    made = RecipesSection({name: list(parts) for name, parts in calendar.items()}, elapsed, ratios)
    for name in _twice(made):
        raise HarnessError(
            f'two recipes make a column "{name}"', where=where, hint="give each a name of its own"
        )
    return made


def _elapsed(recipe: Any, where: str) -> dict[str, str]:
    if isinstance(recipe, dict) and isinstance(recipe.get("since"), datetime.date):
        recipe = {**recipe, "since": recipe["since"].isoformat()}
    found = _named(recipe, ("of", "since"), ("unit",), where)
    for side in ("of", "since"):
        if found[side].lower().strip("()") in CLOCKS:
            raise HarnessError(
                f"{side} is {found[side]!r}: a clock",
                where=where,
                hint="name a date or a column, since a version has to answer tomorrow what it answers today",
            )
    choice(found.get("unit", "days"), UNITS, "unit", where)
    if _is_date(found["since"]):
        found["since"] = _moment(found["since"], where)
    return found


def _moment(text: str, where: str) -> str:
    """A date as the step takes it: without a zone (another is converted to UTC), and one that nanoseconds hold."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    if not 1678 <= moment.year <= 2261:
        raise HarnessError(f"since is {text}", where=where, hint="choose a date from 1678 to 2261")
    return moment.isoformat()


def _named(recipe: Any, needed: tuple[str, ...], may: tuple[str, ...], where: str) -> dict[str, str]:
    said = "{ " + ", ".join(f'{key} = "…"' for key in needed) + " }"
    if not isinstance(recipe, dict) or not all(recipe.get(key) for key in needed):
        raise HarnessError(f"the recipe is {recipe!r}", where=where, hint=f"write it as {said}")
    for key, value in recipe.items():
        if key not in (*needed, *may):
            raise HarnessError(f'unknown key "{key}"', where=where, hint=f"write it as {said}")
        if not isinstance(value, str):
            raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is text")
    return dict(recipe)


def _twice(made: RecipesSection) -> Iterator[str]:
    names = [f"{name}_{part}" for name, parts in made.calendar.items() for part in parts]
    names += [*made.elapsed, *made.ratios]
    yield from (name for name in names if names.count(name) > 1)


def _is_date(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
