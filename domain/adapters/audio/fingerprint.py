"""The fingerprint of a file: chromaprint's where `fpcalc` is installed, else one of our own."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.audio import chroma_print, recognise
from domain.audio.analysis import Fingerprint
from domain.audio.mono import resampled

_PATIENCE_S = 60
_MOST_CHARACTERS = 1 << 20

Samples1d = NDArray[np.float32]


def fingerprint(path: Path | None, one: Samples1d, rate_hz: int) -> Fingerprint | None:
    """What recognises a sound again; None where nothing sounds.

    path: its file, for fpcalc; None where there is none. one: its one channel.
    """
    if path is not None and (made := by_fpcalc(path)):
        return made
    first = one[: (chroma_print.LONGEST_S + 1) * rate_hz]
    return own_fingerprint(resampled(first, rate_hz, chroma_print.RATE_HZ))


def own_fingerprint(samples: Samples1d) -> Fingerprint | None:
    """The fingerprint of our own, of 11025 Hz mono sound; None where nothing sounds."""
    bits = chroma_print.chroma_print(samples)
    if not bits.size:
        return None
    return Fingerprint(
        algorithm=chroma_print.ALGORITHM, version=chroma_print.VERSION, value=recognise.written(bits)
    )


def by_fpcalc(path: Path) -> Fingerprint | None:
    """Chromaprint's fingerprint, of the first two minutes; None where fpcalc is absent or gives none.

    fpcalc 1.5 ends with status 3 ("Error decoding audio frame (End of file)") on whole files too, after
    printing a good fingerprint: what it prints counts, not how it ends.
    """
    program = shutil.which("fpcalc")
    if program is None:
        return None
    length = str(chroma_print.LONGEST_S)
    try:
        done = subprocess.run(  # noqa: S603
            [program, "-json", "-ignore-errors", "-length", length, str(path.absolute())],
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        value = json.loads(done.stdout)["fingerprint"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None
    if not isinstance(value, str) or not value or len(value) > _MOST_CHARACTERS:
        return None
    made = Fingerprint(algorithm=recognise.CHROMAPRINT, version=_version(program), value=value)
    try:
        return made if recognise.numbers(made).size else None
    except recognise.FingerprintBroken:
        return None


@cache
def _version(program: str) -> str:
    try:
        said = subprocess.run(  # noqa: S603
            [program, "-version"], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = re.search(r"\d+(?:\.\d+)+", said)
    return found[0] if found else "unknown"
