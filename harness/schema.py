"""What a version takes and gives: fields by name and kind, with what is known of their values.

A schema is data: it is written into a version's manifest, checks a table before a model sees it, and is what
generated cases are drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, did_you_mean

FIELD_KINDS = ("float", "int", "bool", "str", "datetime", "json")


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its `kind`, whether it may be null, and its known range or its known categories.

    >>> Field.parse({"name": "age", "kind": "int", "minimum": 19, "maximum": 79}).maximum
    79
    """

    name: str
    kind: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any], where: str = "schema") -> Field:
        """A field from its JSON form; raises HarnessError for unknown keys and kinds."""
        for key in data:
            if key not in cls.__slots__:
                raise HarnessError(
                    f'unknown key "{key}" of a field', where=where, hint=did_you_mean(key, cls.__slots__)
                )
        name, kind = data.get("name"), data.get("kind")
        if not isinstance(name, str) or not name:
            raise HarnessError("a field has no name", where=where, hint='give it one: {"name": …, "kind": …}')
        if kind not in FIELD_KINDS:
            raise HarnessError(
                f'field "{name}" has unknown kind {kind!r}',
                where=where,
                hint=did_you_mean(str(kind), FIELD_KINDS),
            )
        return cls(
            name,
            kind,
            bool(data.get("nullable", False)),
            data.get("minimum"),
            data.get("maximum"),
            tuple(data.get("categories", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON form, without what is unknown."""
        data: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.nullable:
            data["nullable"] = True
        if self.minimum is not None:
            data["minimum"] = self.minimum
        if self.maximum is not None:
            data["maximum"] = self.maximum
        if self.categories:
            data["categories"] = list(self.categories)
        return data


@dataclass(frozen=True, slots=True)
class Schema:
    """Fields in their order. Names are unique.

    >>> Schema.parse([{"name": "age", "kind": "int"}]).names
    ('age',)
    """

    fields: tuple[Field, ...]

    @classmethod
    def parse(cls, data: Any, where: str = "schema") -> Schema:
        """A schema from its JSON form: a list of fields."""
        if not isinstance(data, list):
            raise HarnessError(
                "a schema is a list of fields", where=where, hint="see docs/version-package.md"
            )
        fields = tuple(Field.parse(item, where) for item in data)
        names = [field.name for field in fields]
        for name in names:
            if names.count(name) > 1:
                raise HarnessError(f'field "{name}" stands twice', where=where, hint="names are unique")
        return cls(fields)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(field.name for field in self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def __contains__(self, name: object) -> bool:
        return any(field.name == name for field in self.fields)

    def to_json(self) -> list[dict[str, Any]]:
        """The JSON form."""
        return [field.to_json() for field in self.fields]
