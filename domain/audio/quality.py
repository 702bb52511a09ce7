"""What is wrong with a sound, each flag with the figures it rests on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Quality, Samples, Sound
from domain.audio.meters import hear

VERSION = "1"

# Stable: the flags of a sound are of these.
FLAGS = {
    "truncated": "what was decoded is more than 2 % shorter than the container says, or has no end",
    "header_wrong": "what was decoded is more than 2 % longer than the container says",
    "corrupt": "packets could not be decoded, or samples are no numbers",
    "silent": "no tenth of a second is louder than -70 dBFS",
    "clipped": "the wave is cut off flat at its top, or lies beyond full scale, where players cut it",
    "dc_offset": "the wave does not swing around zero",
    "out_of_phase": "left and right cancel each other: their sum is at least 12 dB weaker than each alone",
    "upsampled": "the sound stops at a cliff far under half its sample rate",
}

_SILENT_DBFS = -70.0
_MOST_DIFFERENCE = 0.02
_LEAST_DIFFERENCE_S = 0.1
_OPPOSED = -0.87
# An offset of a converter is steady; instruments have small ones of their own, which come and go with notes.
_OFFSET, _STEADY_OFFSET, _STEADY = 0.05, 0.01, 0.12
# Three samples in a row within a ten thousandth of the highest level, with a step down on either side that no
# round top has: those of a sine fall by nine times what the samples on it differ by.
_FLAT_SAMPLES = 3
_FLAT = 0.9999
_STEP_DOWN, _STEP_DOWN_8_BIT = 0.003, 0.12
_FLAT_SHARE, _OVER_SHARE = 1e-4, 2e-4
_TRANSFORM = 4_096
_BAND_SHARE = 0.6
_CLIFF_DB = 24.0
# Of a codec that drops what is hardly heard, fewer bits for a channel explain an early end of the band.
_ROOMY_BPS = 64_000
LOSSLESS = (
    "pcm_",
    "flac",
    "alac",
    "wavpack",
    "ape",
    "tta",
    "dsd",
    "mlp",
    "truehd",
    "wmalossless",
    "shorten",
)


def quality(sound: Sound) -> Quality:
    """The flags of a sound and their figures."""
    meter = QualityMeter()
    hear(sound, meter)
    return meter.result(sound)


class QualityMeter:
    """Hears a sound block by block; keeps sums, one level for each tenth of a second, and one spectrum."""

    def __init__(self) -> None:
        self._frames = 0

    def begin(self, rate_hz: int, layout: Sequence[str]) -> None:
        """The rate and the channels."""
        self._rate_hz = rate_hz
        self._step = max(rate_hz // 10, 1)
        self._levels: list[NDArray[np.float64]] = []
        self._offsets: list[NDArray[np.float64]] = []
        self._rest: Samples | None = None
        self._squares = np.zeros(2)
        self._cross = 0.0
        self._peak = 0.0
        self._flat = np.zeros(2)
        self._over = 0
        self._spectrum = np.zeros(_TRANSFORM // 2 + 1)
        self._spectra = 0
        self._window = np.hanning(_TRANSFORM).astype(np.float32)

    def add(self, block: Samples) -> None:
        """The next block."""
        if block.shape[1] == 0:
            return
        self._frames += block.shape[1]
        self._channels = block.shape[0]
        self._measure_peaks(block)
        if block.shape[0] == 2:
            left, right = block[0], block[1]
            self._squares += (float(left @ left), float(right @ right))
            self._cross += float(left @ right)
        self._measure_levels(block)
        self._measure_spectrum(block)

    def result(self, sound: Sound) -> Quality:
        """The flags, with what the container and the decoder said."""
        figures: dict[str, float] = {"decoded_s": round(sound.duration_s, 3)}
        flags = [*self._lengths(sound, figures), *self._damage(sound, figures)]
        if not self._frames:
            return Quality(flags=tuple(flags), figures=figures)
        silent = self._silence(figures)
        if silent:
            flags.append("silent")
        else:
            flags += [*self._shape(sound, figures), *self._phase(figures), *self._band(sound, figures)]
        return Quality(flags=tuple(flags), figures=figures)

    def _measure_peaks(self, block: Samples) -> None:
        """How often the wave is cut off at its highest level, by a fine and a coarse measure."""
        for channel in block:
            top = max(float(channel.max()), -float(channel.min()))
            if top > self._peak:
                # What was flat under a lower ceiling is no clipping.
                if top * _FLAT > self._peak:
                    self._flat[:] = 0
                self._peak = top
            if top > 1.0:
                self._over += int(np.count_nonzero(np.abs(channel) > 1.0))
            if top >= self._peak * _FLAT:
                self._flat += _cut_off(channel, self._peak) + _cut_off(-channel, self._peak)

    def _measure_levels(self, block: Samples) -> None:
        held = block if self._rest is None else np.concatenate((self._rest, block), axis=1)
        whole = held.shape[1] // self._step * self._step
        cells = held[:, :whole].reshape(held.shape[0], -1, self._step)
        squares = np.einsum("ijk,ijk->ij", cells, cells).astype(np.float64)
        self._levels.append(np.sqrt(squares.max(axis=0) / self._step))
        self._offsets.append(cells.mean(axis=2).astype(np.float64))
        self._rest = held[:, whole:].copy()

    def _measure_spectrum(self, block: Samples) -> None:
        """The mean spectrum of the first channel's loudest stretch of each block, and of a few more."""
        channel = block[int(np.argmax(np.abs(block).max(axis=1)))]
        starts = range(0, len(channel) - _TRANSFORM + 1, max((len(channel) - _TRANSFORM) // 16, _TRANSFORM))
        if not starts:
            return
        pieces = np.stack([channel[at : at + _TRANSFORM] for at in starts]) * self._window
        self._spectrum += np.square(np.abs(np.fft.rfft(pieces, axis=1))).sum(axis=0, dtype=np.float64)
        self._spectra += len(starts)

    def _lengths(self, sound: Sound, figures: dict[str, float]) -> list[str]:
        said = sound.header_duration_s
        if sound.unfinished:
            figures["end_missing"] = 1
            return ["truncated"]
        if said is None or said <= 0:
            return []
        figures["header_s"] = round(said, 3)
        missing = said - sound.duration_s
        if abs(missing) <= max(_LEAST_DIFFERENCE_S, said * _MOST_DIFFERENCE):
            return []
        return ["truncated" if missing > 0 else "header_wrong"]

    def _damage(self, sound: Sound, figures: dict[str, float]) -> list[str]:
        figures["broken_packets"] = sound.errors
        figures["not_numbers"] = sound.not_numbers
        return ["corrupt"] if sound.errors or sound.not_numbers else []

    def _silence(self, figures: dict[str, float]) -> bool:
        """Whether all of it is silent; how much is, and where, goes into the figures."""
        levels = np.concatenate(self._levels)
        rest = self._rest
        if not len(levels) and rest is not None and rest.shape[1]:
            levels = np.sqrt(np.square(rest).mean(axis=1, dtype=np.float64).max(keepdims=True))
        heard = np.flatnonzero(levels > 10 ** (_SILENT_DBFS / 20))
        figures["peak_dbfs"] = _decibels(self._peak)
        figures["silent_share"] = round(1 - len(heard) / max(len(levels), 1), 4)
        if len(heard):
            figures["silent_before_s"] = round(int(heard[0]) * self._step / self._rate_hz, 1)
            figures["silent_after_s"] = round(
                (len(levels) - 1 - int(heard[-1])) * self._step / self._rate_hz, 1
            )
            figures["rms_dbfs"] = _decibels(float(np.sqrt(np.square(levels).mean())))
        return not len(heard)

    def _shape(self, sound: Sound, figures: dict[str, float]) -> list[str]:
        flags = []
        values = self._frames * self._channels
        flat, over = float(self._flat[1 if sound.bits == 8 else 0]) / values, self._over / values
        # What damaged packets become lies anywhere.
        over = 0.0 if sound.errors else over
        figures["flat_share"] = round(flat, 6)
        figures["over_share"] = round(over, 6)
        if flat >= _FLAT_SHARE or over >= _OVER_SHARE:
            flags.append("clipped")
        means = np.concatenate(self._offsets, axis=1)
        seconds = means[:, : means.shape[1] // 10 * 10].reshape(means.shape[0], -1, 10).mean(axis=2)
        if seconds.shape[1]:
            steady = np.median(seconds, axis=1)
            worst = int(np.argmax(np.abs(steady)))
            offset = abs(float(steady[worst]))
            low, high = np.quantile(seconds[worst], (0.1, 0.9))
            figures["dc_offset"] = round(float(steady[worst]), 5)
            if offset >= _OFFSET or (offset >= _STEADY_OFFSET and (high - low) / 2 <= offset * _STEADY):
                flags.append("dc_offset")
        return flags

    def _phase(self, figures: dict[str, float]) -> list[str]:
        if not self._squares.all():
            return []
        correlation = self._cross / float(np.sqrt(self._squares.prod()))
        figures["correlation"] = round(correlation, 3)
        return ["out_of_phase"] if correlation <= _OPPOSED else []

    def _band(self, sound: Sound, figures: dict[str, float]) -> list[str]:
        if not self._spectra:
            return []
        levels = _levels(self._spectrum / self._spectra)
        limit, cliff = band_limit(levels)
        nyquist = self._rate_hz / 2
        figures["band_limit_hz"] = round(limit * nyquist)
        figures["cliff_db"] = round(cliff, 1)
        bits = (sound.bitrate_bps or 0) / max(sound.samples.shape[0], 1)
        # A tone has a cliff as well, but nothing on the side towards the bass.
        at = int(limit * len(levels))
        filled = float(np.median(levels[:at]) - np.median(levels[at:])) if 0 < at < len(levels) else 0.0
        roomy = sound.codec.startswith(LOSSLESS) or bits >= _ROOMY_BPS
        steep = cliff >= _CLIFF_DB and filled >= _CLIFF_DB
        return ["upsampled"] if roomy and steep and limit < _BAND_SHARE else []


def _levels(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 10 * np.log10(spectrum + spectrum.max(initial=0.0) * 1e-14 + 1e-30)
    return found


def band_limit(levels: NDArray[np.float64]) -> tuple[float, float]:
    """Where a mean spectrum in dB ends, as a share of half the sample rate, and the height of that cliff.

    The cliff is where the level above lies furthest under the level below; music that merely fades out
    towards the top has a slope there, and no cliff.
    """
    wide = max(len(levels) // 40, 2)
    sums = np.concatenate(([0.0], np.cumsum(levels)))
    means = (sums[wide:] - sums[:-wide]) / wide
    gap = max(wide // 4, 1)
    drops = means[: -wide - gap] - means[wide + gap :]
    at = int(np.argmax(drops))
    return (at + wide + gap / 2) / len(levels), float(drops[at])


def _cut_off(wave: Samples, peak: float) -> NDArray[np.float64]:
    """How many samples stand on plateaus at the peak, with a fine step down beside them, and a coarse one."""
    at_top = wave >= peak * _FLAT
    edges = np.flatnonzero(np.diff(np.concatenate(([0], at_top.view(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    lengths = ends - starts
    inside = (lengths >= _FLAT_SAMPLES) & (starts >= lengths) & (ends + lengths <= len(wave))
    starts, ends, lengths = starts[inside], ends[inside], lengths[inside]
    if not len(lengths):
        return np.zeros(2)
    beside = np.maximum(wave[starts - lengths], wave[ends + lengths - 1])
    steps = (peak - beside) / max(peak, 1e-9)
    return np.array([float(lengths[steps >= least].sum()) for least in (_STEP_DOWN, _STEP_DOWN_8_BIT)])


def _decibels(level: float) -> float:
    return round(float(20 * np.log10(max(level, 1e-10))), 2)
