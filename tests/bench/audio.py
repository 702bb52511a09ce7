"""Tempo and key of labelled clips: how often right, how sure, how long it takes; librosa beside it.

A folder holds clips and `labels.csv`: file, bpm, key, scale, source. `source` names the set; rows of the set
`edge` have expectations of their own and are left out. Acc1 allows 4 %, Acc2 also twice, thrice, half and a
third; MIREX gives 1 for the key, .5 for a fifth off, .3 for its relative and .2 for its parallel.
"""

import csv
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from domain.adapters.audio.decode import decode
from domain.audio.analysis import NotAnalysed, Samples
from domain.audio.camelot import TONICS
from domain.audio.key import key
from domain.audio.mono import mono
from domain.audio.profiles import PROFILES, likeness
from domain.audio.tempo import SAME, tempo

ACC1, ACC2, MIREX, ECE = 0.90, 0.99, 0.90, 0.05  # asked for on clips never tuned on
_RATE_HZ = 22_050
_BINS = 10
_FLATS = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}


@dataclass(frozen=True)
class Plan:
    """Where the clips are, and how many of them at most. librosa: whether it is asked where installed."""

    folder: Path
    clips: int = 10_000
    librosa: bool = True
    threshold: float = 0.7


@dataclass(frozen=True)
class Line:
    """One way of analysing, on one set. None where no label asks, or no confidence is told.

    unknown: of the labelled, the share with no tempo or key at all; shown: with a tempo over the threshold.
    """

    way: str
    set: str
    clips: int
    tempos: int
    acc1: float | None
    acc2: float | None
    first_three: float | None
    tempo_ece: float | None
    tempo_unknown: float | None
    shown: float | None
    keys: int
    mirex: float | None
    key_ece: float | None
    key_unknown: float | None
    cpu_s_per_minute: float


@dataclass(frozen=True)
class Result:
    """A line for each way and set, and the most memory the process had."""

    lines: tuple[Line, ...]
    peak_mb: int


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """Tempos and keys, surest first, with what is known of how sure; shown: whether the tempo is."""

    tempos: tuple[float, ...]
    sure: float | None
    key: tuple[str, str] | None
    key_sure: float | None
    shown: bool
    cpu_s: float


def run(plan: Plan, said: Callable[[str], None]) -> Result:
    """Every way over every clip; each clip is decoded once for all of them."""
    with (plan.folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] != "edge"][: plan.clips]
    ways: dict[str, Callable[[Samples], _Answer]] = {"catalograph": lambda one: _ours(one, plan.threshold)}
    if plan.librosa and find_spec("librosa") is not None:
        ways["librosa"] = _librosa(import_module("librosa"))
    told: dict[tuple[str, str], list[tuple[dict[str, str], _Answer, float]]] = {}
    for row in rows:
        said(row["file"])
        sound = decode(plan.folder / row["file"], row["file"])
        if isinstance(sound, NotAnalysed):
            continue
        one = mono(sound, _RATE_HZ)
        for way, ask in ways.items():
            told.setdefault((way, row["source"]), []).append((row, ask(one), one.size / _RATE_HZ))
    lines = tuple(_line(way, name, answers) for (way, name), answers in sorted(told.items()))
    return Result(lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def mirex(found: tuple[str, str] | None, tonic: str, scale: str) -> float:
    """What a key is worth by the rules of MIREX."""
    if found is None:
        return 0.0
    apart = (TONICS.index(_name(found[0])) - TONICS.index(_name(tonic))) % 12
    if found[1] == scale:
        return {0: 1.0, 5: 0.5, 7: 0.5}.get(apart, 0.0)
    return {0: 0.2, (9 if scale == "major" else 3): 0.3}.get(apart, 0.0)


def calibration_error(told: Sequence[tuple[float, bool]]) -> float | None:
    """How far confidence is from the share that is right, on average over ten bins of it (ECE)."""
    if not told:
        return None
    sure, right = np.array([one[0] for one in told]), np.array([float(one[1]) for one in told])
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            abs(float(sure[bins == at].mean() - right[bins == at].mean())) * (bins == at).mean()
            for at in set(bins.tolist())
        )
    )


def _ours(one: Samples, threshold: float) -> _Answer:
    began = time.process_time()
    beat, tonal = tempo(one, _RATE_HZ, threshold=threshold), key(one, _RATE_HZ)
    cpu_s = time.process_time() - began
    return _Answer(
        tempos=tuple(candidate.bpm for candidate in beat.candidates),
        sure=beat.confidence,
        key=(tonal.best.tonic, tonal.best.scale) if tonal.best else None,
        key_sure=tonal.best.confidence if tonal.best else None,
        shown=beat.bpm is not None,
        cpu_s=cpu_s,
    )


def _librosa(library: Any) -> Callable[[Samples], _Answer]:
    """librosa's beat tracker, and its constant-Q chroma against Krumhansl's profile."""

    def ask(one: Samples) -> _Answer:
        began = time.process_time()
        found = library.beat.beat_track(y=one, sr=_RATE_HZ)[0]
        heard = library.feature.chroma_cqt(y=one, sr=_RATE_HZ).mean(axis=1)
        best = int(likeness(np.asarray(heard, float), PROFILES["krumhansl"]).argmax())
        bpm = float(np.atleast_1d(found)[0])
        return _Answer(
            tempos=(bpm,) if bpm > 0 else (),
            sure=None,
            key=(TONICS[best % 12], ("major", "minor")[best // 12]),
            key_sure=None,
            shown=bpm > 0,
            cpu_s=time.process_time() - began,
        )

    ask(np.zeros(_RATE_HZ, np.float32))  # what it compiles at first is not counted
    return ask


def _line(way: str, name: str, answers: Sequence[tuple[dict[str, str], _Answer, float]]) -> Line:
    timed = [(float(row["bpm"]), answer) for row, answer, _ in answers if row["bpm"]]
    keyed = [
        (mirex(answer.key, row["key"], row["scale"]), answer) for row, answer, _ in answers if row["key"]
    ]
    first = [bool(answer.tempos) and _same(answer.tempos[0], bpm) for bpm, answer in timed]
    wide = [
        any(_same(answer.tempos[0], bpm * times) for times in (1, 2, 3, 1 / 2, 1 / 3))
        if answer.tempos
        else False
        for bpm, answer in timed
    ]
    return Line(
        way,
        name,
        len(answers),
        len(timed),
        _share(first),
        _share(wide),
        _share([any(_same(one, bpm) for one in answer.tempos[:3]) for bpm, answer in timed]),
        calibration_error(
            [
                (answer.sure, right)
                for (_, answer), right in zip(timed, first, strict=True)
                if answer.sure is not None
            ]
        ),
        _share([not answer.tempos for _, answer in timed]),
        _share([answer.shown for _, answer in timed]),
        len(keyed),
        _share([worth for worth, _ in keyed]),
        calibration_error(
            [(answer.key_sure, worth == 1) for worth, answer in keyed if answer.key_sure is not None]
        ),
        _share([answer.key is None for _, answer in keyed]),
        round(60 * sum(answer.cpu_s for _, answer, _ in answers) / sum(length for *_, length in answers), 3),
    )


def _share(parts: Sequence[float]) -> float | None:
    return float(np.mean(parts)) if parts else None


def _same(one: float, other: float) -> bool:
    return abs(one / other - 1) < SAME


def _name(tonic: str) -> str:
    return _FLATS.get(tonic, tonic)
