"""Extension modules: rules, sources and reporters in code, listed in configuration and nowhere else.

They are digested with the rules, so that a verdict is bound to the code that judged it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import inputs, reporting, versions
from harness.compare import rules
from harness.compare.rules.functions import declared
from harness.errors import HarnessError
from harness.registry import Registry
from harness.settings import Settings

_loaded: set[Path] = set()


@dataclass(frozen=True, slots=True)
class Extensible:
    """What `register(registry)` is given: one registry for each extension point."""

    rules: Registry[Any]
    input_sources: Registry[Any]
    version_sources: Registry[Any]
    reporters: Registry[Any]


def load(settings: Settings) -> None:
    """Register what every listed module offers, once in a process: rules in functions, then `register(registry)`."""
    registry = Extensible(rules.REGISTRY, inputs.REGISTRY, versions.REGISTRY, reporting.REGISTRY)
    for name in settings.extensions:
        path = (settings.root / name).resolve()
        if path in _loaded:
            continue
        place = f"{settings.path.name}, extensions"
        if not path.is_file():
            raise HarnessError(f"no extension module {name}", where=place, hint="mend its path")
        spec = importlib.util.spec_from_file_location(f"_harness_extension_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # dataclasses look their module up by name
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[spec.name]
            # whatever user code raises on import is one thing to a user: the module does not load
            raise HarnessError(
                f"extension module {name} does not load: {type(error).__name__}: {error}",
                where=place,
                hint=f"python {name} shows the whole traceback",
                code="E26",
            ) from error
        functions = declared(module)
        if not functions and not callable(getattr(module, "register", None)):
            raise HarnessError(
                f"extension module {name} has neither a function register(registry) nor a rule of its own",
                where=place,
                hint="docs/extending.md shows both",
            )
        for kind, made in functions.items():
            registry.rules.register(kind, made)
        if callable(getattr(module, "register", None)):
            module.register(registry)
        _loaded.add(path)


def digests(settings: Settings) -> dict[str, str]:
    """sha256 of every extension module, by its name in the configuration."""
    return {
        name: hashlib.sha256((settings.root / name).read_bytes()).hexdigest() for name in settings.extensions
    }
