"""How a small network is taught to choose, and what its chances turn out to be worth.

Numbers only: `audio_training` says from what, and keeps what comes of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.audio import network
from tests.bench.audio import calibration_error, chance_error

_HIDDEN, _ROUNDS, _STEP, _DROPPED = 16, 100, 0.01, 0.2
_USUAL = 4  # networks from as many beginnings, of which the mean is kept
_BINS = 12
_SUREST = 0.995

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One choice to be learned: (choices, features), and what each outcome is, (choices, outputs).

    right: 1 where it is the truth; where none is, there is nothing to teach and all the same a miss. worth:
    what a wrong one still counts (Acc2, MIREX). made, style: by whom and of what kind the clip is.
    """

    made: str
    style: str
    features: Doubles
    right: Doubles
    worth: Doubles


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What comes of answers, as shares. first: right at once; three: among the first three; ece: how far off
    confidence is; chance: how far off it would be by chance alone, of so few clips."""

    count: int
    first: float
    worth: float
    three: float
    ece: float
    chance: float


def teach(
    examples: Sequence[Example], decay: float, seed: int = 0, weights: Sequence[float] | None = None
) -> dict[str, object]:
    """The numbers of a network that chooses as the examples do: Adam, drop-out and decay of weights.

    weights: how much each example counts; all alike where there are none.
    """
    known = [at for at, one in enumerate(examples) if one.right.any()]
    counts = np.ones(len(examples)) if weights is None else np.asarray(weights, float)
    examples, counts = [examples[at] for at in known], counts[known]
    counts = (counts / counts.sum()).astype(np.float32)[:, None, None]
    dice = np.random.default_rng(seed)
    rows, outputs = max(len(one.features) for one in examples), examples[0].right.shape[1]
    flat = np.concatenate([one.features for one in examples])
    center, spread = flat.mean(axis=0), flat.std(axis=0) + 1e-3
    x = np.zeros((len(examples), rows, flat.shape[1]), np.float32)
    there, wanted = np.zeros((len(examples), rows, outputs), bool), np.zeros((len(examples), rows, outputs))
    for at, one in enumerate(examples):
        x[at, : len(one.features)] = (one.features - center) / spread
        there[at, : len(one.features)] = True
        wanted[at, : len(one.features)] = one.right / one.right.sum()
    width = flat.shape[1]
    now = {
        "hidden": dice.standard_normal((width, _HIDDEN)) * 0.1,
        "shift": np.zeros(_HIDDEN),
        "out": dice.standard_normal((_HIDDEN, outputs)) * 0.1,
        "line": np.zeros((width, outputs)),
        "offset": np.zeros(outputs),
    }
    now = {name: value.astype(np.float32) for name, value in now.items()}
    slow, square = ({name: np.zeros_like(value) for name, value in now.items()} for _ in range(2))
    for turn in range(1, _ROUNDS + 1):
        inner = np.tanh(x @ now["hidden"] + now["shift"])
        kept = ((dice.random(_HIDDEN) > _DROPPED) / (1 - _DROPPED)).astype(np.float32)
        score = np.where(there, (inner * kept) @ now["out"] + x @ now["line"] + now["offset"], -1e9)
        chance = np.exp(score - score.max(axis=(1, 2), keepdims=True))
        off = ((chance / chance.sum(axis=(1, 2), keepdims=True) - wanted) * counts).astype(np.float32)
        back = (off @ now["out"].T) * kept * (1 - inner**2)
        slopes = {
            "hidden": _product(x, back) + decay * now["hidden"],
            "shift": back.sum(axis=(0, 1)),
            "out": _product(inner * kept, off) + decay * now["out"],
            "line": _product(x, off) + decay * now["line"],
            "offset": off.sum(axis=(0, 1)),
        }
        for name, slope in slopes.items():
            slow[name] = 0.9 * slow[name] + 0.1 * slope
            square[name] = 0.999 * square[name] + 0.001 * slope**2
            now[name] -= (
                _STEP * (slow[name] / (1 - 0.9**turn)) / (np.sqrt(square[name] / (1 - 0.999**turn)) + 1e-8)
            )
    return {"center": center, "spread": spread, **now, "table": np.array([[0.0, 0.0], [1.0, 1.0]])}


def _product(rows: NDArray[np.float32], slopes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum over all rows of the outer products."""
    flat = rows.reshape(-1, rows.shape[-1])
    return np.asarray(flat.T @ slopes.reshape(-1, slopes.shape[-1]), np.float32)


