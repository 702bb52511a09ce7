"""The parts of a recording that models are given: at most 30 s each, 16 kHz, mono, 16-bit WAV.

Longer audio is cut by the models' front end without a word, so it never leaves here. Three places let them
disagree with themselves, which is worth more than what they say of how sure they are.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.audio.analysis import Samples

RATE_HZ = 16_000
LONGEST_S = 30.0
SHORTEST_S = 10.0
PLACES = (0.15, 0.5, 0.8)


@dataclass(frozen=True, kw_only=True)
class Window:
    """One part, as the bytes of a WAV file."""

    at_s: float
    duration_s: float
    wav: bytes

    @property
    def sha256(self) -> str:
        """Names the part by its bytes."""
        return hashlib.sha256(self.wav).hexdigest()


def cut(samples: "Samples", rate_hz: int = RATE_HZ) -> tuple[Window, ...]:
    """The windows of a recording around 15, 50 and 80 %.

    samples: one channel at 16 kHz, full scale ±1. From 30 s on there are three, of a third of the recording
    and at most 30 s; of less than that two, and of less than 20 s one.
    """
    if rate_hz != RATE_HZ:
        raise ValueError(f"samples are at {rate_hz} Hz; models take {RATE_HZ} Hz")
    if samples.ndim != 1:
        raise ValueError(f"samples have {samples.ndim} dimensions; models take one channel")
    whole_s = samples.size / RATE_HZ
    number = max(1, min(len(PLACES), int(whole_s // SHORTEST_S)))
    places = {1: PLACES[1:2], 2: (PLACES[0], PLACES[2]), 3: PLACES}[number]
    length = min(samples.size, int(min(LONGEST_S, whole_s / number) * RATE_HZ))
    made = []
    for place in places:
        first = min(max(0, int(samples.size * place) - length // 2), samples.size - length)
        part = samples[first : first + length]
        made.append(Window(at_s=first / RATE_HZ, duration_s=length / RATE_HZ, wav=wav_of(part)))
    return tuple(made)


def wav_of(samples: "Samples") -> bytes:
    """A WAV file of one channel at 16 kHz with 16-bit samples; what is beyond full scale is clipped."""
    # Cloud functions have the worker's jobs, and do without what only sound needs.
    import numpy as np

    whole = np.nan_to_num(np.clip(samples, -1.0, 1.0))
    data = (whole * 32767.0).round().astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16),
        *(b"data", len(data)),
    )
    return head + data
