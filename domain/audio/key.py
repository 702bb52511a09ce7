"""The key of a sound, its runner-up, and where it changes.

Which key it is was taught with clips of known key: how often each degree and each chord is heard, in the
bass and above it, at the beginning and at the end. All twelve tonics share the same numbers.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Key, KeyCandidate, Samples
from domain.audio.camelot import SCALES, TONICS, camelot, open_key
from domain.audio.chroma import Chroma, chroma, peaks
from domain.audio.network import load
from domain.audio.profiles import PROFILES, turned

VERSION = "5"
_LEAST_S = 2.0
_TUNED_GATE = 0.06  # noise .01-.04, drums .03; music .11-.99
_PEAKED_GATE = 0.1  # clicks .01; music .38-.61
_THIRD_GATE = 0.04  # one tone .00, an open fifth .01; a chord .2, music .09 and more
_ENDS_S, _CADENCE_S = 3.0, 1.0
_WINDOW_S, _STEP_S = 8.0, 2.0
_CHANGE = 6.0  # how many times as probable, in logarithms, a new key must be over its stretch

Doubles = NDArray[np.float64]


def key(samples: Samples, rate_hz: int) -> Key:
    """The key with its runner-up, or a reason why there is none.

    samples: one channel, rate_hz: 8_000 or more. Concert pitch is measured and taken off first.
    """
    sound = chroma(peaks(samples, rate_hz))
    heard = audible(sound)
    if heard.sum() * sound.hop_s < _LEAST_S:
        return Key(best=None, reason=f"less than {_LEAST_S:g} s of pitched sound")
    if sound.tuned < _TUNED_GATE or float(sound.peaked[heard].mean()) < _PEAKED_GATE:
        return Key(best=None, reason="no steady pitch: noise, clicks or drums")
    if float(np.sort(_shares(sound.frames[heard]).mean(axis=0))[-3]) < _THIRD_GATE:
        return Key(best=None, reason="less than three pitches: any of several keys has them")
    chances = _chances(sound)
    order = np.argsort(-chances)
    sure = load("key").calibrated(chances[order])
    best, rival = _candidate(int(order[0]), float(sure[0])), _candidate(int(order[1]), float(sure[1]))
    segments = _segments(sound)
    if segments:
        # The key of most of it, and no surer than that share; the longest other one is its rival.
        whole = segments[-1][1]
        lengths: dict[str, float] = {}
        for start, end, name in segments:
            lengths[name] = lengths.get(name, 0.0) + end - start
        (first, long), (second, short) = sorted(lengths.items(), key=lambda one: -one[1])[:2]
        best, rival = _named(first, long / whole), _named(second, min(short, whole - long) / whole)
    return Key(
        best=best,
        runner_up=rival,
        tuning_cents=round(sound.tuning_cents, 1),
        segments=segments,
    )


def audible(sound: Chroma) -> NDArray[np.bool_]:
    """Which frames have pitched sound."""
    loud = sound.frames.sum(axis=1)
    return np.asarray((loud > 0.02 * loud.max(initial=0.0)) & (loud > 0))


def features(sound: Chroma) -> Doubles:
    """What the choice between keys rests on, a row for each tonic, seen from it."""
    heard = audible(sound)
    frames, high, bass, middle = (
        part[heard] for part in (sound.frames, sound.high, sound.bass, sound.middle)
    )
    mean = _shares(frames).mean(axis=0)
    chords = _chords(high)
    ends, later = max(1, int(_ENDS_S / sound.hop_s)), max(1, int(_CADENCE_S / sound.hop_s))
    roots = chords[:, :12] + chords[:, 12:]
    falls = (np.roll(roots, -7, axis=1)[:-later] * roots[later:]).sum(axis=0) / max(1, len(roots) - later)
    parts = (
        12 * mean,
        12 * _shares(frames.mean(axis=0)),
        12 * _shares(_shares(high).mean(axis=0)),
        12 * _shares(_shares(bass).mean(axis=0) + 1e-6),
        12 * _shares(_shares(middle).mean(axis=0) + 1e-6),
        24 * chords[:, :12].mean(axis=0),
        24 * chords[:, 12:].mean(axis=0),
        12 * _shares(_shares(bass[:ends]).mean(axis=0) + 1e-6),
        12 * _shares(_shares(frames[-ends:]).mean(axis=0) + 1e-6),
        100 * falls,
        np.log(mean + 0.005),
    )
    seen = np.stack(parts)[:, _SEEN_FROM].transpose(1, 0, 2).reshape(12, -1)
    # How alike the published profiles are, whose music is not ours: that holds where our own styles end.
    level = np.stack(parts[:3])
    level -= level.mean(axis=1, keepdims=True)
    level /= np.maximum(1e-9, np.linalg.norm(level, axis=1, keepdims=True))
    alike = (level @ _TURNED.T).reshape(-1, 12)
    return np.concatenate([seen, alike.T], axis=1)


def _chances(sound: Chroma) -> Doubles:
    """The chance of each of 24 keys: C to B major, C to B minor."""
    return load("key").chances(features(sound)).T.ravel()


def _chords(frames: Doubles) -> Doubles:
    """How much each frame sounds like each of 24 triads: C to B major, C to B minor."""
    smooth = _shares(frames + np.roll(frames, 1, axis=0) + np.roll(frames, -1, axis=0))
    level = smooth - smooth.mean(axis=1, keepdims=True)
    level /= np.maximum(1e-9, np.linalg.norm(level, axis=1, keepdims=True))
    like = np.exp(8 * level @ _TRIADS.T)
    return np.asarray(like / like.sum(axis=1, keepdims=True))


def _triads() -> Doubles:
    rows = np.zeros((24, 12))
    for tonic in range(12):
        for mode, third in enumerate((4, 3)):
            rows[12 * mode + tonic, [tonic, (tonic + third) % 12, (tonic + 7) % 12]] = (1, 0.9, 0.9)
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


_TRIADS = _triads()
# Three published profiles, each as 24 rows: C to B major, C to B minor.
_TURNED = np.concatenate([turned(PROFILES[name]) for name in ("krumhansl", "temperley", "bgate")])
_SEEN_FROM = np.add.outer(np.arange(12), np.arange(12)) % 12  # a row for each tonic: the degrees above it


def _shares(rows: Doubles) -> Doubles:
    return np.asarray(rows / np.maximum(1e-9, rows.sum(axis=-1, keepdims=True)))


def _segments(sound: Chroma) -> tuple[tuple[float, float, str], ...]:
    """Stretches of one key, when there is more than one: start and end in seconds, and the key's name.

    A change must be worth it over its whole stretch, so a borrowed chord or two change nothing.
    """
    size, step = round(_WINDOW_S / sound.hop_s), round(_STEP_S / sound.hop_s)
    starts = [
        start
        for start in range(0, len(sound.frames) - size + 1, step)
        if audible(sound.between(start, start + size)).mean() > 0.5
    ]
    if len(starts) < 4:
        return ()
    told = np.log(np.stack([_chances(sound.between(start, start + size)) for start in starts]) + 1e-3)
    total, back = told[0], np.zeros(told.shape, int)
    for at in range(1, len(told)):
        change = total.max() - _CHANGE
        back[at] = np.where(total >= change, np.arange(24), int(total.argmax()))
        total = np.maximum(total, change) + told[at]
    way = [int(total.argmax())]
    for at in range(len(told) - 1, 0, -1):
        way.append(int(back[at, way[-1]]))
    runs = [(at, len(list(same))) for at, same in itertools.groupby(way[::-1])]
    if len(runs) < 2:
        return ()
    found, at, begin = [], 0, 0.0
    for number, (which, length) in enumerate(runs):
        at += length
        last = number == len(runs) - 1
        # A window belongs to its middle; the change lies between two middles.
        end = len(sound.frames) if last else (starts[at - 1] + starts[at] + size) / 2
        end_s = round(end * sound.hop_s, 2)
        found.append((begin, end_s, f"{TONICS[which % 12]} {SCALES[which // 12]}"))
        begin = end_s
    return tuple(found)


def _named(name: str, chance: float) -> KeyCandidate:
    tonic, scale = name.split()
    return _candidate(12 * SCALES.index(scale) + TONICS.index(tonic), chance)


def _candidate(at: int, chance: float) -> KeyCandidate:
    tonic, scale = TONICS[at % 12], SCALES[at // 12]
    return KeyCandidate(
        tonic=tonic,
        scale=scale,
        camelot=camelot(tonic, scale),
        open_key=open_key(tonic, scale),
        confidence=round(chance, 4),
    )
