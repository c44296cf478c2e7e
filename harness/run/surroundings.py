"""Where answers are given: what beside a version decides them to the last bit.

The lock file belongs to the version. The patch level of its Python and what the processor can do do not, and linear
algebra takes another path on another kernel: the answers then differ by rounding.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

from harness.predictors import environments
from harness.versions.version import Version

CPUINFO = Path("/proc/cpuinfo")
_KERNELS = (
    "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16", "avx512_vnni",
    "amx_tile", "asimd", "asimdhp", "sve", "sve2",
)  # fmt: skip
"""Instruction sets by which numerical libraries choose their code."""


@cache
def processor() -> str:
    """What of the processor decides rounding: `x86_64 GenuineIntel avx avx2 fma`. Empty where it cannot be known."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    # the first core speaks for all; ARM calls them features and has no vendor's name
    said: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        said.setdefault(name.strip(), value.strip())
    flags = (said.get("flags") or said.get("Features", "")).split()
    if not flags:
        return ""
    vendor = said.get("vendor_id") or said.get("CPU implementer", "")
    return " ".join([platform.machine(), *vendor.split(), *(name for name in _KERNELS if name in flags)])


def surroundings(python: str, of_processor: str) -> dict[str, str]:
    """The surroundings of a version that runs under this Python (`3.11.9`) on this processor."""
    return {"python": python, "processor": of_processor}


def of_version(version: Version) -> dict[str, str]:
    """The surroundings that a worker of this version would have here. HarnessError E08 where its Python is missing."""
    return surroundings(environments.python_version(version.profile.python), processor())


def known(said: dict[str, str]) -> bool:
    """Whether they say everything: what is not known is like nothing else."""
    return bool(said.get("python") and said.get("processor"))
