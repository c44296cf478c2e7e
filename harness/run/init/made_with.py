"""What a model file says of the libraries that it was made with: searched for, and never opened."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

LARGEST = 200 * 2**20
"""Bytes of what is packed in a file that are looked at."""

_PICKLED = re.compile(
    # a text in a pickle: its length in one byte (protocol 4 and on) or in four (before)
    rb"_sklearn_version(?:\x94|q.|r.{4})?(?:\x8c.|X.{4})(\d+\.\d+[\w.+]*?)(?=[\x94qru]|$)",
    re.DOTALL,
)
_SKOPS = re.compile(rb'"_skops_version":\s*"(\d+\.\d+[\w.]*)"')
_IN_SKOPS = re.compile(rb'"_sklearn_version":\s*\{[^{}]*?"content":\s*"\\"(\d+\.\d+[\w.+]*)\\""', re.DOTALL)


def sklearn_of_pickle(content: bytes) -> str:
    """The version of scikit-learn in a pickle, or in one that joblib compressed; nothing where none is said."""
    if content[:1] == b"\x78":
        try:
            content = zlib.decompressobj().decompress(content, LARGEST)
        except zlib.error:
            return ""
    found = _PICKLED.search(content)
    return found[1].decode() if found else ""


def of_skops(content: bytes) -> tuple[str, str]:
    """The versions of scikit-learn and of skops in a file of skops, which is a zip with a description in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open("schema.json") as file:
            described = file.read(LARGEST)
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return "", ""
    sklearn, skops = _IN_SKOPS.search(described), _SKOPS.search(described)
    return (sklearn[1].decode() if sklearn else ""), (skops[1].decode() if skops else "")
