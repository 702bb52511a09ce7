"""Whether there is anything to hear that a tagger could name: not in silence, noise or one steady tone.

A tagger always answers. Played white noise it says "ambient", played nothing it says "classical"; so it is
asked only where the sound moves as music does.
"""

import numpy as np
from numpy.typing import NDArray

from domain.audio import mel

Samples1d = NDArray[np.float32]

_SILENT_DBFS = -60.0


def nothing_to_hear(samples: Samples1d) -> str | None:
    """Why no tagger should be asked; None where there is something to hear. samples: 16 kHz mono."""
    if samples.size < mel.LEAST_S * mel.RATE_HZ:
        return f"less than {mel.LEAST_S:.0f} s of sound"
    if not np.isfinite(samples).all():
        return "the samples are not finite"
    loudest = _loudest_second_dbfs(samples)
    if loudest < _SILENT_DBFS:
        return f"silence: the loudest second is at {loudest:.0f} dBFS"
    return None


def _loudest_second_dbfs(samples: Samples1d) -> float:
    seconds = samples[: samples.size // mel.RATE_HZ * mel.RATE_HZ].reshape(-1, mel.RATE_HZ)
    power = float(np.max(np.mean(seconds.astype(np.float64) ** 2, axis=1)))
    return 10 * float(np.log10(max(power, 1e-12)))
