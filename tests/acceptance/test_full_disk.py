"""A disk without room: what stood there stays byte for byte, the code is its own, and nothing passes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import files

from .running import Done, environment, run_harness, run_pytest

COMPARE = "--compare-to=baseline"


class Disk:
    """A small disk at a folder: tmpfs where this user may mount one, else a limit on the size of files."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder, self.bytes = folder, kilobytes * 1024
        folder.mkdir(parents=True, exist_ok=True)
        kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "harness-test", str(folder)]
        self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        if self.mounted:
            for name, content in kept.items():
                (folder / name).write_bytes(content)

    def fill(self, left: int) -> None:
        """Leave so many bytes of room."""
        if self.mounted:
            room = shutil.disk_usage(self.folder).free
            (self.folder / "filler").write_bytes(b"x" * max(0, room - left))

    def close(self) -> None:
        """Unmount it."""
        if self.mounted:
            subprocess.run(["umount", str(self.folder)], capture_output=True, check=True)


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Disk]:
    made = Disk(folder, kilobytes)
    try:
        yield made
    finally:
        made.close()


def limited(folder: Path, size: int, *arguments: str) -> Done:
    """The command in a shell where no file may grow beyond `size` (in blocks of 512 bytes; one at least, without which
    Python finds no temporary folder)."""
    command = f'ulimit -f {max(1, size // 512)}; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", *arguments],
        cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    path = folder / "reports" / "verdict.json"
    return Done(done.returncode, done.stdout, json.loads(path.read_text()) if path.exists() else None)


def state_of(folder: Path) -> dict[str, bytes]:
    """Every file below it, locks and fillers left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "filler")
    }


@pytest.fixture
def project(zoo, tmp_path):
    return zoo.project(tmp_path / "project", "good", "rewritten", xs=range(2000))


@pytest.mark.parametrize("left", [0, 4096, 20_000, 60_000])
@pytest.mark.parametrize("face", ["pytest", "command"])
def test_a_comparison_without_room_never_passes(project, face, left):
    with disk(project / "reports", 4096) as small:
        small.fill(left)
        if small.mounted:
            done = (
                run_pytest(project, COMPARE)
                if face == "pytest"
                else run_harness(project, "compare", "--to=baseline")
            )
        else:
            arguments = ("pytest", "-p", "no:cacheprovider", COMPARE)
            done = limited(
                project,
                left,
                *(arguments if face == "pytest" else ("harness.cli", "compare", "--to=baseline")),
            )
        assert done.code in (4, 10), done.out
        assert "E53 " in done.out
        assert "Traceback" not in done.out
        assert "MAY BE RELEASED" not in done.out
        assert done.verdict is None or done.verdict["verdict"] != "PASS"
        after = run_harness(project, "verify")
        assert after.code == 10, after.out


def test_e44_a_release_without_room_leaves_the_store_as_it_was(zoo, project, git):
    store = project / "baselines"
    with disk(store, 256) as small:
        path = project / "harness.toml"
        text = path.read_text()
        old = next((project / "baseline").glob("*.whl"))
        start = text.index("wheel:candidate/")
        first = text[:start] + f"wheel:baseline/{old.name}" + text[text.index('"', start) :]
        path.write_text(first)
        git(project)
        ignored = project / ".gitignore"
        # what fills the disk lies in the repository's folder, and is no change of its tree
        ignored.write_text(ignored.read_text() + "filler\n")
        git(project)
        made = run_harness(project, "release", "--first", "--reason", "first")
        assert made.code == 0, made.out
        path.write_text(text)
        git(project)
        done = run_pytest(project, "--compare-to=previous")
        assert done.code == 0, done.out
        before = state_of(store)
        for left in (0, 1024):
            small.fill(left)
            released = (
                run_harness(project, "release", "--reason", "second")
                if small.mounted
                else limited(project, left, "harness.cli", "release", "--reason", "second")
            )
            # under the limit on files git cannot write its scratch index either, and says so first
            assert released.code == 11 or not small.mounted, released.out
            assert released.code in (10, 11), released.out
            assert "E44 no space writing baseline" in released.out or released.code == 10
            assert state_of(store) == before
            if small.mounted:
                (store / "filler").unlink()
        assert run_harness(project, "release", "--reason", "second").code == 0


def test_what_was_written_before_is_not_torn(tmp_path):
    """The one way in which everything is written, on a disk that is nearly full."""
    with disk(tmp_path / "small", 64) as small:
        path = small.folder / "report.json"
        files.write_atomic(path, b"old" * 1000)
        if small.mounted:
            small.fill(8192)
            with pytest.raises(OSError, match="No space left"):
                files.write_atomic(path, b"new" * 20_000)
            assert path.read_bytes() == b"old" * 1000
            assert {one.name for one in small.folder.iterdir()} == {"report.json", "filler"}
