"""A version: one build of a model, named by a spec and identified by what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from harness.settings import Profile, Settings
from harness.versions.manifest import Manifest, digest

PICKLES = (".joblib", ".pkl", ".pickle")
"""Endings of model files that run code when they are opened."""
SKOPS = ".skops"
"""Ending of model files that make objects of the types that they name, and run nothing else."""
LOADER = "harness_artifact:MODEL"
"""What a model file holds, opened in the process of the version."""


@dataclass(frozen=True, slots=True)
class Version:
    """A resolved version spec: everything a predictor needs, nothing opened yet. Serialisable.

    `kind` names the predictor that can run it (`"package"`, `"endpoint"`); `location` is a file or an
    address; `sha256` the digest of that file, verified when it was resolved (empty for an endpoint);
    `lock` the text of the lock file with hashes; `why` says how the spec led here. `artifact` is the digest of
    what a package without a manifest consists of; `adapter` the text of the profile's adapter; `keys` the columns that
    may name a case in recorded answers.
    """

    spec: str
    kind: str
    name: str
    version: str
    location: str
    why: str
    sha256: str = ""
    lock: str = ""
    manifest: Manifest | None = None
    profile: Profile = Profile()
    interpreter: str = ""
    artifact: str = ""
    adapter: str = ""
    keys: tuple[str, ...] = ()

    @property
    def entry(self) -> str:
        """`package.module:function`, from the profile or else the manifest."""
        own = self.manifest.entry if self.manifest else ""
        return self.profile.entry or own or (LOADER if self.is_file else "")

    @property
    def is_file(self) -> bool:
        """Whether it is a model file, beside which a loader is laid."""
        return self.kind == "python" and bool(self.location) and not self.location.endswith(".whl")

    @property
    def pass_as(self) -> str:
        """What the entry takes, from the profile or else the manifest: `frame`, `records` or `array`."""
        return self.profile.pass_as or (self.manifest.pass_as if self.manifest else "") or "frame"

    @property
    def errors(self) -> str:
        """The column of an answer that says why a row has none; an adapter or another entry has its own answers."""
        own = self.manifest is not None and not self.adapter and self.entry == self.manifest.entry
        return self.manifest.errors if self.manifest is not None and own else ""

    @property
    def digest(self) -> str:
        """Identity: artifact x lock x interpreter x entry point and how it is asked x what it takes and gives. The
        version number is left out.

        An endpoint is what it answers; its identity is its address.
        """
        if self.manifest is None and self.kind != "python":
            return digest({"location": self.sha256 or self.location, "entry": self.entry})
        if self.manifest is None:
            return digest({"artifact": self.artifact, "lock": self.lock, **self._asked()})
        parts: dict[str, object] = {
            "artifact": self.manifest.artifact,
            "lock": self.manifest.lock.get("sha256", ""),
            **self._asked(),
            # the same files asked for other columns are another model
            "task": self.manifest.task,
            "inputs": self.manifest.inputs.to_json(),
            "outputs": self.manifest.outputs.to_json(),
        }
        if self.errors:
            parts["errors"] = self.errors
        return digest(parts)

    def _asked(self) -> dict[str, object]:
        """By what it is run, and how it is asked. What is not used leaves no trace, so that identities last."""
        parts: dict[str, object] = {"interpreter": self.interpreter, "entry": self.entry}
        adapter = [self.pass_as, self.profile.keyword, self.profile.outputs]
        if adapter != ["frame", "", ""]:
            parts["adapter"] = adapter
        if self.profile.method:
            parts["method"] = self.profile.method
        if self.adapter:
            parts["adapter_file"] = [self.profile.adapter.rpartition(":")[2], self.adapter]
        if self.profile.environment:
            parts["environment"] = dict(self.profile.environment)
        return parts

    @property
    def title(self) -> str:
        """How a person names it: `1.4.0`, or the spec where it has no number."""
        return self.version or self.spec

    def under(self, profile: Profile) -> Version:
        """The same version with a profile's wishes."""
        return replace(self, profile=profile)


class ProfiledSource(Protocol):
    """A source whose versions depend on a profile: what else to install, under which interpreter.

    `resolve_under` may ask git, a build backend and uv, and keeps what they made; it runs no model.
    """

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The version that `spec` names, as this profile wants it."""
        ...


class VersionSource(Protocol):
    """Turns the specs of one kind into versions.

    `resolve` verifies digests and reads the manifest; it opens nothing and runs nothing. Raises HarnessError.
    """

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The version that `spec` names."""
        ...
