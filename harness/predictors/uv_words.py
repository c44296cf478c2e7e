"""What uv said when it failed, shortened to what a person needs, and what to try."""

from __future__ import annotations

import re

LONGEST = 600

_PROGRESS = re.compile(
    r"(Using (CPython|PyPy|Python)|Resolved|Prepared|Audited|Updated|Installed|Uninstalled|Downloading|Creating|"
    r"Building|Built) "
)
_MARKS = re.compile(r"^(error|cause|Caused by|hint|warning):\s*|^[×╰├│─▶]+\s*")
_NOISE = (
    "No solution found when resolving dependencies",
    "Failed to determine installation plan",
    "The build backend returned an error",
    "Build failures usually indicate",
)
_OUTPUT = re.compile(r"\[(stdout|stderr)\]$")
_LOCAL = re.compile(r"`/[^`]*/requirements\.(?:in|lock|txt)`(?: at position \d+)?")


def shortened(said: str) -> str:
    """The sentences of an error of uv. Of what a build printed, the last line alone, which is the exception."""
    kept: list[str] = []
    printed: list[str] = []
    inside = False
    for line in said.splitlines():
        text = line.strip()
        inside = (inside and not line.startswith("hint:")) or bool(_OUTPUT.match(text))
        mark = _MARKS.match(text)
        # a caret below the text before says nothing without its place
        if not text or set(text) == {"^"} or _PROGRESS.match(text) or _OUTPUT.match(text):
            continue
        if inside:
            printed.append(text)
        elif mark or not kept:
            kept.append(text[mark.end() :] if mark else text)
        else:
            kept[-1] += " " + text
    sentences = [one.rstrip(" .:") for one in kept]
    sentences = [one for one in sentences if one and not one.startswith(_NOISE)]
    sentences += [f"It last printed: {printed[-1]}"] if printed else []
    whole = _LOCAL.sub("requirements", ". ".join(sentences))
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 1] + "…"


def what_to_try(said: str) -> str:
    """What helps against what uv said."""
    if "not found in the package registry" in said or "not found in the provided" in said:
        return "check the name, and the package index that pip is configured for (pip config list)"
    if "Couldn't parse requirement" in said:
        return 'mend requirements in the version\'s profile: "name==1.2", one in each text'
    if "Failed to build" in said:
        return "choose a version that has a wheel for this Python, or another python in the profile"
    if "current platform" in said or re.search(
        r"(compatible|platform|Python version|Python ABI|ABI) tag", said
    ):
        return "name a wheel or a version for this platform and Python, or another python in the profile"
    if "current Python version" in said:
        return "choose another python in the version's profile, or a version that takes this one"
    if "there is no version of" in said or "unsatisfiable" in said:
        return "loosen requirements in the version's profile, or choose another python there"
    return "check the lock file and the package index that pip is configured for (pip config list)"
