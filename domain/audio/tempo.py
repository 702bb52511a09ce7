"""The tempo of a sound, its rivals, and where it changes.

Notes that begin (`onsets`) are compared with themselves some time later; a tempo is good when the sound
repeats after one, two, three and four of its beats. Which of half, true and double a listener would tap
is a matter of custom, so rivals are always told.
"""

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Samples, Tempo, TempoCandidate, TempoSegment
from domain.audio.network import load
from domain.audio.onsets import Floats, Onsets, onsets

VERSION = "5"
SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
SAME = 0.04  # tempos closer than this are one tempo
_CANDIDATES, _ALLOWED = 5, 10
_LEAST_BPM, _MOST_BPM = 44.0, 225.0
_LEAN = 1.0  # a pace of 1 makes the double of a tempo twice as probable, one of -1 half
_TIMES = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3, 4, 6, 8])
_BAND_TIMES = np.array([1 / 4, 1 / 3, 1 / 2, 1, 3 / 2, 2, 3, 4, 8])
_CENTERS = np.geomspace(45, 220, 10)
_SHORTEST_S = 3.0
_SURE_S = 8.0  # in less sound, confidence is cut in proportion
# Below this nothing repeats: over 20 s noise has .11-.14, a drone .01, rubato .17, music .2-.95. Short noise
# is like itself by chance, so the gate rises where there are few frames.
_PULSE_GATE, _PULSE_FRAMES = 0.155, 6.5
_PULSE_SURE = 0.18  # below it confidence is halved: as little repeats in free time as in some music
_GROWTH_GATE = 0.013  # below this nothing begins: drones and hum have up to .012, music .055 and more
_LONGEST_LAG_S = 12.0
_FAINTEST = 0.003  # a band that grows less does not begin notes; music has .02-.4
_WINDOW_S, _STEP_S = 10.0, 2.5
_BAND_WEIGHTS = np.array([1.2, 1.0, 0.8, 0.8, 1.0])
_BEATS = ((1.0, 1.0), (2.0, 0.8), (3.0, 0.5), (4.0, 0.7), (0.5, 0.35))
_USUAL_BPM, _OCTAVES = 118.0, 0.55
_RELATIONS = (
    ("1", 1.0), ("2", 2.0), ("1/2", 0.5), ("3", 3.0), ("1/3", 1 / 3), ("3/2", 1.5), ("2/3", 2 / 3),
    ("4/3", 4 / 3), ("3/4", 0.75), ("4", 4.0), ("1/4", 0.25),
)  # fmt: skip
_GRID = np.geomspace(SLOWEST_BPM, FASTEST_BPM, 360)
_COARSE = np.geomspace(SLOWEST_BPM, FASTEST_BPM, 91)  # steps of 2 %

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Beat:
    """How much the sound repeats after every lag, by band (1 at lag 0), and how strong the pulse is."""

    likeness: Doubles  # (bands, lags)
    rate_hz: float
    pulse: float

    def after(self, seconds: Doubles) -> Doubles:
        """The likeness after so many seconds, by band; 0 beyond what was measured."""
        return self._read(self.likeness, seconds)

    def summed(self, seconds: Doubles) -> Doubles:
        """The same of all bands together, each by its weight."""
        return self._read(self._sum, seconds)

    @cached_property
    def _sum(self) -> Doubles:
        # Summed before it is read, not after: a fifth of the reading.
        return np.asarray(_BAND_WEIGHTS @ self.likeness)

    def _read(self, rows: Doubles, seconds: Doubles) -> Doubles:
        """Between two lags, in proportion."""
        places = seconds * self.rate_hz
        last = rows.shape[-1] - 1
        low = np.minimum(places.astype(np.int64), last - 1)
        share = places - low
        near = rows.take(low, axis=-1)
        return np.asarray((near + (rows.take(low + 1, axis=-1) - near) * share) * (places <= last))


