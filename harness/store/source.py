"""Versions from the baseline store: `previous`, and release numbers."""

from __future__ import annotations

from harness.errors import HarnessError, did_you_mean
from harness.settings import Settings
from harness.store import blobs, catalogue
from harness.store.opening import open_place
from harness.versions.version import Version
from harness.versions.wheel import version_of


class BaselineSource:
    """`previous` is the newest release of the configured channel; a number is that release of the model."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The released version, its blob verified. E48 where there is none."""
        place, model, channel = open_place(settings), settings.model, settings.channel
        known = catalogue.read(place)
        line = known.of(model, channel)
        if spec == "previous":
            if not line:
                others = sorted({one.model for one in known.releases} - {model})
                hint = "run harness release --first"
                if others:
                    hint += f"; the store knows {', '.join(others)}"
                raise HarnessError(
                    "no baseline; run harness release --first",
                    where=f"{model}, channel {channel}, in {place.address}",
                    hint=hint,
                    code="E48",
                )
            found = line[-1]
            which = f"the newest of {len(line)} releases" if len(line) > 1 else "the only release"
            why = f"{which} in channel {channel}, released {found.released[:10]}"
        else:
            matching = [one for one in known.of(model) if one.version == spec.removeprefix("v")]
            if not matching:
                raise HarnessError(
                    f'no release "{spec}" of {model}',
                    where=place.address,
                    hint=did_you_mean(spec, ["previous", *(one.version for one in known.of(model))]),
                    code="E48",
                )
            found = matching[-1]
            why = f"released {found.released[:10]} to channel {found.channel}"
        if found.reason:
            why += f" by {found.by}: {found.reason}"
        return version_of(blobs.verified(place, found.sha256), why=why, expected=found.sha256)
