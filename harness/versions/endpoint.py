"""Live endpoints: a version that is known by its address alone."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from harness.errors import Exit, HarnessError
from harness.settings import Settings
from harness.versions.version import Version


class EndpointSource:
    """`http://…` or `https://…`. Plain HTTP is for this machine; elsewhere a profile has to allow it."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The version behind that address. Nothing is asked of it yet."""
        parts = urlsplit(spec)
        if not parts.hostname or parts.username or parts.password:
            raise HarnessError(
                "the address has no host" if not parts.hostname else "the address holds a password",
                where=spec.split("@")[-1],
                hint="https://host/path; credentials go into headers of a version profile, as env:NAME",
            )
        named = next((p for p in settings.versions.values() if p.spec == spec), None)
        if (
            parts.scheme == "http"
            and not is_loopback(parts.hostname)
            and not (named and named.allow_plain_http)
        ):
            raise HarnessError(
                f"refused: plain HTTP to {parts.hostname}",
                where=spec,
                hint="use https, or give it a version profile with allow_plain_http = true",
                code="E39",
                exit=Exit.REFUSED,
            )
        return Version(spec, "endpoint", settings.model, "", spec, "a live endpoint")


def is_loopback(host: str) -> bool:
    """Whether an address can be this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
