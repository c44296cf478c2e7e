"""Versions that cannot be had: a code, an exit code, the resolver's own words shortened, and what to try."""

from __future__ import annotations

import subprocess

import pytest

from tests.zoo.builder import write_wheel

from .running import run_pytest

MODEL = {
    "plain/__init__.py": b"def predict(records):\n    return [2 * record['x'] + 1 for record in records]\n"
}
FOR_WINDOWS = "plain-1.0-cp311-cp311-win_amd64.whl"
FOR_OLDER = "plain-1.0-cp38-cp38-manylinux_2_17_x86_64.whl"
ANY = "plain-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("spec", "more", "code", "words", "next_words"),
    [
        ("git:v11", "", 4, 'E48 git knows no "v11"', 'next: did you mean "v1"?'),
        ("git:last-tag", "", 4, "E48 there is no tag before this commit", "next: git tag NAME COMMIT"),
        (
            f"wheel:{FOR_WINDOWS}", "", 10, "with the current platform. The wheel is compatible with Windows",
            "next: name a wheel or a version for this platform and Python",
        ),
        (
            f"wheel:{FOR_OLDER}", "", 10, "has no wheels with a matching Python version tag",
            "next: name a wheel or a version for this platform and Python",
        ),
        (
            f"wheel:{ANY}", 'requirements = ["six==1.16.0", "six<1.16"]', 10,
            "Because you require six==1.16.0 and six<1.16, we can conclude that your requirements are unsatisfiable",
            "next: loosen requirements",
        ),
        (f"wheel:{ANY}", 'requirements = ["six=1.0"]', 10, "Couldn't parse requirement in requirements", "next: mend"),
        ("pypi:six==99.0", "", 10, "Because there is no version of six==99.0", "next: loosen requirements"),
        (f"wheel:{ANY}", 'python = "2.7"', 10, "Python 2.7 is too old: a version runs under 3.8", "next: name a newer"),
    ],
)  # fmt: skip
def test_what_cannot_be_had(zoo, git, tmp_path, spec, more, code, words, next_words):
    made = zoo.project(tmp_path, "good", "rewritten")
    for name in (FOR_WINDOWS, FOR_OLDER, ANY):
        write_wheel(made / name, MODEL, "plain", "1.0")
    profile = f'[versions.wanted]\nspec = "{spec}"\nentry = "plain:predict"\npass_as = "records"\n{more}\n'
    with (made / "harness.toml").open("a") as file:
        file.write(profile)
    if spec.startswith("git:"):
        git(made)
        subprocess.run(["git", "tag", "v1"], cwd=made, check=True)
    done = run_pytest(made, "--compare-to=wanted", "-q")
    assert done.code == code, done.out
    assert (done.verdict["verdict"], done.verdict["exit"]) == ("INCONCLUSIVE", code)
    reason = done.verdict["reason"]
    assert reason.startswith("E48" if code == 4 else "E08"), reason
    assert words in reason
    for noise in ("Resolved", "error:", "cause:", "hint:", str(tmp_path), "Traceback"):
        assert noise not in reason
    assert done.lines[-1].startswith(next_words)
