"""Packages from npm, for the tests in which somebody else's client or server meets ours."""

import fcntl
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from api.settings import CHECKOUT

CLIENTS = {
    "graphql": "16.15.0",
    "graphql-http": "1.23.1",
    "graphql-sse": "2.6.1",
    "graphql-ws": "6.4.2",
    "oauth4webapi": "3.8.8",
    "oidc-provider": "9.13.3",
    "openid-client": "6.8.9",
    "ws": "8.23.0",
}
FRAMEWORK = {
    "osls": "4.3.1",
    "serverless-python-requirements": "6.1.2",
}


def node_modules() -> Path:
    """The folder of the clients' packages. Run scripts with `run_node`, so that they find them."""
    return _modules("node", tuple(CLIENTS.items()))


def framework_modules() -> Path:
    """The folder of the serverless framework's packages, which are large."""
    return _modules("serverless", tuple(FRAMEWORK.items()))


@cache
def _modules(name: str, packages: tuple[tuple[str, str], ...]) -> Path:
    """A folder of installed packages, made once for a checkout; skips, with the reason, where it can't be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("NODE ABSENT: node and npm are not on PATH, so outside clients were not tried")
    folder = CHECKOUT / ".catalograph" / name
    wanted = json.dumps({"private": True, "type": "module", "dependencies": dict(packages)}, indent=1)
    manifest = folder / "package.json"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes side by side install once
        _install(folder, manifest, wanted)
    return folder / "node_modules"


def _install(folder: Path, manifest: Path, wanted: str) -> None:
    if not (folder / "done").exists() or manifest.read_text() != wanted:
        manifest.write_text(wanted)
        (folder / "done").unlink(missing_ok=True)
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"NODE PACKAGES ABSENT: npm could not install them: {done.stderr[-300:]}")
        (folder / "done").touch()


def script(path: Path) -> Path:
    """A copy of a script beside the packages, where its imports find them."""
    folder = node_modules().parent
    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    return copy


def run_node(path: Path, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a script of the tests under node; gives what it printed and its exit status."""
    return subprocess.run(
        ["node", str(script(path)), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
