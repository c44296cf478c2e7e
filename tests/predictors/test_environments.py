"""Environments and unpacked packages: made once, by whoever comes first, from the lock and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.errors import Exit, HarnessError
from harness.predictors import environments, outbox, packages
from harness.predictors.cache import cache_folder, made
from harness.predictors.environments import find_interpreter, from_pip, python_for
from harness.predictors.interpreters import in_words, listed, search_path
from harness.predictors.isolated import read_outcome
from harness.predictors.process import Process
from harness.predictors.sources.locking import lock
from harness.settings import Settings

from ..versions import made as made_here
from . import interpreters
from .conftest import batch_of


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MODEL_HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_empty_lock_makes_an_environment_of_nothing(own_cache):
    said = []
    python = python_for("", progress=said.append)
    assert said == ["making an environment of 0 packages (once for each lock file)"]
    shown = subprocess.run(
        [str(python), "-c", "import importlib.metadata as m; print([d.name for d in m.distributions()])"],
        capture_output=True, text=True, check=True, env={},
    )  # fmt: skip
    assert shown.stdout.strip() == "[]"
    assert python_for("", progress=said.append) == python
    assert len(said) == 1


def test_another_lock_is_another_environment(own_cache):
    assert python_for("") != python_for("# nothing either\n")


def test_two_processes_at_once_make_it_once(own_cache):
    code = "from harness.predictors.environments import python_for; print(python_for('', '', print))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    shown = [process.communicate()[0].splitlines() for process in both]
    assert len({lines[-1] for lines in shown}) == 1
    assert sorted(len(lines) for lines in shown) == [1, 1, 2]
    assert [item.name for item in (own_cache / "environments").iterdir() if item.is_dir()] == [
        Path(shown[0][-1]).parents[1].name
    ]


def test_a_half_made_environment_is_made_again(own_cache):
    python = python_for("")
    (python.parents[1] / environments.MARK).unlink()
    said = []
    assert python_for("", progress=said.append) == python
    assert said
    assert json.loads((python.parents[1] / environments.MARK).read_text())["packages"] == 0


def test_a_lock_that_names_the_impossible_is_e08_in_uvs_words(own_cache):
    lock = f"no-such-package-as-this @ file:///nowhere/x.whl --hash=sha256:{'0' * 64}\n"
    with pytest.raises(HarnessError, match="E08 the environment could not be made") as caught:
        python_for(lock)
    assert "nowhere" in caught.value.message
    assert caught.value.exit == Exit.INCONCLUSIVE
    assert "pip config list" in caught.value.hint
    assert not [item for item in (own_cache / "environments").iterdir() if item.is_dir()]


@pytest.mark.parametrize(
    "lock", ["numpy==\n", "numpy==1.26.4\n", "<<<<<<< HEAD\n"], ids=["syntax", "hash", "merge"]
)
def test_a_lock_that_is_broken_is_e08(own_cache, lock):
    with pytest.raises(HarnessError, match="E08 the environment could not be made"):
        python_for(lock)


SIX = "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n"


def test_another_file_than_the_lock_says_is_refused(own_cache):
    python_for(SIX)
    with pytest.raises(HarnessError, match=r"E08 .*[Hh]ash"):
        python_for(SIX.replace("8abb2f1d", "00000000"))


class TestOffline:
    @pytest.fixture
    def network(self, own_cache, monkeypatch):
        """`network()`: from now on no index can be reached."""

        def cut():
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, "http://127.0.0.1:9")
                monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
            monkeypatch.setenv("NO_PROXY", "")
            monkeypatch.setenv("no_proxy", "")
            monkeypatch.setenv("UV_HTTP_RETRIES", "0")

        return cut

    def test_what_was_installed_once_is_installed_again(self, network):
        folder = python_for(SIX).parents[1]
        shutil.rmtree(folder)
        network()
        python = python_for(SIX)
        shown = subprocess.run(
            [str(python), "-c", "import six; print(six.__version__)"], capture_output=True, check=True
        )
        assert shown.stdout == b"1.16.0\n"

    def test_what_was_built_once_is_built_again_after_a_change(self, network, tmp_path):
        project = tmp_path / "project"
        made_here.project(project, factor=2, needs='"six==1.16.0"')
        settings = Settings(path=tmp_path / "harness.toml", root=tmp_path, model="plain")
        before = made_here.resolve(settings, "project:project")
        network()
        made_here.project(project, factor=3, needs='"six==1.16.0"')
        after = made_here.resolve(settings, "project:project")
        assert after.digest != before.digest
        assert after.lock == before.lock
        assert made_here.answers(after) == [3.0, 9.0]

    def test_what_was_never_there_is_said_as_that(self, network):
        network()
        with pytest.raises(HarnessError, match=r"E08 .*Failed to fetch") as caught:
            lock(("uhashring==2.3",), "")
        assert "cannot be reached, and not everything is in uv's cache" in caught.value.hint


def test_science_comes_from_its_lock(science_lock):
    python = python_for(science_lock)
    code = "import numpy, pandas, sklearn; print(numpy.__version__, pandas.__version__, sklearn.__version__)"
    shown = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True, env={})
    for version in shown.stdout.split():
        assert f"=={version} " in science_lock


class TestInterpreters:
    def test_ours_is_the_default(self):
        assert find_interpreter("") == sys.executable

    def test_one_by_its_version(self):
        wanted = "{}.{}".format(*sys.version_info)
        shown = subprocess.run(
            [find_interpreter(wanted), "-c", "import sys; print(sys.version_info[:2])"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert shown.stdout.strip() == str(sys.version_info[:2])

    def test_one_by_its_path(self, own_cache):
        assert find_interpreter(sys.executable) == sys.executable
        python = python_for("", sys.executable)
        assert subprocess.run([str(python), "-c", ""], check=True).returncode == 0

    @pytest.mark.parametrize("wanted", ["3.99", "/nowhere/python", "not a version"])
    def test_one_that_is_not_there(self, wanted):
        with pytest.raises(HarnessError, match=f"E08 no Python {wanted} on this machine") as caught:
            find_interpreter(wanted)
        assert "never downloaded" in caught.value.hint

    def test_one_that_is_no_python(self, own_cache):
        with pytest.raises(HarnessError, match=r"E08 .*/false is no Python that runs"):
            python_for("", _path_of("false"))

    @pytest.mark.parametrize("content", [b"\x00\x01", b"#!/bin/sh\necho 3.11\n"], ids=["binary", "script"])
    def test_a_file_that_only_looks_like_one(self, own_cache, tmp_path, content):
        fake = tmp_path / "python"
        fake.write_bytes(content)
        fake.chmod(0o755)
        with pytest.raises(HarnessError, match=r"E08 .*/python is no Python that runs"):
            python_for("", str(fake))

    def test_a_folder_is_no_interpreter(self, tmp_path):
        with pytest.raises(HarnessError, match="E08 no Python"):
            find_interpreter(str(tmp_path))

    @pytest.mark.parametrize("wanted", ["3.7", "3.6.15", "2.7"])
    def test_one_that_is_too_old_says_so(self, wanted):
        with pytest.raises(HarnessError, match=f"E08 Python {wanted} is too old") as caught:
            find_interpreter(wanted)
        assert "recorded:" in caught.value.hint

    def test_what_is_here_is_named_where_one_is_missing(self):
        with pytest.raises(HarnessError) as caught:
            find_interpreter("3.99")
        for version, path in interpreters.found().items():
            whole = subprocess.run(
                [path, "-c", "import platform; print(platform.python_version())"],
                capture_output=True, text=True, check=True,
            ).stdout.strip()  # fmt: skip
            assert whole.startswith(version)
            assert f"{whole} (" in caught.value.hint

    @pytest.mark.parametrize("version", sorted(interpreters.found()))
    def test_a_worker_runs_under_each_that_a_profile_may_name(self, own_cache, tmp_path, version):
        python = python_for("", version)
        (tmp_path / "model.py").write_text(
            "import sys\n\ndef ask(rows):\n    return ['%d.%d' % sys.version_info[:2]] * len(rows)\n"
        )
        process = Process(python, 2**32)
        try:
            header = {"op": "open", "path": [str(tmp_path)], "entry": "model:ask", "pass_as": "records"}
            opened, _ = process.ask({**header, "keyword": "", "outputs": ""}, (), 60)
            with outbox.packed(batch_of([1.0, 2.0])) as parcel:
                reply, payload = process.ask({"op": "predict", **parcel.header}, parcel.chunks, 60)
        finally:
            process.stop()
        assert opened["python"].startswith(version + ".")
        outcome = read_outcome(reply, payload, 2, ValueError)  # type: ignore[arg-type]
        assert outcome.columns["prediction"].tolist() == [version, version]

    @pytest.fixture
    def pyenv(self, tmp_path, monkeypatch):
        """A machine whose only Pythons are behind shims of pyenv that refuse them, as they do for all but the chosen
        one; and one that is an environment of pyenv-virtualenv."""
        root = tmp_path / "pyenv"
        name = "python{}.{}".format(*sys.version_info)
        real = Path(sys.base_prefix, "bin", name)
        for folder in ("shims", "versions/3.0.1/bin", "versions/mine/bin"):
            (root / folder).mkdir(parents=True)
        (root / "versions" / "mine" / "pyvenv.cfg").touch()
        shim = root / "shims" / name
        shim.write_text(f"#!/bin/sh\necho 'pyenv: {name}: command not found' >&2\nexit 127\n")
        shim.chmod(0o755)
        for version in ("3.0.1", "mine"):
            for file in ("python", name):
                (root / "versions" / version / "bin" / file).symlink_to(real)
        monkeypatch.setenv("PYENV_ROOT", str(root))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
        monkeypatch.setenv("PATH", f"{root / 'shims'}:{tmp_path / 'bin'}")
        return root

    def test_one_behind_a_shim_of_pyenv_that_refuses_it(self, pyenv):
        wanted = "{}.{}".format(*sys.version_info)
        found = find_interpreter(wanted)
        assert os.path.realpath(found) == os.path.realpath(Path(sys.base_prefix, "bin", f"python{wanted}"))

    def test_each_is_listed_once_and_with_where_it_is_from(self, pyenv):
        (one,) = environments.installed()
        assert (one.title, one.origin) == (platform.python_version(), "pyenv")
        assert str(pyenv / "shims") not in one.path

    def test_the_search_path_has_pyenvs_versions_newest_first_and_no_shim(self, pyenv):
        for version in ("3.9.18", "3.10.2"):
            (pyenv / "versions" / version / "bin").mkdir(parents=True)
            (pyenv / "versions" / version / "bin" / "python").touch()
        folders = search_path(os.environ).split(":")
        assert folders[0] == str(pyenv.parent / "bin")
        assert [Path(folder).parent.name for folder in folders[1:]] == ["3.10.2", "3.9.18", "3.0.1"]


def test_who_installed_an_interpreter():
    def item(path: str, minor: int, implementation: str = "cpython") -> dict[str, Any]:
        parts = {"major": 3, "minor": minor, "patch": 1}
        return {"path": path, "version_parts": parts, "implementation": implementation}

    listing = [
        item("/usr/bin/python3.11", 11),
        item("/uv/cpython-3.13.1/bin/python3.13", 13),
        item("/opt/pypy/bin/pypy3.10", 10, "pypy"),
        item("/usr/bin/python3.6", 6),
        {**item("/nowhere", 12), "path": None},
    ]
    found = listed(json.dumps(listing), "/uv", {"PATH": "/usr/bin"})
    assert in_words(found) == "3.13.1 (uv), 3.11.1 (PATH), pypy 3.10.1 (PATH)"
    assert in_words([]) == "none that is 3.8 or newer"


def _path_of(command: str) -> str:
    return subprocess.run(["which", command], capture_output=True, text=True, check=True).stdout.strip()


class TestFromPip:
    @pytest.fixture
    def configured(self, monkeypatch):
        return lambda **settings: monkeypatch.setattr(
            environments, "_pip_settings", lambda: {k.replace("_", "-"): v for k, v in settings.items()}
        )

    def test_every_setting_has_its_word(self, configured):
        configured(
            index_url="https://packages.example/simple", extra_index_url="https://a.example\nhttps://b.example",
            find_links="/wheels /more", trusted_host="a.example b.example", no_index="true", cert="/certs.pem",
        )  # fmt: skip
        assert from_pip({}) == {
            "UV_SYSTEM_CERTS": "1",
            "UV_DEFAULT_INDEX": "https://packages.example/simple",
            "UV_INDEX": "https://a.example https://b.example",
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "UV_FIND_LINKS": "/wheels,/more",
            "UV_INSECURE_HOST": "a.example b.example",
            "UV_NO_INDEX": "1",
            "SSL_CERT_FILE": "/certs.pem",
        }

    def test_what_is_configured_for_uv_stands(self, configured):
        configured(index_url="https://packages.example/simple")
        assert "UV_DEFAULT_INDEX" not in from_pip({"UV_DEFAULT_INDEX": "https://mine.example"})
        assert "UV_SYSTEM_CERTS" not in from_pip({"UV_SYSTEM_CERTS": "0"})

    def test_nothing_configured(self, configured):
        configured(no_index="false")
        assert from_pip({}) == {"UV_SYSTEM_CERTS": "1"}

    def test_pip_itself_is_asked(self, tmp_path, monkeypatch):
        (tmp_path / "pip.conf").write_text(
            "[global]\nindex-url = https://global.example/simple\n"
            "extra-index-url =\n    https://a.example\n    https://b.example\n"
            "[install]\ntrusted-host = a.example\n[download]\nretries = 77\n"
        )
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example/simple")
        environments._pip_settings.cache_clear()
        try:
            found = environments._pip_settings()
        finally:
            environments._pip_settings.cache_clear()
        assert found["index-url"] == "https://environment.example/simple"
        assert found["trusted-host"] == "a.example"
        assert found.get("retries") != "77"

    def test_uv_is_given_it(self, monkeypatch, tmp_path):
        """The bridge ends in uv's own environment, and a surrounding one does not reach it."""
        seen = {}

        def run(command, env, **_):
            seen.update(env)
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(environments, "_pip_settings", lambda: {"index-url": "https://packages.example"})
        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
        monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
        environments.run_uv("venv", "x")
        assert seen["UV_DEFAULT_INDEX"] == "https://packages.example"
        assert seen["UV_PYTHON_DOWNLOADS"] == "never"
        assert "VIRTUAL_ENV" not in seen


