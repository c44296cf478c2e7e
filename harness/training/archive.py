"""A wheel as bytes: stored, sorted, dated 1980, so that equal files give equal bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)


def archived(files: Mapping[str, bytes], info: str) -> bytes:
    """The wheel of these files, by path; those of the folder `info` (`….dist-info`) stand last, as the format advises,
    and its RECORD is written here."""
    record = "".join(f"{name},{_record(content)},{len(content)}\n" for name, content in sorted(files.items()))
    whole = {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}
    order = sorted(whole, key=lambda name: (name.startswith(f"{info}/"), name))
    return stored(whole, order)


def stored(files: Mapping[str, bytes], order: Iterable[str]) -> bytes:
    """A zip file of these files in this order, neither compressed nor dated."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as wheel:
        for name in order:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, files[name])
    return archive.getvalue()


def _record(content: bytes) -> str:
    code = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"sha256={code}"
