"""Tempo, key and genre of labelled clips: how often right, how sure, what it costs; librosa beside it.

A folder holds clips and `labels.csv`: file, bpm, key, scale, style, source, notes. `source` names the set;
the set `edge` has odd files with expectations of their own (`audio_edge`). Tempo, key and genre are what
`analyze` says, with the taggers where their weights are installed. Acc1 allows 4 %, Acc2 also twice, thrice,
half and a third; MIREX gives 1 for the key, .5 for a fifth off, .3 for its relative and .2 for its parallel.
"""

import csv
import math
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.adapters.audio import musicnn
from domain.adapters.audio.analyse import analyse
from domain.adapters.audio.decode import decode
from domain.adapters.audio.orders import Settings
from domain.adapters.audio.pool import Pool
from domain.audio.analysis import Analysis, NotAnalysed, Samples, Sound
from domain.audio.camelot import TONICS
from domain.audio.key import key
from domain.audio.labels import ELECTRONIC
from domain.audio.loudness import LoudnessMeter
from domain.audio.mel import RATE_HZ as HEARD_HZ
from domain.audio.meters import hear
from domain.audio.mono import mono
from domain.audio.profiles import PROFILES, likeness
from domain.audio.quality import QualityMeter
from domain.audio.tempo import SAME, tempo
from tests.bench.audio_edge import unexpected, unexpected_music
from tests.bench.taggers import GENRE_OF

ACC1, ACC2, MIREX, ECE = 0.90, 0.99, 0.90, 0.05  # asked for on clips never tuned on
FIRST_THREE, CPU_S = 0.95, 1.0
PARTS = ("decode", "quality and loudness", "tempo", "key", "taggers", "rest")
_RATE_HZ = 22_050
_BINS = 10
_THROWS = 2000
_FLATS = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}


@dataclass(frozen=True)
class Plan:
    """Where the clips are, and how many of them at most. librosa: whether it is asked where installed.

    weights: the folder of the taggers' weights, if they are to hear; they lean the tempo.
    """

    folder: Path
    clips: int = 10_000
    librosa: bool = True
    threshold: float = 0.7
    weights: Path | None = None


@dataclass(frozen=True)
class Line:
    """One way of analysing, on one set. None where no label asks, or no confidence is told.

    chance_ece: the error of calibration that chance alone gives so few clips.
    unknown: of the labelled, the share with no tempo, key or genre at all; shown: with a tempo over the
    threshold. cpu_s_per_minute: of all that this way does. of_that: by part; each was also done by itself,
    and the rest is what is left of the whole.
    """

    way: str
    set: str
    clips: int
    tempos: int
    acc1: float | None
    acc2: float | None
    first_three: float | None
    tempo_ece: float | None
    tempo_chance_ece: float | None
    tempo_unknown: float | None
    shown: float | None
    keys: int
    mirex: float | None
    key_ece: float | None
    key_chance_ece: float | None
    key_unknown: float | None
    genres: int
    genre_right: float | None
    genre_ece: float | None
    genre_chance_ece: float | None
    genre_unknown: float | None
    cpu_s_per_minute: float
    of_that: Mapping[str, float]


@dataclass(frozen=True)
class Odd:
    """What an odd file gave that was not expected."""

    file: str
    said: str


@dataclass(frozen=True)
class Result:
    """A line for each way and set, and the most memory that analysing the clips took.

    taggers: which ones heard, or none. odd: how many odd files there were, each analysed in a process of its
    own; wrong: what was not as expected of them. refused: clips that gave nothing; each is a miss of its set.
    """

    lines: tuple[Line, ...]
    peak_mb: int
    taggers: str | None
    odd: int
    wrong: tuple[Odd, ...]
    refused: tuple[Odd, ...]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """Tempos and keys, surest first, with what is known of how sure; shown: whether the tempo is."""

    tempos: tuple[float, ...]
    sure: float | None
    key: tuple[str, str] | None
    key_sure: float | None
    shown: bool
    cpu_s: float
    genre: str | None = None
    genre_sure: float | None = None
    of_that: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Clip:
    row: Mapping[str, str]
    answer: _Answer
    seconds: float


