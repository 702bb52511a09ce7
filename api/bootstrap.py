"""Makes `.venv` from the hashed lock on the first run and re-enters it. Standard library only.

This file and whatever is imported before it must load on old Pythons (3.6) too, so that they can be told
so: newer annotations stand in quotes.
"""

import collections.abc
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
SKIP = "CATALOGRAPH_BOOTSTRAP"
BEGAN = "CATALOGRAPH_BEGAN"

_LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
_FAULT = 3


class BootstrapFault(Exception):
    """The environment can't be made; the text says why and what to do."""


def enter(module: str, needs: str = "runtime", checkout: Path = CHECKOUT) -> None:
    """Return when this process runs inside an up-to-date `.venv`; else make it and start over inside.

    module: what to run again, as in `python -m module`.
    needs: "runtime" or "dev"; a `.venv` made for dev serves both.

    Nothing happens where no lock lies beside the code (an installed package), or when CATALOGRAPH_BOOTSTRAP
    is "skip" (an image that brings its own environment).
    """
    os.environ.setdefault(BEGAN, str(time.time()))
    try:
        refuse_old_python(sys.version_info[:3], sys.executable, module)
        if os.environ.get(SKIP) == "skip" or not (checkout / _LOCKS[needs]).is_file():
            return
        venv = Venv(checkout)
        inside = Path(sys.prefix) == venv.folder
        if not venv.is_current(needs, sys.version if inside else None):
            venv.make(needs)
        elif inside:
            return
        keep_bytecode(os.environ, venv.folder)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(str(venv.python), [str(venv.python), "-m", module, *sys.argv[1:]])  # noqa: S606
    except BootstrapFault as fault:
        say(str(fault))
    except KeyboardInterrupt:
        say("Stopped. The next run begins the environment anew.")
    except OSError as error:
        say(explain(error, checkout))
    sys.exit(_FAULT)


