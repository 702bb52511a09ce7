"""What the taggers' scores of instruments are worth, by clips whose General MIDI programs are known.

    python3 -m tests.bench.audio_instruments FONT [FONT …] --weights FOLDER [--seeds 24] [--apart FOLDER]
        [--kept FOLDER] [--write]

prints how surely and how rightly each instrument is told in styles that its curve was not made by, and in
clips from elsewhere; with --write it makes `domain/audio/learned/instruments.json` and puts the figures into
docs/enrichment.md. Nobody sings in these clips, so of voices it counts false alarms alone.
"""

import argparse
import hashlib
import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from domain.adapters.audio import musicnn
from domain.adapters.audio import network as tagging
from domain.adapters.audio.musicnn import Taggers
from domain.adapters.audio.weights import Weights
from domain.audio import labels, mel, network
from tests.bench.audio import calibration_error
from tests.bench.audio_clips import RATE_HZ, Clip, labelled, rendered
from tests.bench.audio_learning import table, worth
from tests.bench.audio_training import into_docs

PROGRAMS: Mapping[str, frozenset[int]] = {
    "guitar": frozenset(range(24, 32)),
    "piano": frozenset(range(6)),
    "strings": frozenset({40, 41, 42, 43, 44, 45, 48, 49, 50, 51}),
    "drums": frozenset({-1}),
    "synthesizer": frozenset({38, 39, 50, 51, 62, 63, *range(80, 104)}),
    "flute": frozenset({72, 73, 74, 75}),
    "harpsichord": frozenset({6}),
    "harp": frozenset({46}),
    "sitar": frozenset({104}),
}
VOICES = frozenset({52, 53, 54, 85, 91})
_LEAST = 30  # so many clips have to have an instrument, and as many not, for a curve

Scores = Mapping[str, float]
Doubles = NDArray[np.float64]


def heard(clips: Sequence[Clip], weights: Path, kept: Path) -> list[tuple[Clip, Scores]]:
    """What the taggers give each clip. It is kept, and made anew where the code of it changed."""
    code = b"".join(Path(one.__file__ or "").read_bytes() for one in (mel, musicnn, tagging))
    store = kept / f"tags-{hashlib.sha256(code).hexdigest()[:12]}.pickle"
    known: dict[Clip, Scores] = pickle.loads(store.read_bytes()) if store.exists() else {}
    taggers = Taggers(Weights(weights))
    missing = [clip for clip in clips if clip not in known]
    for at, clip in enumerate(missing, 1):
        one = clip.samples()
        if one is not None:
            known[clip] = taggers.hear(
                np.asarray(soxr.resample(one, RATE_HZ, mel.RATE_HZ), np.float32)
            ).scores
        if at % 200 == 0 or at == len(missing):
            print(f"heard {at} of {len(missing)}", flush=True)
            store.write_bytes(pickle.dumps(known))
    return [(clip, known[clip]) for clip in clips if clip in known]


def pairs(name: str, told: Sequence[tuple[Clip, Scores]]) -> Doubles:
    """Of each clip the score of an instrument, and 1 where it plays."""
    tags = {name: labels.INSTRUMENTS[name]}
    return np.array(
        [
            (labels.raw(tags, scores)[name], bool(PROGRAMS[name] & set(clip.programs or ())))
            for clip, scores in told
        ],
        float,
    ).reshape(-1, 2)


def judged(
    ours: Sequence[tuple[Clip, Scores]], apart: Sequence[tuple[Clip, Scores]]
) -> Iterator[tuple[str, Doubles | None, list[str]]]:
    """By instrument its curve, None where it can't be counted, and a line of what it comes to."""
    styles = sorted({clip.style for clip, _ in ours})
    half = np.array([styles.index(clip.style) % 2 for clip, _ in ours])
    for name in PROGRAMS:
        told, other = pairs(name, ours), pairs(name, apart)
        playing = int(told[:, 1].sum())
        line = [name, str(len(told)), f"{100 * told[:, 1].mean():.1f}"]
        if min(playing, len(told) - playing) < _LEAST:
            yield name, None, [*line, "", "", "", ""]
            continue
        sure = np.zeros(len(told))
        for number in (0, 1):
            sure[half == number] = worth(table(told[half != number]), told[half == number, 0])
        curve = table(told)
        line += _figures(sure, told)
        line += _figures(worth(curve, other[:, 0]), other) if len(other) else ["", ""]
        yield name, curve, line


def _figures(sure: Doubles, told: Doubles) -> list[str]:
    """How far confidence is off, and how many clips are told it surer than 0.5 and rightly."""
    error = calibration_error(
        [(float(one), bool(is_so)) for one, is_so in zip(sure, told[:, 1], strict=True)]
    )
    said = sure >= 0.5
    right = f"{int(said.sum())}, {100 * told[said, 1].mean():.0f}" if said.any() else "0"
    return [f"{100 * (error or 0):.1f}", right]


def false_alarms(told: Sequence[tuple[Clip, Scores]]) -> str:
    """How often a voice is heard where there is none, and where a choir of the sound font sings."""

    def share(which: Callable[[Clip], bool]) -> str:
        voiced = [
            (given := labels.raw(labels.VOCALS, scores))["vocal"] >= given["instrumental"]
            for clip, scores in told
            if which(clip)
        ]
        return f"{100 * np.mean(voiced):.1f} % of {len(voiced)}" if voiced else "none of 0"

    def sung(clip: Clip) -> bool:
        return bool(VOICES & set(clip.programs or ()))

    return (
        f"Voice is heard before its absence in {share(lambda clip: not sung(clip))} clips without any, "
        f"and in {share(sung)} with a choir or voice of the sound font.\n"
    )


def main(given: argparse.Namespace) -> None:
    """Renders, hears, counts; writes curves and figures where that is asked for."""
    ours = heard(rendered(given.fonts, given.seeds, given.kept, given.processes), given.weights, given.kept)
    clips = [clip for folder in given.apart for clip in labelled(folder) if clip.programs is not None]
    apart = heard(clips, given.weights, given.kept)
    rows = [
        f"| instrument | clips | in how many, % | ECE | surer than 0.5, of which right, % "
        f"| ECE in {len(apart)} pieces of games | surer than 0.5, of which right, % |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    curves = {}
    for name, curve, line in judged(ours, apart):
        rows.append(f"| {' | '.join(line)} |")
        if curve is not None:
            curves[name] = [[float(f"{part:.4g}") for part in pair] for pair in curve]
    figures = "\n".join(rows) + "\n\n" + false_alarms(ours)
    print(figures)
    if given.write:
        made = f"python3 -m tests.bench.audio_instruments, {len(ours)} clips"
        path = Path(network.__file__).with_name("learned") / "instruments.json"
        path.write_text(json.dumps({"made": made, "curves": curves}, separators=(",", ":")) + "\n")
        into_docs("tests.bench.audio_instruments", figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fonts", nargs="+", help="General MIDI sound fonts (.sf2, .sf3)")
    parser.add_argument("--weights", type=Path, required=True, help="the folder of the taggers' weights")
    parser.add_argument("--seeds", type=int, default=24, help="clips of each style")
    parser.add_argument("--apart", type=Path, action="append", default=[], help="clips only judged by")
    parser.add_argument("--kept", type=Path, default=Path(".catalograph/clips"), help="where clips are kept")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="writes the curves and the figures")
    main(parser.parse_args())