def together(networks: Sequence[dict[str, object]]) -> dict[str, object]:
    """One network that scores as the mean of several does."""
    parts = {name: [np.asarray(one[name]) for one in networks] for name in networks[0]}
    return {
        "center": parts["center"][0],
        "spread": parts["spread"][0],
        "hidden": np.concatenate(parts["hidden"], axis=1),
        "shift": np.concatenate(parts["shift"]),
        "out": np.concatenate(parts["out"]) / len(networks),
        "line": np.mean(parts["line"], axis=0),
        "offset": np.mean(parts["offset"], axis=0),
        "table": parts["table"][0],
    }


def taught(
    examples: Sequence[Example], decay: float, weights: Sequence[float] | None = None, several: int = _USUAL
) -> dict[str, object]:
    """The mean of networks taught the same from several beginnings."""
    return together([teach(examples, decay, seed, weights) for seed in range(several)])


def unseen(
    examples: Sequence[Example],
    decay: float,
    fold: Sequence[int],
    always: Sequence[Example] = (),
    times: float = 1,
    several: int = _USUAL,
) -> list[Doubles]:
    """Of each example the chances given by a network that knew none of its fold.

    always: what each of the networks is taught besides. times: how much more an example weighs than those.
    several: see `taught`.
    """
    told: list[Doubles] = [np.zeros(0)] * len(examples)
    for number in sorted(set(fold)):
        others = [one for one, its in zip(examples, fold, strict=True) if its != number]
        weights = [1.0] * len(always) + [times] * len(others)
        numbers = taught([*always, *others], decay, weights, several)
        for at, chances in enumerate(asked(numbers, examples)):
            if fold[at] == number:
                told[at] = chances
    return told


def asked(numbers: dict[str, object], examples: Sequence[Example]) -> list[Doubles]:
    """The chances that a network gives in each example."""
    one = network.parse({"version": "", **numbers})
    return [one.chances(example.features) for example in examples]


def first(examples: Sequence[Example], chances: Sequence[Doubles]) -> Doubles:
    """Of each example the chance of the likeliest, and 1 where it is right."""
    return np.array(
        [
            (given.max(), one.right.ravel()[given.argmax()])
            for one, given in zip(examples, chances, strict=True)
        ]
    ).reshape(-1, 2)


def table(told: Doubles, weights: Doubles | None = None) -> Doubles:
    """What a raw chance is worth: bins of equal weight, made to rise (pool adjacent violators).

    told: raw chance and 1 where it came true, a row for each case. weights: how much each counts.
    """
    counts = np.ones(len(told)) if weights is None else weights
    order = np.argsort(told[:, 0], kind="stable")
    told, counts = told[order], counts[order]
    place = np.minimum((np.cumsum(counts) - counts / 2) / counts.sum() * _BINS, _BINS - 1e-9).astype(int)
    pools = [
        [
            float(np.average(told[place == at, 0], weights=counts[place == at])),
            float(np.average(told[place == at, 1], weights=counts[place == at])),
            float(counts[place == at].sum()),
        ]
        for at in range(_BINS)
        if (place == at).any()
    ]
    at = 0
    while at + 1 < len(pools):
        if pools[at][1] <= pools[at + 1][1]:
            at += 1
            continue
        (x, y, n), (x2, y2, n2) = pools[at], pools.pop(at + 1)
        pools[at] = [(x * n + x2 * n2) / (n + n2), (y * n + y2 * n2) / (n + n2), n + n2]
        at = max(0, at - 1)
    most = min(_SUREST, pools[-1][1] + 0.005)
    return np.array([[0.0, 0.0], *([x, min(y, _SUREST)] for x, y, _ in pools), [1.0, most]])


def worth(pairs: Doubles, raw: Doubles) -> Doubles:
    """Raw chances as shares of cases in which they come true."""
    return np.asarray(np.interp(raw, pairs[:, 0], pairs[:, 1]))


def figures(examples: Sequence[Example], chances: Sequence[Doubles], sure: Doubles) -> Figures:
    """What comes of the likeliest of each example. sure: how surely it was told."""
    best = first(examples, chances)[:, 1]
    three = [
        one.right.ravel()[np.argsort(-given.ravel())[:3]].any()
        for one, given in zip(examples, chances, strict=True)
    ]
    counts = [one.worth.ravel()[given.argmax()] for one, given in zip(examples, chances, strict=True)]
    error = calibration_error([(float(one), bool(right)) for one, right in zip(sure, best, strict=True)])
    return Figures(
        count=len(examples),
        first=float(best.mean()),
        worth=float(np.mean(counts)),
        three=float(np.mean(three)),
        ece=error or 0.0,
        chance=chance_error(sure.tolist()) or 0.0,
    )