def tempo(samples: Samples, rate_hz: int, pace: float = 0.0, threshold: float = 0.7) -> Tempo:
    """Beats a minute, with rivals, how steady, and segments where it changes.

    samples: one channel. pace: -1 slow to +1 fast, as taggers hear it; it leans the choice between half and
    double. threshold: below this confidence the tempo stays a candidate and `bpm` is None.
    """
    begun = onsets(samples, rate_hz)
    if begun.active_s < _SHORTEST_S:
        return Tempo(
            bpm=None, confidence=None, reason=f"{begun.active_s:.1f} s of sound; {_SHORTEST_S:g} are needed"
        )
    if float(_growth(begun).max()) < _GROWTH_GATE:
        return Tempo(bpm=None, confidence=None, reason="no beat: hardly any note begins")
    whole = beat(begun)
    if whole.pulse < max(_PULSE_GATE, _PULSE_FRAMES / math.sqrt(begun.active.sum())):
        return Tempo(bpm=None, confidence=None, reason="no beat: nothing repeats at a steady pace")
    candidates = rank(begun, whole, pace)
    if not candidates:
        return Tempo(bpm=None, confidence=None, reason="no beat between 44 and 225 a minute")
    path = _path(begun)
    segments = _segments(begun, path, pace)
    steady = 1.0
    share = min(1.0, begun.active_s / _SURE_S) * (1.0 if whole.pulse >= _PULSE_SURE else 0.5)
    if segments:
        longest = max(segments, key=lambda one: one.end_s - one.start_s)
        steady = (longest.end_s - longest.start_s) / sum(one.end_s - one.start_s for one in segments)
        share *= steady
        part = begun.between(longest.start_s, longest.end_s)
        candidates = rank(part, beat(part), pace)
    candidates = tuple(replace(one, confidence=round(one.confidence * share, 4)) for one in candidates)
    best = candidates[0]
    return Tempo(
        bpm=best.bpm if best.confidence >= threshold else None,
        confidence=best.confidence,
        candidates=candidates,
        stability=_stability(path, best.bpm, steady),
        segments=segments,
        reason=None if best.confidence >= threshold else f"less sure than {threshold:g}",
    )


def beat(begun: Onsets) -> Beat:
    """How the sound repeats, whole. What is silent counts neither for nor against it."""
    sharp = _sharpened(begun)
    longest = round(min(_LONGEST_LAG_S, 0.75 * begun.active_s) * begun.rate_hz)
    likeness = _likeness(sharp, begun.active, longest)
    summed = _likeness((sharp * _BAND_WEIGHTS[:, None]).sum(axis=0, keepdims=True), begun.active, longest)[0]
    return Beat(
        likeness=likeness,
        rate_hz=begun.rate_hz,
        pulse=float(summed[round(0.25 * begun.rate_hz) : round(2 * begun.rate_hz)].max(initial=0.0)),
    )


def rank(begun: Onsets, whole: Beat, pace: float = 0.0) -> tuple[TempoCandidate, ...]:
    """The tempos that the beat allows, surest first.

    Which of them a listener would tap was taught with clips of known tempo: how the sound repeats after
    fractions and multiples of a beat, in each band, tells a snare on two and four from hats on the half.
    """
    found = allowed(whole)
    if not found:
        return ()
    network = load("tempo")
    chances = network.chances(features(begun, whole, found))[:, 0]
    chances *= np.array([2 ** (_LEAN * pace * math.log2(bpm / found[0][0])) for bpm, _ in found])
    order = np.argsort(-chances)
    sure = network.calibrated(chances[order] / chances.sum())
    first = found[int(order[0])][0]
    return tuple(
        TempoCandidate(
            bpm=round(found[int(at)][0], 2),
            relation=_relation(found[int(at)][0] / first),
            confidence=round(float(chance), 4),
        )
        for at, chance in zip(order[:_CANDIDATES], sure, strict=False)
    )


def allowed(whole: Beat) -> list[tuple[float, float]]:
    """Up to ten tempos and how well the sound repeats at each: what repeats most, halves, doubles, thirds."""
    scores = _scores(whole, _GRID)
    inner = np.flatnonzero((scores[1:-1] >= scores[:-2]) & (scores[1:-1] >= scores[2:])) + 1
    peaks = sorted(inner, key=lambda at: -scores[at] * _custom(float(_GRID[at])))[:5]
    related = np.array([ratio * _GRID[at] for at in peaks for ratio in (1, 1 / 2, 2, 2 / 3, 3 / 2, 1 / 3, 3)])
    found: list[tuple[float, float]] = []
    for exact, score in _refined(whole, related[(related >= _LEAST_BPM) & (related <= _MOST_BPM)]):
        if score > 0 and not any(abs(exact / other - 1) < SAME for other, _ in found):
            found.append((exact, score))
    found.sort(key=lambda one: -one[1] * _custom(one[0]))
    return found[:_ALLOWED]


