"""`file:model.joblib`, `.pkl`, `.pickle`: a model file, with the requirements that its profile states."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors.sources.locking import lock, requirements_of
from harness.settings import Profile, Settings
from harness.versions.version import PICKLES, Version
from harness.versions.wheel import interpreter_of


class FileSource:
    """A pickle of whatever library. It is opened in the version's own process, and only if the profile lists its
    sha256 in `allow_pickle`: opening it runs the code that is in it."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """As with an empty profile: always an error that says what is needed."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The model in that file. Nothing is opened here."""
        path = settings.root / spec
        if path.suffix not in PICKLES:
            raise HarnessError(
                f"unknown kind of model file {path.suffix or path.name}",
                where=str(path),
                hint="known are " + ", ".join(PICKLES),
            )
        try:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise HarnessError(
                f"the model file cannot be read: {error.strerror}",
                where=str(path),
                hint="the path is relative to the configuration file",
            ) from None
        wanted = requirements_of(profile, settings)
        if not wanted:
            raise HarnessError(
                "a model file does not say which libraries it needs",
                where=str(path),
                hint='a version profile states them: requirements = ["scikit-learn==1.5.2", …], or requirements_file',
            )
        if sha256 not in profile.allow_pickle:
            raise HarnessError(
                f"refused: a pickle runs code when it is opened, and nobody allowed {sha256[:12]}",
                where=str(path),
                hint=f'if you know who made it: allow_pickle = ["{sha256}"] in its version profile',
                code="E54",
                exit=Exit.REFUSED,
            )
        return Version(
            spec=f"file:{spec}",
            kind="python",
            name=Path(spec).stem,
            version="",
            location=str(path),
            why=f"a model file, sha256 {sha256[:12]}",
            sha256=sha256,
            lock=lock(wanted, profile.python),
            profile=profile,
            interpreter=interpreter_of(profile),
            artifact=sha256,
        )
