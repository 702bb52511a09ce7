"""The windows of a file, cut in a process of its own: a hostile file costs that process, and no worker.

`python -m domain.adapters.models.cutting FILE FOLDER` is that process; it writes the windows into the folder.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.adapters.audio.orphan import end_with_parent
from domain.audio.analysis import NotAnalysed
from domain.models.windows import RATE_HZ, Window, cut

MEMORY_BYTES = 3 << 30
CPU_S = 300
WALL_S = 900.0
# More than three windows of half a minute have.
LARGEST_FILE = 2 << 20
_ROOT = Path(__file__).resolve().parents[3]
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


async def windows_of(path: Path, wall_s: float = WALL_S) -> tuple[Window, ...] | NotAnalysed:
    """The windows that models are given of a file, or the finding why there are none."""
    with TemporaryDirectory(prefix="catalograph-windows-") as folder:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONPATH": str(_ROOT)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(path), folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(wall_s):
                out, _ = await process.communicate()
        except TimeoutError:
            return NotAnalysed(code="audio_too_complex", text=f"decoding it took more than {wall_s:.0f} s")
        finally:
            with suppress(
                ProcessLookupError, PermissionError
            ):  # the latter where all of it are gone, on macOS
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return await asyncio.to_thread(_taken, out, Path(folder))


def _taken(out: bytes, folder: Path) -> tuple[Window, ...] | NotAnalysed:
    try:
        told = json.loads(out)
        if "code" in told:
            return NotAnalysed(code=str(told["code"]), text=str(told["text"])[:500])
        return tuple(
            Window(at_s=float(at_s), duration_s=float(duration_s), wav=(folder / f"{place}.wav").read_bytes())
            for place, (at_s, duration_s) in enumerate(told["windows"])
        )
    except (ValueError, TypeError, KeyError, OSError):
        return NotAnalysed(code="audio_decoder_failed", text="the process that decodes gave no answer")


def main(path: Path, folder: Path) -> None:
    """Decode a file and write its windows; tells about them on standard output."""
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print would print among the answers
    for which, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(OSError, ValueError):
            resource.setrlimit(which, (most, most))
    print(json.dumps(_cut(path, folder)), file=answers, flush=True)


def _cut(path: Path, folder: Path) -> dict[str, object]:
    from domain.adapters.audio.decode import decode
    from domain.audio.mono import mono

    try:
        sound = decode(path, path.name)
        if isinstance(sound, NotAnalysed):
            return {"code": sound.code, "text": sound.text}
        made = cut(mono(sound, RATE_HZ))
    except MemoryError:
        return {"code": "audio_too_complex", "text": "decoding it takes more memory than one file may"}
    for place, window in enumerate(made):
        (folder / f"{place}.wav").write_bytes(window.wav)
    return {"windows": [(window.at_s, window.duration_s) for window in made]}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
