"""The bootstrap: what it says to a machine that won't do, and when it leaves `.venv` alone."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api import bootstrap
from api.bootstrap import BootstrapFault, Venv, explain, refuse_old_python


def test_an_old_python_is_told_what_to_run() -> None:
    with pytest.raises(BootstrapFault) as told:
        refuse_old_python((3, 9, 2), "/usr/bin/python3", "api")
    assert str(told.value).startswith(
        "Catalograph needs Python 3.11 or newer; this is 3.9.2 (/usr/bin/python3). "
    )


def test_a_full_disk_and_a_foreign_folder_have_sentences(tmp_path: Path) -> None:
    assert "disk is full" in explain(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert "can't be written by this user" in explain(PermissionError(errno.EACCES, "denied", "x"), tmp_path)


def make(checkout: Path) -> Venv:
    """A checkout whose environment was just made for the tests."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        (checkout / name).write_text(f"{name}==1\n")
    venv = Venv(checkout)
    venv.python.parent.mkdir(parents=True)
    venv.python.symlink_to(sys.executable)
    keys = {kind: venv._key(kind, sys.version) for kind in ("runtime", "dev")}
    (venv.folder / "catalograph.json").write_text(json.dumps({**keys, "version": sys.version}))
    return venv


def test_an_environment_for_development_serves_both(tmp_path: Path) -> None:
    venv = make(tmp_path)
    assert venv.is_current("runtime", sys.version)
    assert venv.is_current("dev", None)


def test_a_changed_lock_or_python_makes_it_stale(tmp_path: Path) -> None:
    venv = make(tmp_path)
    (tmp_path / "requirements-dev.lock").write_text("other==2\n")
    assert venv.is_current("runtime", None)
    assert not venv.is_current("dev", None)
    assert not venv.is_current("runtime", "3.99")


def test_an_unfinished_environment_is_not_used(tmp_path: Path) -> None:
    venv = make(tmp_path)
    (venv.folder / "catalograph.unfinished").touch()
    assert not venv.is_current("runtime", None)


def test_pip_failures_are_explained(tmp_path: Path) -> None:
    venv = make(tmp_path)
    full = "import sys; print('ERROR: [Errno 28] No space left on device'); sys.exit(1)"
    missing = "import sys; print('ERROR: No matching distribution found for x'); sys.exit(1)"
    with pytest.raises(BootstrapFault, match="disk is full"):
        venv._watch([sys.executable, "-c", full], 1)
    with pytest.raises(BootstrapFault, match="no ready-made build for this machine"):
        venv._watch([sys.executable, "-c", missing], 1)


def test_without_a_lock_nothing_is_made(tmp_path: Path) -> None:
    bootstrap.enter("api", checkout=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bytecode_is_kept_with_the_environment_where_it_may_not_lie_beside_sources(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text("")
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environ.pop("PYTHONPYCACHEPREFIX", None)
    bootstrap.keep_bytecode(environ, tmp_path / ".venv")
    subprocess.run([sys.executable, "-c", "import told"], cwd=tmp_path, env=environ, check=True)
    assert len(list((tmp_path / ".venv" / "bytecode").rglob("told.*.pyc"))) == 1
    assert {path.name for path in tmp_path.iterdir()} == {".venv", "told.py"}
    # Who said where it lies, or nothing, is heard.
    for said in ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/elsewhere"}, {"LANG": "C"}):
        environ = dict(said)
        bootstrap.keep_bytecode(environ, tmp_path)
        assert environ == {name: text for name, text in said.items() if name != "PYTHONDONTWRITEBYTECODE"}


def test_without_ensurepip_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(BootstrapFault, match="apt install python3-venv"):
        Venv(tmp_path)._install_with_pip(tmp_path / "requirements.lock", 1)


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    code = "import sys; sys.modules['typer'] = None; import api.bootstrap, api.__main__; print('loaded')"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(bootstrap.CHECKOUT)},
        check=False,
    )
    assert done.stdout.strip() == "loaded", done.stderr
