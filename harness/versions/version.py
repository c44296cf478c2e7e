"""A version: one build of a model, named by a spec and identified by what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from harness.settings import Profile, Settings
from harness.versions.manifest import Manifest, digest


@dataclass(frozen=True, slots=True)
class Version:
    """A resolved version spec: everything a predictor needs, nothing opened yet. Serialisable.

    `kind` names the predictor that can run it (`"package"`, `"endpoint"`); `location` is a file or an
    address; `sha256` the digest of that file, verified when it was resolved (empty for an endpoint);
    `lock` the text of the lock file with hashes; `why` says how the spec led here.
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

    @property
    def entry(self) -> str:
        """`package.module:function`, from the profile or else the manifest."""
        return self.profile.entry or (self.manifest.entry if self.manifest else "")

    @property
    def pass_as(self) -> str:
        """What the entry takes, from the profile or else the manifest: `frame`, `records` or `array`."""
        return self.profile.pass_as or (self.manifest.pass_as if self.manifest else "") or "frame"

    @property
    def digest(self) -> str:
        """Identity: artifact x lock x interpreter x entry point and how it is asked x what it takes and gives. The
        version number is left out.

        An endpoint is what it answers; its identity is its address.
        """
        if self.manifest is None:
            return digest({"location": self.sha256 or self.location, "entry": self.entry})
        parts: dict[str, object] = {
            "artifact": self.manifest.artifact,
            "lock": self.manifest.lock.get("sha256", ""),
            "interpreter": self.interpreter,
            "entry": self.entry,
            # the same files asked for other columns are another model
            "task": self.manifest.task,
            "inputs": self.manifest.inputs.to_json(),
            "outputs": self.manifest.outputs.to_json(),
        }
        adapter = [self.pass_as, self.profile.keyword, self.profile.outputs]
        if adapter != ["frame", "", ""]:
            parts["adapter"] = adapter
        return digest(parts)

    @property
    def title(self) -> str:
        """How a person names it: `1.4.0`, or the spec where it has no number."""
        return self.version or self.spec

    def under(self, profile: Profile) -> Version:
        """The same version with a profile's wishes."""
        return replace(self, profile=profile)


class VersionSource(Protocol):
    """Turns the specs of one kind into versions.

    `resolve` verifies digests and reads the manifest; it opens nothing and runs nothing. Raises HarnessError.
    """

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The version that `spec` names."""
        ...
