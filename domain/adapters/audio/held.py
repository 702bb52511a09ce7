"""What is held of a sound while it is decoded: a stretch that is bounded, whatever its length.

Meters hear everything. Of what is longer than may be held, the middle is kept, as its header says where
that is: beginnings and ends of long programmes are the least like the rest.
"""

from collections.abc import Sequence

import numpy as np
import soxr

from domain.audio.analysis import Samples, Sound
from domain.audio.meters import BLOCK_VALUES, Meter

# 252 MiB: 12 minutes of stereo at 44.1 kHz. Of fewer channels or lower rates no more is held: it would be
# copied, and heard, for as much longer.
MOST_VALUES = 63 << 20
_MOST_S = 750
_SPARE_S = 60
# Whole numbers of 32 bits that were written as floats are sound still. What lies beyond that is damage, and
# its squares would overflow in whatever hears it.
_LARGEST = 2.0**32
_PLAIN_POWER = 1e18


class Held:
    """Takes a sound as it is decoded; lets meters hear it, and holds its middle."""

    def __init__(self, meters: Sequence[Meter], sample_rate_hz: int, most_values: int) -> None:
        self._meters = meters
        self._stored_hz = sample_rate_hz
        self._most_values = most_values
        self._waiting: list[Samples] = []
        self._waiting_values = 0
        self._expected_s: float | None = None
        self._lower: soxr.ResampleStream | None = None
        self._other: tuple[int, soxr.ResampleStream] | None = None
        self._stretch: Samples = np.empty((0, 0), np.float32)
        self._kept = self._past = self._restarts_at = self._began_at = 0
        self.rate_hz = 0
        self.layout: tuple[str, ...] = ()
        self.frames = 0
        self._not_numbers = 0

    def expect(self, seconds: float | None) -> None:
        """How long the header says it is; said before the first samples."""
        self._expected_s = seconds

    def begin(self, rate_hz: int, layout: tuple[str, ...]) -> None:
        """The rate and the channels of all that follows."""
        self.rate_hz, self.layout = rate_hz, layout
        for meter in self._meters:
            meter.begin(rate_hz, layout)

    def add(self, samples: Samples, rate_hz: int) -> None:
        """The next samples; where rate or channels change on the way, they are brought to the first."""
        samples = self._alike(samples, rate_hz)
        self._waiting.append(samples)
        self._waiting_values += samples.size
        if self._waiting_values >= BLOCK_VALUES:
            self._pass_on()

    def end(self) -> None:
        """No more samples follow."""
        if self.rate_hz:
            self._end_other_rate()
            self._pass_on(last=True)

    def sound(self) -> Sound:
        """What is held. Call it after `end`."""
        stored_hz = self._rate_stored()
        return Sound(
            samples=self._stretch[:, : self._kept],
            rate_hz=stored_hz,
            source_rate_hz=self.rate_hz,
            container="",
            codec="",
            layout=self.layout,
            start_s=self._began_at / stored_hz,
            not_numbers=self._not_numbers,
            whole_s=self.frames / self.rate_hz,
        )

    def _rate_stored(self) -> int:
        """The rate divided by the largest whole number that leaves as much as is stored: quick, and exact."""
        return self.rate_hz // max(self.rate_hz // self._stored_hz, 1)

    def _alike(self, samples: Samples, rate_hz: int) -> Samples:
        channels = len(self.layout) or samples.shape[0]
        if not self.layout:
            self.layout = ("",) * channels
        if samples.shape[0] != channels:
            samples = np.repeat(samples.mean(axis=0, keepdims=True), channels, axis=0)
        if self._other is not None and self._other[0] != rate_hz:
            self._end_other_rate()
        if rate_hz != self.rate_hz:
            if self._other is None:
                self._other = (rate_hz, soxr.ResampleStream(rate_hz, self.rate_hz, channels, quality="HQ"))
            samples = self._other[1].resample_chunk(np.ascontiguousarray(samples.T)).T
        return samples

    def _end_other_rate(self) -> None:
        """Take what is left of a stretch of another rate: a resampler gives its last samples when told so."""
        if self._other is not None:
            nothing = np.zeros((0, len(self.layout)), np.float32)
            rest = self._other[1].resample_chunk(nothing, last=True).T
            self._waiting.append(rest)
            self._waiting_values += rest.size
            self._other = None

    def _pass_on(self, *, last: bool = False) -> None:
        channels = len(self.layout)
        block = (
            np.concatenate(self._waiting, axis=1) if self._waiting else np.zeros((channels, 0), np.float32)
        )
        self._waiting, self._waiting_values = [], 0
        if not float(np.vdot(block, block)) < _PLAIN_POWER:  # also where it is no number
            wrong = ~(np.abs(block) <= _LARGEST)
            self._not_numbers += int(wrong.sum())
            block[wrong] = 0.0
        self.frames += block.shape[1]
        for meter in self._meters:
            meter.add(block)
        self._keep(block, last=last)

    def _keep(self, block: Samples, *, last: bool) -> None:
        channels, stored_hz = len(self.layout), self._rate_stored()
        room = min(self._most_values // channels, _MOST_S * stored_hz)
        if stored_hz != self.rate_hz:
            if self._lower is None:
                self._lower = soxr.ResampleStream(self.rate_hz, stored_hz, channels, quality="HQ")
            block = self._lower.resample_chunk(np.ascontiguousarray(block.T), last=last).T
        if not self._stretch.shape[0]:
            expected = int((self._expected_s or 0) * stored_hz)
            self._restarts_at = max(expected - room, 0) // 2
            self._stretch = np.empty((channels, min(room, expected + _SPARE_S * stored_hz)), np.float32)
        if self._kept + block.shape[1] > self._stretch.shape[1] < room:
            # Longer than the header says. Memory that is not written is not taken: ask for all of it.
            longest = np.empty((channels, room), np.float32)
            longest[:, : self._kept] = self._stretch[:, : self._kept]
            self._stretch = longest
        if self._past < self._restarts_at <= self._past + block.shape[1]:
            # The middle begins here: what was held in case it never came is let go.
            block = block[:, self._restarts_at - self._past :]
            self._past = self._began_at = self._restarts_at
            self._kept = 0
        taken = min(block.shape[1], room - self._kept)
        self._stretch[:, self._kept : self._kept + taken] = block[:, :taken]
        self._kept += taken
        self._past += block.shape[1]
