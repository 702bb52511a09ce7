"""The K-weighting of ITU-R BS.1770: a shelf for the head, then a high pass, at any rate and block by block.

A recursive filter looks back by one sample at a time, which numpy can't do quickly. As a linear system it can
be unrolled: the output of 64 samples is one product of matrices of these samples and of four numbers that
stand for all that came before, and so are these four numbers, 32 blocks at once.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Samples

_BLOCK, _GROUP = 64, 32

Exact = NDArray[np.float64]


def one_sample(rate_hz: int) -> Callable[[Exact, float], tuple[Exact, float]]:
    """The filter by one sample: memory and sample in, memory and weighted sample out.

    Source: ITU-R BS.1770-5, Annex 1, tables 1 and 2, which hold for 48 kHz; the analogue prototypes behind
    them give those numbers at 48 kHz, and the like at every other rate. Each of the two is built of two
    trapezoidal integrators, whose memory keeps its precision however high the rate.
    """
    shelf, high_pass = (
        _Section(rate_hz, 1681.974450955533, 0.7071752369554196),
        _Section(rate_hz, 38.13547087602444, 0.5003270373238773),
    )
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    whole = 1 + high_pass.width * high_pass.gain + high_pass.gain**2

    def step(memory: Exact, sample: float) -> tuple[Exact, float]:
        first, (up, middle, down) = shelf(memory[:2], sample)
        second, (up, _, _) = high_pass(memory[2:], high * up + band * shelf.width * middle + down)
        return np.concatenate((first, second)), whole * up

    return step


class _Section:
    """A filter of second order: what is above, around and below a frequency."""

    def __init__(self, rate_hz: int, hertz: float, q: float) -> None:
        self.gain, self.width = float(np.tan(np.pi * hertz / rate_hz)), 1 / q
        self._first = 1 / (1 + self.gain * (self.gain + self.width))

    def __call__(self, memory: Exact, sample: float) -> tuple[Exact, tuple[float, float, float]]:
        left = sample - float(memory[1])
        middle = self._first * (float(memory[0]) + self.gain * left)
        down = float(memory[1]) + self.gain * middle
        after = np.array((2 * middle - memory[0], 2 * down - memory[1]))
        return after, (sample - self.width * middle - down, middle, down)


class KWeighting:
    """The filter for one channel: it remembers what came before."""

    def __init__(self, rate_hz: int) -> None:
        move = one_sample(rate_hz)
        nothing = np.zeros(4)
        step = np.array([move(row, 0.0)[0] for row in np.eye(4)]).T
        gives = np.array([move(row, 0.0)[1] for row in np.eye(4)])
        enters, at_once = move(nothing, 1.0)
        # How one sample moves on through the memory: enters, step·enters, step²·enters …
        trail = [enters]
        powers = [np.eye(4)]
        for _ in range(_BLOCK):
            trail.append(step @ trail[-1])
            powers.append(step @ powers[-1])
        answer = np.array((at_once, *(gives @ one for one in trail[: _BLOCK - 1])))
        late = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
        self._now = np.where(late >= 0, answer[late], 0.0).T.astype(np.float32)
        self._into = np.array(trail[_BLOCK - 1 :: -1], np.float32)
        self._from = np.array([gives @ one for one in powers[:_BLOCK]], np.float32).T.copy()
        leap = powers[_BLOCK]
        leaps = [np.eye(4)]
        for _ in range(_GROUP):
            leaps.append(leap @ leaps[-1])
        # From what each block of a group leaves to the memory before each block of it, and after the last.
        spread = np.zeros((_GROUP, 4, _GROUP + 1, 4))
        for left in range(_GROUP):
            for then in range(left + 1, _GROUP + 1):
                spread[left, :, then, :] = leaps[then - left - 1].T
        self._spread = spread.reshape(_GROUP * 4, (_GROUP + 1) * 4).astype(np.float32)
        self._leaps = np.stack([one.T for one in leaps], axis=1).reshape(4, (_GROUP + 1) * 4)
        self._memory = nothing
        self._waiting: Samples = np.zeros(0, np.float32)

    def __call__(self, samples: Samples, *, last: bool = False) -> Samples:
        """The weighted sound of whole groups of samples; the rest waits for more, or for the last call."""
        heard = np.concatenate((self._waiting, samples)) if len(self._waiting) else samples
        group = _BLOCK * _GROUP
        whole = len(heard) // group * group
        kept = len(heard)
        if last:
            whole = -(-len(heard) // group) * group
            heard = np.concatenate((heard, np.zeros(whole - len(heard), np.float32)))
        else:
            kept = whole
        self._waiting = heard[whole:].copy()
        rows = heard[:whole].reshape(-1, _BLOCK)
        left = (rows @ self._into).reshape(-1, _GROUP * 4)
        before = left @ self._spread
        states = self._after_groups(before[:, -4:])
        before += (states[:-1] @ self._leaps).astype(np.float32)
        self._memory = states[-1]
        memories = before.reshape(-1, _GROUP + 1, 4)[:, :_GROUP].reshape(-1, 4)
        weighted = rows @ self._now
        weighted += memories @ self._from
        found: Samples = weighted.reshape(-1)[:kept]
        return found

    def _after_groups(self, left: NDArray[np.floating]) -> Exact:
        """The memory before the first group and after each, from what each leaves by itself.

        What came one group before is added to all at once, then what came two before, four, eight …
        """
        states = np.concatenate((self._memory[None], left), dtype=np.float64)
        leap, reach = self._leaps[:, -4:], 1
        while reach < len(states):
            states[reach:] += states[:-reach] @ leap
            leap, reach = leap @ leap, 2 * reach
        return states
