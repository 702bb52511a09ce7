"""The key of a sound, its runner-up, and where it changes."""

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Key, KeyCandidate, Samples
from domain.audio.camelot import SCALES, TONICS, camelot, open_key
from domain.audio.chroma import Chroma, chroma
from domain.audio.profiles import PROFILES, likeness

VERSION = "1"
_LEAST_S = 2.0
_SURE = 12.0  # how fast a lead in correlation turns into certainty
_TUNED_GATE = 0.06  # noise .01-.04, drums .03; music .11-.99
_PEAKED_GATE = 0.1  # clicks .01; music .38-.61


def key(samples: Samples, rate_hz: int) -> Key:
    """The key with its runner-up, or a reason why there is none.

    samples: one channel, rate_hz: 8_000 or more. Concert pitch is measured and taken off first.
    """
    sound = chroma(samples, rate_hz)
    loud = sound.frames.sum(axis=1)
    audible = loud > 0.02 * loud.max(initial=0.0)
    if audible.sum() * sound.hop_s < _LEAST_S or loud.max(initial=0.0) <= 0:
        return Key(best=None, reason=f"less than {_LEAST_S:g} s of pitched sound")
    if sound.tuned < _TUNED_GATE or float(sound.peaked[audible].mean()) < _PEAKED_GATE:
        return Key(best=None, reason="no steady pitch: noise, clicks or drums")
    scores = _scores(sound, audible)
    order = np.argsort(-scores)
    chances = np.exp(_SURE * (scores - scores[order[0]]))
    chances /= chances.sum()
    return Key(
        best=_candidate(int(order[0]), float(chances[order[0]])),
        runner_up=_candidate(int(order[1]), float(chances[order[1]])),
        tuning_cents=round(sound.tuning_cents, 1),
    )


def _scores(sound: Chroma, which: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How well each of the 24 keys fits what sounds in these frames."""
    frames = sound.frames[which]
    mean = (frames / frames.sum(axis=1, keepdims=True)).mean(axis=0)
    return likeness(mean, PROFILES["temperley"])


def _candidate(at: int, chance: float) -> KeyCandidate:
    tonic, scale = TONICS[at % 12], SCALES[at // 12]
    return KeyCandidate(
        tonic=tonic,
        scale=scale,
        camelot=camelot(tonic, scale),
        open_key=open_key(tonic, scale),
        confidence=round(chance, 4),
    )
