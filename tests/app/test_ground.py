"""The ground: locks, the bootstrap's pip, and the wall of `make check-offline`."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-desktop.lock")


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """tools/bootstrap.py as a module, on a machine where nothing tells pip anything."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash=", ""), re.MULTILINE)
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) > 3
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==\S+", block)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block)


def test_pip_comes_from_the_configured_index_if_it_is_the_pinned_one(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "index" / "pip"
    page.mkdir(parents=True)
    (page / bootstrap.PIP_WHEEL).write_bytes(b"a wheel")
    (page / "index.html").write_text(f'<a href="pip-1.0.tar.gz">old</a><a href="{bootstrap.PIP_WHEEL}#sha256=0">new</a>')
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    monkeypatch.setattr(bootstrap, "PIP_SHA256", hashlib.sha256(b"a wheel").hexdigest())
    target = tmp_path / "target"
    target.mkdir()
    assert bootstrap.fetch_pip(target).read_bytes() == b"a wheel"

    (page / bootstrap.PIP_WHEEL).write_bytes(b"another wheel")
    assert bootstrap.fetch_pip(target) is None

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(page))
    monkeypatch.setattr(bootstrap, "PIP_SHA256", hashlib.sha256(b"another wheel").hexdigest())
    assert bootstrap.fetch_pip(target).read_bytes() == b"another wheel"


def test_pip_settings_are_read_from_files_and_variables_win(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / ".config" / "pip"
    config.mkdir(parents=True)
    (config / "pip.conf").write_text("[global]\nindex-url = file:///a\nextra-index-url = file:///b\n  file:///c\n")
    assert bootstrap.configured()[1] == ["file:///a", "file:///b", "file:///c"]
    monkeypatch.setenv("PIP_INDEX_URL", "file:///d")
    assert bootstrap.configured()[1] == ["file:///d", "file:///b", "file:///c"]


def test_an_old_python_says_what_is_needed(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.version_info = (3, 9, 1); sys.argv = ['x']; import runpy; runpy.run_path({str(ROOT / 'tools/bootstrap.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False)
    assert done.returncode == 2
    assert done.stderr == "Python 3.11 to 3.14 is needed, python3 here is 3.9. Run: make PYTHON=/path/to/python3.11\n"


def test_refusing_sockets_let_only_this_machine_through() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    program = (
        "import socket, sys\n"
        "socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close()\n"
        "try:\n    socket.socket().connect(('192.0.2.1', 80))\n"
        "except OSError as error:\n    print(error)\n"
        "try:\n    socket.getaddrinfo('example.invalid', 80)\n"
        "except OSError as error:\n    print(error)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tools" / "offline")}
    with server:
        done = subprocess.run([sys.executable, "-c", program, str(server.getsockname()[1])], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.splitlines() == [
        "no network in this check: connect to ('192.0.2.1', 80) refused",
        "no network in this check: name 'example.invalid' refused",
    ]
