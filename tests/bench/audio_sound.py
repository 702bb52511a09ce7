"""A sound made of formulas, and what the figures of tempo and key that networks choose by are of it.

A network fits the code as long as these are what they were when it was taught: `learned/*.json` keeps them
under `fits`, and a test compares.
"""

import numpy as np

from domain.audio import chroma, key, onsets, tempo
from domain.audio.analysis import Samples

RATE_HZ = 22_050
_BPM, _SECONDS = 104.0, 12
_CHORDS = ((57, 60, 64), (53, 57, 60), (48, 55, 64), (55, 59, 62))


def sound() -> Samples:
    """Four chords a bar each over a kick, a snare and hats, 12 s of it."""
    dice = np.random.default_rng(4)
    made = np.zeros(RATE_HZ * (_SECONDS + 2))
    beat = 60 / _BPM
    for at in range(int(_SECONDS / beat * 2)):
        begin = round(at * beat / 2 * RATE_HZ)
        time = np.arange(RATE_HZ) / RATE_HZ
        hit = 0.1 * np.exp(-time * 60) * dice.standard_normal(time.size)
        if at % 4 == 0:
            hit += 0.6 * np.exp(-time * 18) * np.sin(2 * np.pi * 55 * time)
        if at % 4 == 2:
            hit += 0.4 * np.exp(-time * 25) * dice.standard_normal(time.size)
        if at % 2 == 0:
            chord = _CHORDS[at // 8 % len(_CHORDS)]
            for pitch in (*chord, chord[0] - 12):
                hit += 0.12 * np.exp(-time * 4) * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
        made[begin : begin + time.size] += hit
    return np.asarray(made[: RATE_HZ * _SECONDS] / 2, np.float32)


def fitting() -> dict[str, dict[str, list[float]]]:
    """By network the figures of that sound: their mean and their greatest over all that is chosen between."""
    one = sound()
    begun = onsets.onsets(one, RATE_HZ)
    whole = tempo.beat(begun)
    given = {
        "tempo": tempo.features(begun, whole, tempo.allowed(whole)),
        "key": key.features(chroma.chroma(chroma.peaks(one, RATE_HZ))),
    }
    return {
        name: {
            "mean": [float(f"{one:.4g}") for one in rows.mean(axis=0)],
            "most": [float(f"{one:.4g}") for one in rows.max(axis=0)],
        }
        for name, rows in given.items()
    }