def keep_bytecode(environ: "collections.abc.MutableMapping[str, str]", folder: Path) -> None:
    """Have processes keep bytecode in the environment's folder where none may lie beside the sources.

    Under PYTHONDONTWRITEBYTECODE each start would compile two thousand files anew, which takes longer than
    all else that it does.
    """
    if environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        environ.setdefault("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))


def refuse_old_python(version: "tuple[int, ...]", executable: str, module: str) -> None:
    """Raise BootstrapFault when this Python is too old, naming a newer one when PATH has it."""
    if version >= OLDEST:
        if os.name == "nt":
            raise BootstrapFault(
                "Catalograph runs on Linux (glibc) and macOS. On Windows, run it inside WSL."
            )
        return
    newer = [name for name in ("python3.14", "python3.13", "python3.12", "python3.11") if _runs(name)]
    remedy = f"Run: {newer[0]} -m {module}" if newer else "Install a newer one and run that."
    raise BootstrapFault(
        f"Catalograph needs Python {OLDEST[0]}.{OLDEST[1]} or newer; "
        f"this is {'.'.join(map(str, version))} ({executable}). {remedy}"
    )


class Venv:
    """The `.venv` of a checkout, and the stamp that says what it was made from."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.folder = checkout / ".venv"
        self.python = self.folder / "bin" / "python"
        self._stamp = self.folder / "catalograph.json"
        self._unfinished = self.folder / "catalograph.unfinished"

    def is_current(self, needs: str, version: "str | None") -> bool:
        """Whether the stamp matches the lock and, where known, the version of the interpreter inside."""
        stamp = self._read_stamp()
        made_by = version or stamp.get("version", "")
        return bool(
            stamp.get(needs) == self._key(needs, made_by)
            and not self._unfinished.exists()
            and os.access(str(self.python), os.X_OK)
        )

    def make(self, needs: str) -> None:
        """Create or complete the environment, one process at a time."""
        began = time.monotonic()
        with self._alone():
            # Whoever held the lock before us may have done the work.
            if self.is_current(needs, None) and self._version() == self._read_stamp().get("version"):
                return
            lock = self.checkout / _LOCKS[needs]
            count = lock.read_text().count("==")
            uv = shutil.which("uv")
            how = "uv" if uv else "pip, about a minute"
            say(f"Making .venv with {count} packages from {lock.name} ({how}) ...")
            if self._unfinished.exists() or self._version() != sys.version:
                shutil.rmtree(self.folder, ignore_errors=True)
            done = bool(uv) and self._install_with_uv(str(uv), lock)
            if not done:
                self._install_with_pip(lock, count)
            version = self._version()
            kinds = ("runtime", "dev") if needs == "dev" else ("runtime",)
            stamp = {kind: self._key(kind, version) for kind in kinds}
            self._write(self._stamp, json.dumps({**stamp, "version": version}))
            self._unfinished.unlink()
        say(f"  venv        {time.monotonic() - began:6.2f} s")

    def _install_with_uv(self, uv: str, lock: Path) -> bool:
        """Whether uv could do it; it doesn't see pip's settings, so pip gets a chance after it."""
        create = [uv, "venv", "--quiet", "--allow-existing", "--python", _base_python(), str(self.folder)]
        install = [uv, "pip", "install", "--quiet", "--python", str(self.python), "--require-hashes"]
        for command in (create, [*install, "--no-build", "-r", str(lock)]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode != 0:
                _refuse_full_disk(done.stderr, self.folder)
                say(f"uv failed, so pip takes over. It said: {_last(done.stderr)}")
                return False
            # After the first command there is a folder to mark, before the second nothing to lose.
            self._write(self._unfinished, "")
        return True

    def _install_with_pip(self, lock: Path, count: int) -> None:
        if not (self.folder / "bin" / "pip").exists():
            if importlib.util.find_spec("ensurepip") is None:
                raise BootstrapFault(
                    "This Python can't make virtual environments (the module ensurepip is missing). "
                    "On Debian and Ubuntu: apt install python3-venv. Or put uv on PATH. Then try again."
                )
            create = [_base_python(), "-m", "venv", str(self.folder)]
            done = subprocess.run(create, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode != 0:
                said = done.stdout + done.stderr
                _refuse_full_disk(said, self.folder)
                raise BootstrapFault(
                    f"python3 -m venv could not make {self.folder}. It said:\n{said.strip()}"
                )
        self._write(self._unfinished, "")
        command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        command += ["--no-compile", "--progress-bar", "off", "--require-hashes", "--only-binary", ":all:"]
        self._watch([*command, "-r", str(lock)], count)

    def _watch(self, command: "list[str]", count: int) -> None:
        """Run pip, count the packages it has come to, and explain its failure."""
        env = {**os.environ, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
        said: list[str] = []
        seen = 0
        with subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=env
        ) as pip:
            for line in pip.stdout or ():
                said.append(line)
                if line.startswith("Collecting "):
                    seen += 1
                if sys.stderr.isatty():
                    stage = "installing" if line.startswith("Installing") else f"{seen}/{count}"
                    sys.stderr.write(f"\r  {stage:<24}\r")
                    sys.stderr.flush()
        text = "".join(said)
        if pip.returncode == 0:
            return
        _refuse_full_disk(text, self.folder)
        if "No matching distribution" in text or "Could not find a version" in text:
            machine = f"{os.uname().sysname} {os.uname().machine}, Python {sys.version.split()[0]}"
            raise BootstrapFault(
                f"A package has no ready-made build for this machine ({machine}), or the package index can't "
                "be reached. Catalograph runs on glibc Linux (x86_64, arm64) and Apple silicon. "
                f"pip said: {_last(text)}"
            )
        raise BootstrapFault(f"pip could not install {command[-1]}. It said: {_last(text)}")

    @contextlib.contextmanager
    def _alone(self) -> "collections.abc.Iterator[None]":
        import fcntl

        with (self.checkout / ".venv.lock").open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("Another process is making .venv; waiting for it ...")
                fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _key(self, kind: str, version: str) -> str:
        return hashlib.sha256((self.checkout / _LOCKS[kind]).read_bytes() + version.encode()).hexdigest()

    def _version(self) -> str:
        """`sys.version` of the interpreter inside, or '' when there is none that runs."""
        try:
            command = [str(self.python), "-c", "import sys; print(sys.version)"]
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        except OSError:
            return ""

    def _read_stamp(self) -> "dict[str, str]":
        try:
            stamp = json.loads(self._stamp.read_text())
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    @staticmethod
    def _write(path: Path, text: str) -> None:
        beside = path.with_name(path.name + ".tmp")
        beside.write_text(text)
        beside.replace(path)


def explain(error: OSError, checkout: Path) -> str:
    """One sentence for a failing file system."""
    if error.errno == errno.ENOSPC:
        return f"The disk is full: .venv needs about 600 MB under {checkout}. Free some space and try again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or checkout} can't be written by this user. Use a checkout of your own."
    return f"The environment could not be made: {error}"


def say(text: str) -> None:
    """A line for the person at the terminal; standard output is kept for results."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _refuse_full_disk(said: str, folder: Path) -> None:
    if "No space left" in said or "os error 28" in said:
        raise BootstrapFault(explain(OSError(errno.ENOSPC, ""), folder.parent))


def _base_python() -> str:
    """The interpreter outside any virtual environment, so that `.venv` never hangs on another one."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["nothing"])[-1]


def _runs(name: str) -> bool:
    found = shutil.which(name)
    if found is None:
        return False
    silent = subprocess.DEVNULL
    return subprocess.call([found, "-c", ""], stdout=silent, stderr=silent) == 0  # noqa: S603
