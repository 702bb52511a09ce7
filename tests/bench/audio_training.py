"""Teaches the networks of tempo and key with clips made up by `audio_scores`, and calibrates what they say.

    python3 -m tests.bench.audio_training FONT [FONT …] [--seeds 24] [--labelled FOLDER] [--apart FOLDER]
        [--kept FOLDER] [--processes 2] [--write]

prints how clips are read that were not taught; with --write it makes `domain/audio/learned/tempo.json` and
`key.json` and puts the figures into docs/enrichment.md. It needs tinysoundfont and General MIDI sound fonts
(see `audio_render`). What was rendered and computed is kept, so that doing it again takes seconds.
"""

import argparse
import hashlib
import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.audio import chroma, key, network, onsets, tempo
from domain.audio.camelot import SCALES, TONICS
from tests.bench import audio_learning as learning
from tests.bench.audio import mirex
from tests.bench.audio_clips import RATE_HZ, Clip, labelled, rendered
from tests.bench.audio_learning import Example, Figures
from tests.bench.audio_sound import fitting

DOCS = Path(__file__).parents[2] / "docs" / "enrichment.md"
_BEGIN, _END = "<!-- figures: {} -->\n", "<!-- end of figures -->\n"
_WIDE = (1, 2, 3, 1 / 2, 1 / 3)
# By network: the decay of its weights, and how much a labelled clip counts beside one of ours.
_DECAY, _TIMES = {"tempo": 0.03, "key": 0.03}, 4.0
# Of how many networks the mean is kept: with four, MIREX of 36 clips swung by five with how they began.
_SEVERAL = {"tempo": 4, "key": 8}
# How much a clip of others counts in the calibration beside one of ours: together a fourth of all, so that
# neither our own styles alone nor the few of others say how sure a network is.
_COUNTS, _OF_HAND = {"synthetic": 15.0}, 8.0
_VERSIONS = {"tempo": tempo.VERSION, "key": key.VERSION}
_ALONE = ", none but ours taught"
_NAMES = {
    "synthetic": "synthetic, another generator than ours, five codecs",
    "midi": "rendered MIDI of games",
    "freedoom": "other MIDI of Freedoom",
    "transport": "MIDI of OpenMSX and Planet Blupi",
    "real": "real game music, labels by consensus of programs",
}

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was said of clips that were not taught. counts: how much each counts in the calibration."""

    name: str
    examples: Sequence[Example]
    chances: Sequence[Doubles]
    counts: float


def tempo_example(clip: Clip, begun: onsets.Onsets) -> Example:
    """Which of the tempos that the beat allows is the true one."""
    whole = tempo.beat(begun)
    found = tempo.allowed(whole)
    off = np.array([[abs(one / (clip.bpm or 1) / times - 1) for times in _WIDE] for one, _ in found])
    off = off.reshape(len(found), len(_WIDE))
    return Example(
        made=clip.made,
        style=clip.style,
        features=tempo.features(begun, whole, found) if found else np.zeros((0, 0)),
        right=(off[:, :1] < tempo.SAME).astype(float),
        worth=(off < tempo.SAME).any(axis=1, keepdims=True).astype(float),
    )


def key_example(clip: Clip, found: chroma.Peaks) -> Example:
    """Which of twelve tonics, and of two scales, is the true one."""
    assert clip.tonic is not None
    true = TONICS[clip.tonic]
    worth = np.array([[mirex((tonic, scale), true, clip.scale) for scale in SCALES] for tonic in TONICS])
    return Example(
        made=clip.made,
        style=clip.style,
        features=key.features(chroma.chroma(found)),
        right=(worth == 1).astype(float),
        worth=worth,
    )


def examples(clips: Sequence[Clip], kept: Path, processes: int) -> dict[str, list[Example]]:
    """What is to be chosen in each clip. It is kept, and made anew where the code of it changed."""
    code = b"".join(Path(one.__file__ or "").read_bytes() for one in (chroma, key, onsets, tempo))
    store = kept / f"examples-{hashlib.sha256(code).hexdigest()[:12]}.pickle"
    known: dict[Clip, dict[str, Example]] = pickle.loads(store.read_bytes()) if store.exists() else {}
    missing = [clip for clip in clips if clip not in known]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for at, (clip, made) in enumerate(
            zip(missing, pool.map(listened, missing, chunksize=8), strict=True), 1
        ):
            known[clip] = made
            if at % 200 == 0 or at == len(missing):
                print(f"listened to {at} of {len(missing)}", flush=True)
                store.write_bytes(pickle.dumps(known))
    return {name: [known[clip][name] for clip in clips if name in known[clip]] for name in _DECAY}


def listened(clip: Clip) -> dict[str, Example]:
    """What is to be chosen in one clip, as far as the truth is known."""
    one = clip.samples()
    made: dict[str, Example] = {}
    if one is None:
        return made
    if clip.bpm is not None:
        made["tempo"] = tempo_example(clip, onsets.onsets(one, RATE_HZ))
    if clip.tonic is not None:
        made["key"] = key_example(clip, chroma.peaks(one, RATE_HZ))
    return {name: example for name, example in made.items() if example.features.size}


def judged(
    name: str, ours: Sequence[Example], others: Sequence[Example], apart: Sequence[Example]
) -> Iterator[Told]:
    """What networks say of clips, or of styles, that they were not taught."""
    decay, several = _DECAY[name], _SEVERAL[name]
    styles = sorted({one.style for one in ours})
    fold = [styles.index(one.style) % 2 for one in ours]
    by_style = learning.unseen(ours, decay, fold, several=several)
    yield Told(name="ours, styles not taught", examples=ours, chances=by_style, counts=1)
    fold = [at // len(styles) % 2 for at in range(len(ours))]
    by_clip = learning.unseen(ours, decay, fold, several=several)
    yield Told(name="ours, clips not taught", examples=ours, chances=by_clip, counts=1)
    if others:
        fold = [at % 3 for at in range(len(others))]
        chances = learning.unseen(others, decay, fold, ours, _TIMES, several)
        yield from _by_maker(others, chances, "")
    if others or apart:
        alone = learning.taught(ours, decay, several=several)
        yield from _by_maker(others, learning.asked(alone, others), _ALONE, counted=False)
        yield from _by_maker(apart, learning.asked(alone, apart), _ALONE)


def _by_maker(
    several: Sequence[Example], chances: Sequence[Doubles], how: str, *, counted: bool = True
) -> Iterator[Told]:
    for made in dict.fromkeys(one.made for one in several):
        which = [at for at, one in enumerate(several) if one.made == made]
        yield Told(
            name=_NAMES.get(made, made) + how,
            examples=[several[at] for at in which],
            chances=[chances[at] for at in which],
            counts=_COUNTS.get(made, _OF_HAND) if counted else 0.0,
        )


def calibration(told: Sequence[Told], part: int | None = None) -> Doubles:
    """What chances are worth by what came true, by all clips or by all but a third of each set."""
    pairs, weights = [np.zeros((0, 2))], [np.zeros(0)]
    for one in told:
        if one.counts:
            first = learning.first(one.examples, one.chances)
            used = np.arange(len(first)) % 3 != part
            pairs.append(first[used])
            weights.append(np.full(int(used.sum()), one.counts))
    return learning.table(np.concatenate(pairs), np.concatenate(weights))


def measured(told: Sequence[Told]) -> dict[str, Figures]:
    """The figures of each set; how sure it was is told by what the other two thirds of clips came to."""
    tables = [calibration(told, part) for part in range(3)]
    found = {}
    for one in told:
        raw = learning.first(one.examples, one.chances)[:, 0]
        sure = np.array(
            [float(learning.worth(tables[at % 3], raw[at : at + 1])[0]) for at in range(len(raw))]
        )
        found[one.name] = learning.figures(one.examples, one.chances, sure)
    return found


def printed(tempos: Mapping[str, Figures], keys: Mapping[str, Figures]) -> str:
    """The figures as a table in Markdown. In brackets: the error of calibration by chance alone."""

    def cells(one: Figures | None, *shown: str) -> list[str]:
        if one is None:
            return [""] * (2 + len(shown))
        figures = [f"{100 * getattr(one, name):.1f}" for name in shown]
        return [str(one.count), *figures, f"{100 * one.ece:.1f} ({100 * one.chance:.1f})"]

    rows = [
        "| clips not taught | tempos | Acc1 | Acc2 | first three | ECE | keys | exact | MIREX | ECE |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys([*tempos, *keys]):
        told = [
            *cells(tempos.get(name), "first", "worth", "three"),
            *cells(keys.get(name), "first", "worth"),
        ]
        rows.append(f"| {name} | {' | '.join(told)} |")
    return "\n".join(rows) + "\n"


def learned(
    name: str, told: Sequence[Told], ours: Sequence[Example], others: Sequence[Example], made: str
) -> dict[str, object]:
    """What is kept of a network taught with everything, calibrated by what unseen clips gave."""
    weights = [1.0] * len(ours) + [_TIMES] * len(others)
    numbers = learning.taught([*ours, *others], _DECAY[name], weights, _SEVERAL[name])
    numbers["table"] = calibration(told)
    short = {
        part: np.vectorize(lambda one: float(f"{one:.4g}"))(value).tolist() for part, value in numbers.items()
    }
    return {"version": _VERSIONS[name], "made": made, **short, "fits": fitting()[name]}


def save(name: str, numbers: Mapping[str, object]) -> Path:
    """Writes a network to where `domain.audio.network` reads it."""
    path = Path(network.__file__).with_name("learned") / f"{name}.json"
    path.write_text(json.dumps(numbers, separators=(",", ":")) + "\n")
    return path


def into_docs(maker: str, lines: str) -> None:
    """Puts figures into docs/enrichment.md, in the place of those that the same command put there before."""
    begin = _BEGIN.format(maker)
    before, after = DOCS.read_text().split(begin)
    DOCS.write_text(before + begin + lines + _END + after.split(_END, 1)[1])


def main(given: argparse.Namespace) -> None:
    """Renders, teaches, judges and calibrates both networks; writes them where that is asked for."""
    mine = rendered(given.fonts, given.seeds, given.kept, given.processes)
    taught = [clip for folder in given.labelled for clip in labelled(folder)]
    apart = [clip for folder in given.apart for clip in labelled(folder)]
    ours, others, rest = (examples(clips, given.kept, given.processes) for clips in (mine, taught, apart))
    made = f"python3 -m tests.bench.audio_training, {len(mine)} clips and {len(taught)} labelled ones"
    figures: dict[str, dict[str, Figures]] = {}
    for name in ("tempo", "key"):
        told = list(judged(name, ours[name], others[name], rest[name]))
        figures[name] = measured(told)
        if given.write:
            print(f"wrote {save(name, learned(name, told, ours[name], others[name], made))}", flush=True)
    lines = printed(figures["tempo"], figures["key"])
    print(lines)
    if given.write:
        into_docs("tests.bench.audio_training", lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fonts", nargs="+", help="General MIDI sound fonts (.sf2, .sf3)")
    parser.add_argument("--seeds", type=int, default=24, help="clips of each style")
    parser.add_argument("--labelled", type=Path, action="append", default=[], help="clips taught too")
    parser.add_argument("--apart", type=Path, action="append", default=[], help="clips only judged by")
    parser.add_argument("--kept", type=Path, default=Path(".catalograph/clips"), help="where clips are kept")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="writes the networks and the figures")
    main(parser.parse_args())
