"""The process that analyses: one order a line on standard input, one answer a line on standard output.

`python -m domain.adapters.audio.child MEMORY_BYTES`, as `domain.adapters.audio.pool` starts it.
"""

import contextlib
import os
import resource
import sys
from pathlib import Path

import orjson

from domain.adapters.audio.analyse import analyse
from domain.adapters.audio.decode import try_opening
from domain.adapters.audio.orders import Settings
from domain.adapters.audio.orphan import end_with_parent
from domain.audio.analysis import Analysis, NotAnalysed
from domain.audio.refused import not_analysed
from domain.audio.written import as_json

_NEVER = resource.RLIM_INFINITY


def main(memory_bytes: int) -> None:
    """Answer orders until there are no more, or nobody who would hear the answer."""
    end_with_parent()
    # Libraries that print would print among the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    # Nothing here writes a file.
    _limit(resource.RLIMIT_FSIZE, 0)
    for line in sys.stdin.buffer:
        order = orjson.loads(line)
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime) + 1
        path = Path(os.fsdecode(order["path"].encode("latin-1")))
        _limit(resource.RLIMIT_CPU, spent + int(order["opening_s"]), for_good=False)
        try_opening(path)
        _limit(resource.RLIMIT_CPU, spent + int(order["cpu_s"]), for_good=False)
        found = _analysed(path, frozenset(order["parts"]), Settings(**order["settings"]))
        data = memoryview(as_json(found) + b"\n")
        while data:
            data = data[answers.write(data) :]


def _analysed(path: Path, parts: frozenset[str], settings: Settings) -> Analysis | NotAnalysed:
    """The analysis; what no file should be able to raise is a finding like others."""
    try:
        return analyse(path, parts, settings)
    except MemoryError:
        return not_analysed("audio_too_complex", "analysing it takes more memory than one file may")
    except Exception as error:
        return not_analysed(
            "audio_decoder_failed", f"analysing it failed: {type(error).__name__}: {error}"[:500]
        )


def _limit(which: int, most: int, *, for_good: bool = True) -> None:
    """Set a limit that this process can't raise, or one that it raises for the next file."""
    _, hard = resource.getrlimit(which)
    most = most if hard == _NEVER else min(most, hard)
    # Some systems know a limit and refuse to set it; the others still hold.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(which, (most, most if for_good else hard))


if __name__ == "__main__":
    main(int(sys.argv[1]))
