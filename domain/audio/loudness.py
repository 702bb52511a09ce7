"""Loudness of a programme (ITU-R BS.1770-5), its range (EBU Tech 3342) and its true peak."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Loudness, Samples, Sound
from domain.audio.k_weighting import KWeighting
from domain.audio.meters import hear

VERSION = "2"

_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
# Blocks of 0.4 s that overlap by three quarters; a range needs windows of 3 s.
_STEPS_OF_BLOCK = 4
_STEPS_OF_WINDOW = 30
# Half the length of the interpolator, in samples. Between samples that are 3 dB below the highest one no
# peak of sound reaches over it.
_TAPS = 12
_AROUND = np.arange(2 * _TAPS + 1)
_NEAR_PEAK = 0.7
_TOPS_AT_ONCE = 4_096
# A hundredth of a decibel is a tenth of what the tolerances allow; further digits differ between machines.
_DIGITS = 2
_FINEST_HZ = 192_000
_SIDES = {"SL", "SR", "BL", "BR"}

Power = NDArray[np.float64]


def loudness(sound: Sound) -> Loudness:
    """Loudness, range and true peak of a sound; None for each that can't be said."""
    meter = LoudnessMeter()
    hear(sound, meter)
    return meter.result()


def weights(layout: Sequence[str], channels: int) -> Power:
    """How much each channel counts (BS.1770-5, Annex 1 and 3): sides 1.41, low-frequency effects nothing."""
    found = np.ones(channels)
    # With side and back speakers both, the back ones stand behind the angle at which more counts.
    sides = {"SL", "SR"} if set(layout) >= _SIDES else _SIDES
    for at, name in enumerate(layout[:channels]):
        if name in ("LFE", "LFE2"):
            found[at] = 0.0
        elif name in sides and channels > 3:
            found[at] = 1.41
    return found


class LoudnessMeter:
    """Hears a sound block by block; keeps one figure for each tenth of a second."""

    def __init__(self) -> None:
        self._rate_hz = 0
        self._powers: list[Power] = []
        self._peak = 0.0
        self._frames = 0

    def begin(self, rate_hz: int, layout: Sequence[str]) -> None:
        """The rate and the channels."""
        self._rate_hz, self._layout = rate_hz, tuple(layout)
        self._step = max(round(rate_hz / 10), 1)
        self._filters: list[KWeighting] = []
        self._rests: list[Samples] = []
        self._taps = _interpolator(4 if rate_hz < 96_000 else 2 if rate_hz < _FINEST_HZ else 1)
        self._edge: Samples | None = None

    def add(self, block: Samples) -> None:
        """The next block."""
        if block.shape[1] == 0:
            return
        self._frames += block.shape[1]
        self._measure_power(block)
        self._measure_peak(block)

    def result(self) -> Loudness:
        """What was heard so far."""
        peak = None
        if self._edge is not None:
            # What is left at the end is over when silence follows it.
            self._measure_peak(np.zeros((self._edge.shape[0], 2 * _TAPS), np.float32))
            self._measure_power(np.zeros((self._edge.shape[0], 0), np.float32), last=True)
            self._edge = None
        if self._peak > 0:
            peak = round(float(20 * np.log10(self._peak)), _DIGITS)
        steps = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if len(steps) < _STEPS_OF_BLOCK:
            return Loudness(true_peak_dbtp=peak, reason="it is shorter than 0.4 s")
        integrated = _integrated(_means(steps, _STEPS_OF_BLOCK))
        if integrated is None:
            return Loudness(true_peak_dbtp=peak, reason="no part of it is louder than -70 LUFS")
        return Loudness(
            integrated_lufs=round(integrated, _DIGITS),
            range_lu=_range(_means(steps, _STEPS_OF_WINDOW)),
            true_peak_dbtp=peak,
        )

    def _measure_power(self, block: Samples, *, last: bool = False) -> None:
        """Power of the weighted sound, of each whole tenth of a second."""
        if not self._filters:
            self._filters = [KWeighting(self._rate_hz) for _ in block]
            self._rests = [np.zeros(0, np.float32) for _ in block]
        total: Power | None = None
        counts = weights(self._layout, block.shape[0])
        for at, (channel, weigh) in enumerate(zip(block, self._filters, strict=True)):
            weighted = np.concatenate((self._rests[at], weigh(channel, last=last)))
            whole = len(weighted) // self._step * self._step
            self._rests[at] = weighted[whole:].copy()
            steps = weighted[:whole].reshape(-1, self._step)
            power = counts[at] / self._step * np.einsum("ij,ij->i", steps, steps).astype(np.float64)
            total = power if total is None else total + power
        if total is not None:
            self._powers.append(total)

    def _measure_peak(self, block: Samples) -> None:
        """The highest peak between the samples, looked for beside the highest samples."""
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        if self._edge is None:
            self._edge = np.zeros((block.shape[0], 2 * _TAPS), np.float32)
        heard = np.concatenate((self._edge, block), axis=1)
        self._edge = heard[:, -2 * _TAPS :].copy()
        if not len(self._taps):
            return
        for channel in heard:
            level = np.abs(channel)
            here = level[_TAPS:-_TAPS]
            tops = (here >= level[_TAPS - 1 : -_TAPS - 1]) & (
                here > level[_TAPS + 1 : len(level) - _TAPS + 1]
            )
            tops &= here >= self._peak * _NEAR_PEAK
            found = np.flatnonzero(tops)
            found = found[np.argsort(-here[found])]
            for at in range(0, len(found), _TOPS_AT_ONCE):
                some = found[at : at + _TOPS_AT_ONCE]
                if here[some[0]] < self._peak * _NEAR_PEAK:
                    break
                windows = channel[some[:, None] + _AROUND]
                self._peak = max(self._peak, float(np.abs(windows @ self._taps.T).max()))


