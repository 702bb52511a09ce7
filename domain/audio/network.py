"""A small network that was taught to choose: one hidden layer beside a straight line, softmax over choices.

Its numbers lie in `learned/NAME.json`; `python3 -m tests.bench.audio_training` makes them anew.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
_FOLDER = Path(__file__).with_name("learned")


@dataclass(frozen=True, kw_only=True)
class Network:
    """Numbers of one network. table: what a raw chance is worth, in pairs, measured on unseen clips."""

    version: str
    center: Doubles
    spread: Doubles
    hidden: Doubles
    shift: Doubles
    out: Doubles
    line: Doubles
    offset: Doubles
    table: Doubles

    def chances(self, features: Doubles) -> Doubles:
        """The chance of each, summing to 1. features: (choices, features); gives (choices, outputs)."""
        level = (features - self.center) / self.spread
        score = np.tanh(level @ self.hidden + self.shift) @ self.out + level @ self.line + self.offset
        chance = np.exp(score - score.max())
        return np.asarray(chance / chance.sum())

    def calibrated(self, chances: Doubles) -> Doubles:
        """The chances, of which the first is the greatest, as shares of cases in which they come true."""
        raw = min(float(chances[0]), 1 - 1e-9)
        best = float(np.interp(raw, self.table[:, 0], self.table[:, 1]))
        # What the first gains or loses the others lose or gain, but none gets above the first.
        others = np.minimum(chances[1:] * (1 - best) / (1 - raw), best)
        return np.concatenate([[best], others])


@cache
def load(name: str) -> Network:
    """The network of that name. It is read once."""
    return parse(json.loads((_FOLDER / f"{name}.json").read_text()))


def parse(told: Mapping[str, object]) -> Network:
    """A network from what `learned/NAME.json` holds."""
    numbers = {
        name: np.array(value, float)
        for name, value in told.items()
        if name not in ("version", "made", "fits")
    }
    return Network(version=str(told["version"]), **numbers)
