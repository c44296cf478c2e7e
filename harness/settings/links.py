"""`decision_url`: the address where a team decides on a verdict, with the run and its digests filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from harness.errors import HarnessError, did_you_mean

PLACEHOLDERS = (
    "run_id",
    "verdict",
    "result_digest",
    "model",
    "baseline_version",
    "candidate_version",
    "candidate_digest",
)
_NAMED = re.compile(r"\{([^{}]*)\}")
_SAFE = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%!$&()*+,;=:@/?#-]*)?")


def is_safe(address: str) -> bool:
    """Whether this is an https address with a host alone before its path, and nothing that a page, a terminal or
    Markdown could take for more than an address."""
    return _SAFE.fullmatch(address) is not None


def check_decision_url(template: str, place: str) -> str:
    """The template, if it is one. HarnessError E27 for an unknown placeholder or an address that is not safe."""
    for name in _NAMED.findall(template):
        if name not in PLACEHOLDERS:
            raise HarnessError(
                f'decision_url has an unknown placeholder "{{{name}}}"',
                where=place,
                hint=did_you_mean(name, PLACEHOLDERS),
                code="E27",
            )
    host = template.partition("://")[2].partition("/")[0]
    if "{" in host or not is_safe(_NAMED.sub("x", template)):
        raise HarnessError(
            f"decision_url is no https address: {template[:120]!r}",
            where=place,
            hint='such as "https://releases.example/decide?run={run_id}&digest={result_digest}"; '
            "the host stands as it is, without a user and without a placeholder",
            code="E27",
        )
    return template


def filled(template: str, values: Mapping[str, object]) -> str:
    """The address with every placeholder replaced by its value, escaped for its place in an address."""
    return _NAMED.sub(lambda found: quote(str(values[found[1]]), safe=""), template)