def _interpolator(finer: int) -> Samples:
    """One row of taps for each place around a sample that has none: a sinc under a Kaiser window."""
    places = np.array([at / finer for at in range(1 - finer, finer) if at])
    distance = np.arange(-_TAPS, _TAPS + 1)[None, :] - places[:, None]
    taps = np.sinc(distance) * np.i0(8.0 * np.sqrt(np.maximum(1 - (distance / _TAPS) ** 2, 0))) / np.i0(8.0)
    if len(taps):
        taps /= taps.sum(axis=1, keepdims=True)
    found: Samples = taps.astype(np.float32)
    return found


def _means(steps: Power, count: int) -> Power:
    """Means over windows of so many steps, one for each step; none when there are too few."""
    if len(steps) < count:
        return np.zeros(0)
    sums = np.concatenate(([0.0], np.cumsum(steps)))
    return np.maximum((sums[count:] - sums[:-count]) / count, 0.0)


def _lufs(power: Power) -> Power:
    with np.errstate(divide="ignore"):
        found: Power = -0.691 + 10 * np.log10(power)
    return found


def _integrated(blocks: Power) -> float | None:
    """Loudness of the blocks above both gates."""
    loud = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if not len(loud):
        return None
    gate = float(_lufs(loud.mean(keepdims=True))[0]) + _RELATIVE_GATE_LU
    loud = loud[_lufs(loud) > gate]
    return float(_lufs(loud.mean(keepdims=True))[0])


def _range(windows: Power) -> float | None:
    """From the 10th to the 95th of a hundred windows above both gates; None where there is no window."""
    loud = windows[_lufs(windows) > _ABSOLUTE_GATE_LUFS]
    if not len(loud):
        return None
    gate = float(_lufs(loud.mean(keepdims=True))[0]) + _RANGE_GATE_LU
    levels = np.sort(_lufs(loud[_lufs(loud) > gate]))
    last = len(levels) - 1
    return round(float(levels[round(last * 0.95)] - levels[round(last * 0.10)]), _DIGITS)
