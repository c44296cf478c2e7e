"""What uv prints when it fails, kept as it was printed, and what is left of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.predictors import uv_words

PLATFORM = """Using CPython 3.11.7 interpreter at: /somewhere/bin/python
Resolved 1 package in 7ms
error: Failed to determine installation plan
  cause: A path (m-1.0-cp311-cp311-win_amd64.whl) dependency is incompatible with the current platform

hint: The wheel is compatible with Windows (`win_amd64`), but you're on Linux (`manylinux_2_36_x86_64`)
"""
TAG = """Using CPython 3.11.7 interpreter at: /somewhere/bin/python
  × No solution found when resolving dependencies:
  ╰─▶ Because m==1.0 has no wheels with a matching Python version tag (e.g., `cp311`), we can conclude that your
      requirements are unsatisfiable.
"""
BUILD = """error: Failed to build `scipy==1.2.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stdout]
         INFO: lapack_opt_info:
         hint of the build itself

         [stderr]
         Traceback (most recent call last):
           File "/somewhere/setup.py", line 62, in compiler
             c = new_compiler(plat=plat)
                 ^^^^^^^^^^^^^^^^^^^^^^^
         TypeError: takes 3 positional arguments but 4 were given

hint: Build failures usually indicate a problem with the package or the build environment
"""
PARSE = """error: Couldn't parse requirement in `/tmp/harness-lock-2yozke3w/requirements.in` at position 116
  cause: no such comparison operator "=", must be one of ~= == !=
         six=1.0
            ^^^^
"""
UNSATISFIABLE = """error: No solution found when resolving dependencies
  cause: Because there is no version of six==99.0 and you require six==99.0, we can conclude that your requirements
are unsatisfiable.
"""


LEFT = {
    PLATFORM: """A path (m-1.0-cp311-cp311-win_amd64.whl) dependency is incompatible with the current platform. The
        wheel is compatible with Windows (`win_amd64`), but you're on Linux (`manylinux_2_36_x86_64`)""",
    TAG: """Because m==1.0 has no wheels with a matching Python version tag (e.g., `cp311`), we can conclude that your
        requirements are unsatisfiable""",
    BUILD: """Failed to build `scipy==1.2.0`. Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit
        status: 1). It last printed: TypeError: takes 3 positional arguments but 4 were given""",
    PARSE: """Couldn't parse requirement in requirements. no such comparison operator "=", must be one of ~= == !=
        six=1.0""",
    UNSATISFIABLE: """Because there is no version of six==99.0 and you require six==99.0, we can conclude that your
        requirements are unsatisfiable""",
}
ADVICE = {
    PLATFORM: "name a wheel or a version for this platform",
    TAG: "name a wheel or a version for this platform",
    BUILD: "choose a version that has a wheel",
    PARSE: "mend requirements",
    UNSATISFIABLE: "loosen requirements",
}


@pytest.mark.parametrize("said", LEFT, ids=["platform", "tag", "build", "parse", "unsatisfiable"])
def test_what_is_left_and_what_to_try(said):
    assert uv_words.shortened(said) == " ".join(LEFT[said].split())
    assert uv_words.what_to_try(said).startswith(ADVICE[said])


@given(st.text())
def test_whatever_it_says_is_one_line_of_bounded_length(said):
    short = uv_words.shortened(said)
    assert len(short) <= uv_words.LONGEST
    assert len(short.splitlines()) <= 1
    assert uv_words.what_to_try(said)