def features(begun: Onsets, whole: Beat, found: list[tuple[float, float]]) -> Doubles:
    """What the choice between tempos rests on, a row for each."""
    growth = np.log(_growth(begun) + 1e-4)
    common = [
        *(growth - growth.mean()),
        growth.mean(),
        whole.pulse,
        min(1.0, 0.75 * begun.active_s / _LONGEST_LAG_S),
    ]
    rows = []
    for bpm, score in found:
        near = np.exp(-0.5 * (np.log2(bpm / _CENTERS) / 0.13) ** 2)
        summed = whole.summed(60 * _TIMES / bpm) / _BAND_WEIGHTS.sum()
        bands = whole.after(60 * _BAND_TIMES / bpm)
        own = [score / found[0][1], math.log(score + 0.01), *common, math.log2(bpm / 128)]
        rows.append(np.concatenate([near, summed, bands.ravel(), own]))
    return np.array(rows)


def _growth(begun: Onsets) -> Doubles:
    """How much louder each band grows from frame to frame, on average where there is sound."""
    return np.asarray((begun.bands * begun.active).sum(axis=1) / begun.active.sum())


def _sharpened(begun: Onsets) -> Doubles:
    """Onsets without the swell of a second, each band as loud as the others, a little blurred."""
    bands = begun.bands.astype(np.float64)
    second = np.ones(round(begun.rate_hz) | 1)
    around = _smoothed(bands * begun.active, second) / np.maximum(1, _smoothed(begun.active[None, :], second))
    level = (bands - around) * begun.active
    spread = np.sqrt((level**2).sum(axis=1, keepdims=True) / begun.active.sum())
    return _smoothed(level / np.maximum(spread, _FAINTEST), np.hanning(7)[1:-1] / np.hanning(7).sum())


def _smoothed(rows: Doubles | Floats, kernel: Doubles) -> Doubles:
    """Each row through the kernel, as long as before."""
    size = _length(rows.shape[1] + kernel.size)
    spectrum = np.fft.rfft(rows, size, axis=1) * np.fft.rfft(kernel, size)
    begin = kernel.size // 2
    return np.asarray(np.fft.irfft(spectrum, size, axis=1)[:, begin : begin + rows.shape[1]])


def _likeness(rows: Doubles, active: Floats, longest: int) -> Doubles:
    """Each row's likeness to itself after 0 to `longest` frames, where there is sound at both ends."""
    size = _length(rows.shape[1] + longest)
    alike = np.fft.irfft(np.abs(np.fft.rfft(rows, size, axis=1)) ** 2, size, axis=1)[:, :longest]
    pairs = np.fft.irfft(np.abs(np.fft.rfft(active, size)) ** 2, size)[:longest]
    per_pair = alike / np.maximum(pairs, 0.1 * active.sum())
    return np.asarray(per_pair / np.maximum(per_pair[:, :1], 0.01))


def _length(least: int) -> int:
    """The next power of two: quick to transform."""
    return 1 << (least - 1).bit_length()


def _scores(whole: Beat, bpm: Doubles) -> Doubles:
    """How well the sound repeats at each tempo."""
    return sum((weight * whole.summed(60 * beats / bpm) for beats, weight in _BEATS), np.zeros(bpm.size))


def _custom(bpm: float) -> float:
    """How usual the tempo is."""
    return math.exp(-0.5 * (math.log2(bpm / _USUAL_BPM) / _OCTAVES) ** 2)