class TestTheCache:
    def test_where_it_lies(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MODEL_HARNESS_CACHE", str(tmp_path / "named"))
        assert cache_folder() == tmp_path / "named"
        monkeypatch.delenv("MODEL_HARNESS_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "model-harness"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_folder() == Path.home() / ".cache" / "model-harness"

    def test_what_cannot_be_made_leaves_nothing(self, tmp_path):
        def make(beside):
            (beside / "half").touch()
            raise RuntimeError("interrupted")

        with pytest.raises(RuntimeError):
            made(tmp_path / "x" / "folder", Path.is_dir, make)
        assert [item.name for item in (tmp_path / "x").iterdir()] == ["folder.lock"]

    def test_where_it_cannot_be_written(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(HarnessError, match="the cache cannot be written") as caught:
            made(tmp_path / "file" / "folder", Path.is_dir, lambda beside: None)
        assert "MODEL_HARNESS_CACHE" in caught.value.hint


class TestPackages:
    def test_unpacked_once(self, own_cache, zoo, tmp_path):
        version = zoo.version(tmp_path)
        folder = packages.unpack(Path(version.location), version.sha256, version.manifest)
        before = (folder / "zoo_good" / "model.py").stat().st_ino
        assert packages.unpack(Path(version.location), version.sha256, version.manifest) == folder
        assert (folder / "zoo_good" / "model.py").stat().st_ino == before

    def test_what_was_changed_there_is_unpacked_again(self, own_cache, zoo, tmp_path):
        version = zoo.version(tmp_path)
        folder = packages.unpack(Path(version.location), version.sha256, version.manifest)
        (folder / "zoo_good" / "model.py").write_text(
            "def predict(records):\n    return [0] * len(records)\n"
        )
        packages.unpack(Path(version.location), version.sha256, version.manifest)
        assert (folder / "zoo_good" / "model.py").read_text() == zoo["good"].source

    def test_a_wheel_that_changed_or_went_since(self, own_cache, zoo, tmp_path):
        version = zoo.version(tmp_path)
        path = Path(version.location)
        path.write_bytes(path.read_bytes() + b"\0")
        with pytest.raises(HarnessError, match="E46 digest mismatch") as caught:
            packages.unpack(path, version.sha256, version.manifest)
        assert caught.value.exit == Exit.STORE
        path.unlink()
        with pytest.raises(HarnessError, match="E47 the wheel is gone"):
            packages.unpack(path, version.sha256, version.manifest)

    @pytest.mark.parametrize(
        "name", ["../outside.py", "/outside.py", "zoo_good/../../outside.py", "a\\..\\b.py"]
    )
    def test_a_name_that_leads_outside_is_refused(self, own_cache, zoo, tmp_path, name):
        path = zoo.wheel(tmp_path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(name), b"")
        self.refused(path, zoo)

    def test_a_link_is_refused(self, own_cache, zoo, tmp_path):
        path = zoo.wheel(tmp_path)
        link = zipfile.ZipInfo("zoo_good-1.0.0.dist-info/link")
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(link, "/etc/passwd")
        self.refused(path, zoo)

    def refused(self, path, zoo):
        content = path.read_bytes()
        manifest = zoo.version(path.parent / "other").manifest
        with pytest.raises(HarnessError, match="E54 refused") as caught:
            packages.unpack(path, hashlib.sha256(content).hexdigest(), manifest)
        assert caught.value.exit == Exit.REFUSED
        assert not [item for item in (cache_folder() / "packages").iterdir() if item.is_dir()]
        assert not (cache_folder() / "packages" / "outside.py").exists()
