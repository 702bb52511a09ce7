"""Clips to teach and to judge by: rendered once from seeds and kept, or read from folders with labels.

A folder of labelled clips has `labels.csv` (file, bpm, key, scale, source), as `bench audio` reads it, and
General MIDI `programs` where they are known.
Rendered clips are FLAC files named after their score, so that another score or recipe is another file.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np
import soundfile

from domain.adapters.audio.decode import decode
from domain.audio.analysis import NotAnalysed, Samples
from domain.audio.camelot import SCALES, TONICS
from domain.audio.mono import mono
from tests.bench.audio_render import Player, aged, produce
from tests.bench.audio_scores import STYLES, Score, compose

RATE_HZ = 22_050
SEED = 100
_RECIPE = "2"  # how a score becomes sound; another number renders everything anew
_FLATS = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A sound of which something is known. bpm, tonic: None where it is not.

    made: by whom, the set it counts to. programs: General MIDI instruments that are heard; None: not known.
    """

    file: Path
    made: str
    style: str
    bpm: float | None
    tonic: int | None
    scale: str
    programs: tuple[int, ...] | None = None

    def samples(self) -> Samples | None:
        """One channel at 22,050 Hz; None where the file can't be decoded."""
        sound = decode(self.file, self.file.name)
        return None if isinstance(sound, NotAnalysed) else mono(sound, RATE_HZ)


def rendered(
    fonts: Sequence[str], seeds: int, folder: Path, processes: int, said: Callable[[str], None] = print
) -> list[Clip]:
    """Clips of all styles, those that are not in the folder yet rendered first.

    seeds: plain clips of each style; three quarters as many have some parts loud and some buried, and as
    many again are played by one style's drums and another's band.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        _Wanted(style, seed, kind)
        for kind, share in _KINDS
        for seed in range(SEED, SEED + int(seeds * share))
        for style in STYLES
    ]
    clips, missing = [], []
    for one in wanted:
        score = one.score()
        file = folder / f"{one.style}_{one.seed}_{one.kind}_{_mark(score, fonts)}.flac"
        if not file.exists():
            missing.append((one, tuple(fonts), file))
        clips.append(
            Clip(
                file=file,
                made="ours",
                style=one.style,
                bpm=score.bpm,
                # The keys of guests' clips were taught, and keys elsewhere were read worse for it.
                tonic=None if one.kind == "guests" else score.tonic,
                scale=score.scale,
                programs=tuple(sorted({note.program for note in score.notes})),
            )
        )
    if missing:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            for at, _ in enumerate(pool.map(_render, missing, chunksize=4), 1):
                if at % 100 == 0:
                    said(f"rendered {at} of {len(missing)}")
    return clips


def labelled(folder: Path) -> Iterator[Clip]:
    """The clips of a folder with `labels.csv` but for those of the set `edge`."""
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["source"] != "edge":
                yield Clip(
                    file=folder / row["file"],
                    made=row["source"],
                    style=row.get("style") or row["source"],
                    bpm=float(row["bpm"]) if row["bpm"] else None,
                    tonic=TONICS.index(_FLATS.get(row["key"], row["key"])) if row["key"] else None,
                    scale=row["scale"] or SCALES[0],
                    programs=tuple(map(int, told.split())) if (told := row.get("programs")) else None,
                )


@dataclass(frozen=True)
class _Wanted:
    style: str
    seed: int
    kind: str

    def score(self) -> Score:
        dice = self.dice()
        return compose(
            self.style,
            self.seed,
            dice.choice((12, 15, 18)),
            mixed=self.kind != "plain",
            guests=self.kind == "guests",
        )

    def dice(self) -> Random:
        return Random(f"render:{self.style}:{self.seed}:{self.kind}")


# Which kinds of clip there are, and how many of each for one seed.
_KINDS = (("plain", 1.0), ("mixed", 0.75), ("guests", 0.75))


def _mark(score: Score, fonts: Sequence[str]) -> str:
    told = f"{_RECIPE} {[Path(font).name for font in fonts]} {score!r} {score.notes}"
    return hashlib.sha256(told.encode()).hexdigest()[:10]


@cache
def _player(font: str) -> Player:
    return Player(font, RATE_HZ)


def _render(task: tuple[_Wanted, tuple[str, ...], Path]) -> None:
    one, fonts, file = task
    dice, score = one.dice(), one.score()
    dice.random()
    sound = _player(dice.choice(fonts)).play(score.notes, score.bpm, score.cents)
    if dice.random() < 0.5:
        sound = produce(sound, RATE_HZ, dice)
    mixed = (
        aged(np.ascontiguousarray(sound.mean(axis=0)), RATE_HZ, dice)
        if one.kind != "plain"
        else sound.mean(axis=0)
    )
    hiss = np.random.default_rng(one.seed).standard_normal(mixed.size) * 10 ** dice.uniform(-5, -2.5)
    whole = mixed + hiss * mixed.std()
    whole *= min(1.0, 0.99 / max(1e-9, float(np.abs(whole).max())))
    part = file.with_suffix(".part")
    soundfile.write(part, whole.astype(np.float32), RATE_HZ, format="FLAC", subtype="PCM_16")
    part.rename(file)