def _refined(whole: Beat, tempos: Doubles) -> list[tuple[float, float]]:
    """Of each tempo the one nearby that holds best over up to 32 beats, and its score."""
    nearby = np.outer(tempos, np.linspace(1 - SAME, 1 + SAME, 161))
    longest = whole.likeness.shape[1] / whole.rate_hz
    beats_of = np.minimum(32, (longest * tempos / 60 / (1 + SAME)).astype(int))
    sums = np.zeros(nearby.shape)
    for beats in range(1, int(beats_of.max(initial=0)) + 1):
        long = beats_of >= beats
        sums[long] += whole.summed(60 * beats / nearby[long])
    exact = nearby[np.arange(tempos.size), sums.argmax(axis=1)]
    return list(zip(exact.tolist(), _scores(whole, exact).tolist(), strict=True))


def _relation(ratio: float) -> str:
    """The ratio of two tempos in words: `2`, `1/2`, `2/3`, else a decimal."""
    name, nearest = min(_RELATIONS, key=lambda one: abs(math.log(ratio / one[1])))
    return name if abs(ratio / nearest - 1) < SAME else f"{ratio:.2f}"


def _path(begun: Onsets) -> Doubles:
    """The tempo of each window of ten seconds, steady wherever it can be; empty when there are too few.

    A change costs more than a blurred window, so a single odd one changes nothing.
    """
    size, step = round(_WINDOW_S * begun.rate_hz), round(_STEP_S * begun.rate_hz)
    starts = range(0, begun.active.size - size + 1, step)
    if len(starts) < 2:
        return np.zeros(0)
    sharp = _sharpened(begun)
    heard = np.zeros((len(starts), _COARSE.size))
    for at, start in enumerate(starts):
        active = begun.active[start : start + size]
        if active.mean() < 0.5:
            continue
        likeness = _likeness(sharp[:, start : start + size], active, round(0.75 * size))
        heard[at] = _scores(Beat(likeness=likeness, rate_hz=begun.rate_hz, pulse=0), _COARSE)
    heard /= max(1e-9, float(np.abs(heard).max()))
    apart = np.abs(np.arange(_COARSE.size)[:, None] - np.arange(_COARSE.size)[None, :])
    cost = np.where(apart == 0, 0.0, np.where(apart == 1, 0.05, 0.6))
    total, back = heard[0], np.zeros(heard.shape, int)
    for at in range(1, len(heard)):
        reach = total[:, None] - cost
        back[at] = reach.argmax(axis=0)
        total = reach.max(axis=0) + heard[at]
    way = [int(total.argmax())]
    for at in range(len(heard) - 1, 0, -1):
        way.append(int(back[at, way[-1]]))
    return np.asarray(_COARSE[way[::-1]])


def _segments(begun: Onsets, path: Doubles, pace: float) -> tuple[TempoSegment, ...]:
    """Stretches of steady tempo, when there is more than one; half and double are no change."""
    runs: list[list[int]] = []
    for at, bpm in enumerate(path):
        if runs and _folded(float(bpm), float(path[runs[-1][0]])) <= SAME:
            runs[-1].append(at)
        else:
            runs.append([at])
    if len(runs) < 2 or any(len(run) < 2 for run in runs):
        return ()
    # A window belongs to its middle; the change lies between two middles.
    ends = [(run[-1] + 0.5) * _STEP_S + _WINDOW_S / 2 for run in runs[:-1]]
    bounds = [0.0, *ends, begun.active.size / begun.rate_hz]
    found = []
    for start, end in itertools.pairwise(bounds):
        part = begun.between(start, end)
        ranked = rank(part, beat(part), pace)
        if not ranked:
            return ()
        found.append(TempoSegment(start_s=round(start, 2), end_s=round(end, 2), bpm=ranked[0].bpm))
    differ = any(_folded(one.bpm, two.bpm) > SAME for one, two in itertools.pairwise(found))
    return tuple(found) if differ else ()


def _stability(path: Doubles, bpm: float, steady: float) -> float | None:
    """The share of windows at this tempo, its half or double, or a third or thrice of one of these.

    steady: the share of the longest segment; what lies a third off in another one is no longer alike.
    """
    if not path.size:
        return None
    alike = [min(_folded(float(one), bpm * times) for times in (1, 3, 1 / 3)) <= SAME for one in path]
    return round(min(steady, float(np.mean(alike))), 4)


def _folded(one: float, other: float) -> float:
    """How far two tempos differ as a share, half and double being alike."""
    octaves = math.log2(one / other)
    return abs(2 ** (octaves - round(octaves)) - 1)
