"""Teaches the networks of tempo and key with clips made up by `audio_scores`, and calibrates what they say.

    python3 -m tests.bench.audio_training FONT [FONT …] [--seeds 24] [--labelled FOLDER]

writes `domain/audio/learned/tempo.json` and `key.json` and prints how well clips are read whose style, and
whose clip, was not taught. It needs tinysoundfont and General MIDI sound fonts (see `audio_render`).
"""

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from domain.adapters.audio.decode import decode
from domain.audio import key, network, tempo
from domain.audio.analysis import NotAnalysed
from domain.audio.camelot import TONICS
from domain.audio.chroma import Peaks, chroma, peaks
from domain.audio.mono import mono
from domain.audio.onsets import Onsets, onsets
from tests.bench.audio_scores import STYLES, compose

RATE_HZ = 22_050
SEED = 100
_HIDDEN, _ROUNDS, _STEP, _DROPPED = 16, 100, 0.01, 0.2
_WEIGHT = 4
_TAUGHT = 3  # networks from as many beginnings, of which the mean is kept
_DECAY = {"tempo": 0.03, "key": 0.03}
_BINS = 12
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One choice to be learned. features: (choices, features); right: (choices, outputs), 1 where it is."""

    style: str
    features: Doubles
    right: Doubles


def tempo_example(style: str, begun: Onsets, bpm: float) -> Example | None:
    """Which of the tempos that the beat allows is the true one; None where none is."""
    whole = tempo.beat(begun)
    found = tempo.allowed(whole)
    right = np.array([[float(abs(one / bpm - 1) < tempo.SAME)] for one, _ in found])
    return (
        Example(style=style, features=tempo.features(begun, whole, found), right=right)
        if right.any()
        else None
    )


def key_example(style: str, found: Peaks, tonic: int, scale: str) -> Example:
    """Which of twelve tonics, and of two scales, is the true one."""
    right = np.zeros((12, 2))
    right[tonic, int(scale == "minor")] = 1
    return Example(style=style, features=key.features(chroma(found)), right=right)


def teach(examples: Sequence[Example], decay: float, seed: int = 0) -> dict[str, object]:
    """The numbers of a network that chooses as the examples do: Adam, drop-out and decay of weights."""
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
        off = ((chance / chance.sum(axis=(1, 2), keepdims=True) - wanted) / len(examples)).astype(np.float32)
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


def unseen(
    examples: Sequence[Example],
    decay: float,
    fold: Sequence[int],
    always: Sequence[Example] = (),
    times: int = 1,
) -> Doubles:
    """Of each example, by a network that knew none of its fold: chance of the first, and whether it is right.

    always: what each of the networks is taught besides. times: how much more an example weighs than those.
    """
    told = np.zeros((len(examples), 2))
    for number in sorted(set(fold)):
        others = [one for one, its in zip(examples, fold, strict=True) if its != number]
        taught = network.parse({"version": "", **teach([*always, *others * times], decay)})
        for at, one in enumerate(examples):
            if fold[at] == number:
                chances = taught.chances(one.features)
                best = np.unravel_index(int(chances.argmax()), chances.shape)
                told[at] = chances[best], one.right[best]
    return told


def table(told: Doubles) -> Doubles:
    """What a raw chance is worth: bins of equal size, made to rise (pool adjacent violators)."""
    order = told[np.argsort(told[:, 0])]
    pools = [
        [float(part[:, 0].mean()), float(part[:, 1].mean()), len(part)]
        for part in np.array_split(order, _BINS)
    ]
    at = 0
    while at + 1 < len(pools):
        if pools[at][1] <= pools[at + 1][1]:
            at += 1
            continue
        (x, y, n), (x2, y2, n2) = pools[at], pools.pop(at + 1)
        pools[at] = [(x * n + x2 * n2) / (n + n2), (y * n + y2 * n2) / (n + n2), n + n2]
        at = max(0, at - 1)
    return np.array(
        [[0.0, 0.0], *([x, min(y, 0.995)] for x, y, _ in pools), [1.0, min(0.995, pools[-1][1] + 0.005)]]
    )


def learn(
    name: str, examples: Sequence[Example], labelled: Sequence[Example], made: str
) -> dict[str, object]:
    """A network taught with all examples, calibrated by what unseen ones gave.

    labelled: clips from elsewhere; there are few of them, so each weighs as much as four.
    """
    decay, styles = _DECAY[name], sorted({one.style for one in examples})
    by_style = unseen(examples, decay, [styles.index(one.style) % 2 for one in examples])
    by_clip = unseen(examples, decay, [at // len(styles) % 2 for at in range(len(examples))])
    print(
        f"{name}: {len(examples)} clips; right of styles not taught {by_style[:, 1].mean():.3f}, "
        f"of clips not taught {by_clip[:, 1].mean():.3f}"
    )
    told = [by_style, by_clip]
    if labelled:
        fold = [at % 3 for at in range(len(labelled))]
        apart = unseen(labelled, decay, fold, examples, _WEIGHT)
        for source in sorted({one.style for one in labelled}):
            which = [one.style == source for one in labelled]
            print(f"  of {source}, in three folds: {apart[which, 1].mean():.3f} of {sum(which)}")
        told += [apart] * _WEIGHT
    everything = [*examples, *list(labelled) * _WEIGHT]
    numbers = together([teach(everything, decay, seed) for seed in range(_TAUGHT)])
    numbers["table"] = table(np.concatenate(told))
    version = {"tempo": tempo.VERSION, "key": key.VERSION}[name]
    short = {
        part: np.vectorize(lambda one: float(f"{one:.4g}"))(value).tolist() for part, value in numbers.items()
    }
    return {"version": version, "made": made, **short}


def elsewhere(folder: Path) -> tuple[list[Example], list[Example]]:
    """Tempo and key of clips in a folder with `labels.csv`, as `bench audio` reads it."""
    tempos, keys = [], []
    with (folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] != "edge"]
    for row in rows:
        sound = decode(folder / row["file"], row["file"])
        if isinstance(sound, NotAnalysed):
            continue
        one = mono(sound, RATE_HZ)
        if row["bpm"] and (made := tempo_example(row["source"], onsets(one, RATE_HZ), float(row["bpm"]))):
            tempos.append(made)
        if row["key"]:
            keys.append(
                key_example(row["source"], peaks(one, RATE_HZ), TONICS.index(row["key"]), row["scale"])
            )
    return tempos, keys


def save(name: str, numbers: dict[str, object]) -> Path:
    """Writes a network to where `domain.audio.network` reads it."""
    path = Path(network.__file__).with_name("learned") / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(numbers, separators=(",", ":")) + "\n")
    return path


def main(fonts: Sequence[str], seeds: int, labelled: Path | None) -> None:
    """Renders, teaches, calibrates and writes both networks."""
    from tests.bench.audio_render import Player, produce

    players = [Player(font, RATE_HZ) for font in fonts]
    tempos, keys = [], []
    clips = [(seed, style, False) for seed in range(SEED, SEED + seeds) for style in STYLES]
    clips += [(seed, style, True) for seed in range(SEED, SEED + seeds * 3 // 4) for style in STYLES]
    for seed, style, mixed in clips:
        dice = Random(f"render:{style}:{seed}")
        score = compose(style, seed, dice.choice((12, 15, 18)), mixed)
        sound = dice.choice(players).play(score.notes, score.bpm, score.cents)
        if dice.random() < 0.5:
            sound = produce(sound, RATE_HZ, dice)
        mono = np.ascontiguousarray(sound.mean(axis=0))
        hiss = np.random.default_rng(seed).standard_normal(mono.size) * 10 ** dice.uniform(-5, -2.5)
        mono = np.asarray(mono + hiss * mono.std(), np.float32)
        if (one := tempo_example(style, onsets(mono, RATE_HZ), score.bpm)) is not None:
            tempos.append(one)
        keys.append(key_example(style, peaks(mono, RATE_HZ), score.tonic, score.scale))
    more = elsewhere(labelled) if labelled else ([], [])
    made = f"python3 -m tests.bench.audio_training, {len(keys)} clips and {len(more[1])} labelled ones"
    for name, examples, others in (("tempo", tempos, more[0]), ("key", keys, more[1])):
        print(f"wrote {save(name, learn(name, examples, others, made))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fonts", nargs="+", help="General MIDI sound fonts (.sf2, .sf3)")
    parser.add_argument("--seeds", type=int, default=24, help="clips of each style")
    parser.add_argument("--labelled", type=Path, help="a folder of clips with labels.csv, taught too")
    given = parser.parse_args()
    main(given.fonts, given.seeds, given.labelled)