def run(plan: Plan, said: Callable[[str], None]) -> Result:
    """Every way over every clip, and the odd files."""
    with (plan.folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    settings = Settings(bpm_confidence_threshold=plan.threshold, weights=str(plan.weights or ""))
    models = musicnn.load_taggers(plan.weights) if plan.weights else None
    clips = [row for row in rows if row["source"] != "edge"][: plan.clips]
    told: dict[tuple[str, str], list[_Clip]] = {}
    refused = []
    for row in clips:
        said(row["file"])
        path = plan.folder / row["file"]
        began = time.process_time()
        found = analyse(path, settings=settings)
        whole = time.process_time() - began
        if isinstance(found, NotAnalysed):
            refused.append(Odd(row["file"], f"{found.code}: {found.text}"))
            clip = _Clip(row=row, answer=_nothing(whole), seconds=0.0)
        else:
            of_that = _parts(path, models, plan.threshold)
            of_that["rest"] = max(0.0, whole - sum(of_that.values()))
            clip = _Clip(row=row, answer=_ours(found, whole, of_that), seconds=found.duration_s)
        told.setdefault(("catalograph", row["source"]), []).append(clip)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if plan.librosa and find_spec("librosa"):
        ask = _librosa(import_module("librosa"))
        for row in clips:
            said(f"{row['file']} by librosa")
            sound = decode(plan.folder / row["file"])
            if isinstance(sound, Sound):
                clip = _Clip(row=row, answer=ask(mono(sound, _RATE_HZ)), seconds=sound.duration_s)
                told.setdefault(("librosa", row["source"]), []).append(clip)
    odd = [row for row in rows if row["source"] == "edge" and (plan.folder / row["file"]).exists()]
    return Result(
        tuple(_line(way, name, clips) for (way, name), clips in sorted(told.items())),
        peak_mb,
        musicnn.MODEL if models else None,
        len(odd),
        tuple(_wrong(plan.folder, odd, settings, said)),
        tuple(refused),
    )


def _wrong(
    folder: Path, rows: Sequence[Mapping[str, str]], settings: Settings, said: Callable[[str], None]
) -> list[Odd]:
    """What odd files give that is not expected; a crash is the finding of the process that replaces it."""
    if not rows:
        return []
    wrong = []
    with Pool(1, settings=settings) as pool:
        for row in rows:
            said(row["file"])
            name, found = Path(row["file"]).name, pool.analyse(folder / row["file"])
            texts = [*unexpected(name, found, row.get("notes") or ""), *unexpected_music(name, found)]
            wrong += [Odd(row["file"], text) for text in texts]
    return wrong


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
    return float(_errors(sure, right))


def chance_error(sure: Sequence[float]) -> float | None:
    """The calibration error of so many cases, told so surely, where each comes true just as often as is told.

    Of few cases it is not 0: no more than chance is in it. The median of 2,000 throws.
    """
    if not sure:
        return None
    told, dice = np.array(sure), np.random.default_rng(0)
    return float(np.median(_errors(told, dice.random((_THROWS, told.size)) < told)))


def _errors(sure: NDArray[np.float64], right: NDArray[Any]) -> NDArray[np.float64]:
    """The error of calibration of each row of outcomes."""
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return np.asarray(np.abs((sure - right) @ (bins[:, None] == np.arange(_BINS))).sum(axis=-1) / sure.size)


def _ours(found: Analysis, cpu_s: float, of_that: Mapping[str, float]) -> _Answer:
    best = found.key.best
    heard = found.tagged.labels.genre if found.tagged else ()
    genre = next((one for one in heard if one.name not in ELECTRONIC), None)
    return _Answer(
        tempos=tuple(candidate.bpm for candidate in found.tempo.candidates),
        sure=found.tempo.confidence,
        key=(best.tonic, best.scale) if best else None,
        key_sure=best.confidence if best else None,
        shown=found.tempo.bpm is not None,
        cpu_s=cpu_s,
        genre=genre.name if genre else None,
        genre_sure=genre.confidence if genre else None,
        of_that=of_that,
    )


def _nothing(cpu_s: float) -> _Answer:
    return _Answer(tempos=(), sure=None, key=None, key_sure=None, shown=False, cpu_s=cpu_s)


def _parts(path: Path, models: musicnn.Taggers | None, threshold: float) -> dict[str, float]:
    """What each part costs by itself, in seconds of a processor."""
    spent: dict[str, float] = {}
    began = time.process_time()

    def lap(part: str) -> None:
        nonlocal began
        now = time.process_time()
        spent[part], began = now - began, time.process_time()

    sound = decode(path)
    lap("decode")
    assert isinstance(sound, Sound)
    hear(sound, QualityMeter(), LoudnessMeter())
    lap("quality and loudness")
    one, heard = mono(sound, _RATE_HZ), mono(sound, HEARD_HZ)
    began = time.process_time()
    tempo(one, _RATE_HZ, threshold=threshold)
    lap("tempo")
    key(one, _RATE_HZ)
    lap("key")
    musicnn.tag(heard, models)
    lap("taggers")
    return spent


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


def _line(way: str, name: str, clips: Sequence[_Clip]) -> Line:
    timed = [(float(clip.row["bpm"]), clip.answer) for clip in clips if clip.row["bpm"]]
    keyed = [
        (mirex(clip.answer.key, clip.row["key"], clip.row["scale"]), clip.answer)
        for clip in clips
        if clip.row["key"]
    ]
    genres = [(_genre(clip.row), clip.answer) for clip in clips if way == "catalograph" and _genre(clip.row)]
    first = [bool(answer.tempos) and _same(answer.tempos[0], bpm) for bpm, answer in timed]
    wide = [
        any(_same(answer.tempos[0], bpm * times) for times in (1, 2, 3, 1 / 2, 1 / 3))
        if answer.tempos
        else False
        for bpm, answer in timed
    ]
    minutes = sum(clip.seconds for clip in clips) / 60 or math.inf
    parts = {part: sum(clip.answer.of_that.get(part, 0.0) for clip in clips) / minutes for part in PARTS}
    return Line(
        way,
        name,
        len(clips),
        len(timed),
        _share(first),
        _share(wide),
        _share([any(_same(one, bpm) for one in answer.tempos[:3]) for bpm, answer in timed]),
        *_calibration(
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
        *_calibration(
            [(answer.key_sure, worth == 1) for worth, answer in keyed if answer.key_sure is not None]
        ),
        _share([answer.key is None for _, answer in keyed]),
        len(genres),
        _share([answer.genre == genre for genre, answer in genres]),
        *_calibration(
            [
                (answer.genre_sure, answer.genre == genre)
                for genre, answer in genres
                if answer.genre_sure is not None
            ]
        ),
        _share([answer.genre is None for _, answer in genres]),
        round(sum(clip.answer.cpu_s for clip in clips) / minutes, 3),
        {part: round(spent, 3) for part, spent in parts.items()} if way == "catalograph" else {},
    )


def _calibration(told: Sequence[tuple[float, bool]]) -> tuple[float | None, float | None]:
    return calibration_error(told), chance_error([sure for sure, _ in told])


def _genre(row: Mapping[str, str]) -> str | None:
    """The genre that a style belongs to, all electronic ones being one; None where it is no genre."""
    genre = GENRE_OF.get(row.get("style") or "")
    return "electronic" if genre in ELECTRONIC else genre


def _share(parts: Sequence[float]) -> float | None:
    return float(np.mean(parts)) if parts else None


def _same(one: float, other: float) -> bool:
    return abs(one / other - 1) < SAME


def _name(tonic: str) -> str:
    return _FLATS.get(tonic, tonic)
