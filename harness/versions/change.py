"""What kind of change a candidate is: refactor, upgrade or retrain, read from the manifests or declared."""

from __future__ import annotations

from dataclasses import dataclass

from harness.versions.version import Version


@dataclass(frozen=True, slots=True)
class Change:
    """The kind under which a run is judged, and what speaks for it. `contradicted` names what speaks against."""

    kind: str
    declared: str
    evidence: tuple[str, ...]
    contradicted: str = ""


def kind_of_change(baseline: Version, candidate: Version, declared: str) -> Change:
    """The kind of change; `declared` is `auto` or a kind, which the manifests may contradict (E55).

    Data or configuration differ: retrain. Lock, Python or hardware differ: upgrade. Else: refactor. Without both
    manifests `auto` is refactor, the strictest, and nothing can be contradicted.
    """
    old, new = baseline.manifest, candidate.manifest
    if old is None or new is None:
        kind = "refactor" if declared == "auto" else declared
        return Change(kind, declared, ("no manifest on both sides: nothing says what changed",))
    pairs = {
        "data": (old.data.get("sha256", ""), new.data.get("sha256", "")),
        "configuration": (old.configuration.get("sha256", ""), new.configuration.get("sha256", "")),
        "lock": (old.lock.get("sha256", ""), new.lock.get("sha256", "")),
        "Python": (_minor(old.python), _minor(new.python)),
        "hardware": (old.machine, new.machine),
    }
    evidence = tuple(
        f"{name} equal" if a == b else f"{name} differs: {a[:12] or 'unknown'} → {b[:12] or 'unknown'}"
        for name, (a, b) in pairs.items()
    )
    differs = {name for name, (a, b) in pairs.items() if a != b}
    if differs & {"data", "configuration"}:
        found = "retrain"
    elif differs:
        found = "upgrade"
    else:
        found = "refactor"
    if declared in ("auto", found):
        return Change(found, declared, evidence)
    if found == "refactor":
        against = "the training data, configuration, lock, Python and hardware are equal"
    elif found == "upgrade" and declared == "retrain":
        against = "the training data and configuration are equal"
    else:
        against = " and ".join(sorted(differs)).replace("data", "the training data") + " differ"
    return Change(declared, declared, evidence, against)


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
