"""Renders MIDI files as labelled clips: tempo by their tempo map, key where their notes leave no doubt.

    python3 -m tests.bench.audio_midi SET FOLDER FONT FILE [FILE …] [--without NAME …]

writes FLAC files and `labels.csv` into the folder. A file is a standard MIDI file or a WAD of Doom, which
holds several; --without leaves out pieces by a part of their name. A piece gives one clip of 20 s from its
twelfth second on, where it is long enough, keeps one tempo throughout, and its notes keep to it (a piece
played freely over a tempo that nobody set has none). Three published profiles have to agree clearly on the
key of what is heard there, or there is none. It needs tinysoundfont (`audio_render`).
"""

import argparse
import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from domain.audio.camelot import SCALES, TONICS
from domain.audio.profiles import PROFILES, likeness
from tests.bench.audio_render import Player

RATE_HZ = 22_050
_BEGIN_S, _LENGTH_S = 12.0, 20.0
_CLEARLY = 0.06  # how much more alike the first key must be than the second
_KEPT, _NEAR = 0.75, 0.04  # the share of notes that begin so near (in beats) a quarter or third of a beat
_PROFILES = ("krumhansl", "temperley", "bgate")
_USUAL_TEMPO = 500_000  # microseconds a beat, where a file says nothing
_LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A MIDI file read. events: seconds, status byte and data, in order; tempos: seconds and bpm."""

    name: str
    events: tuple[tuple[float, int, tuple[int, ...]], ...]
    tempos: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        """When its last event is."""
        return self.events[-1][0] if self.events else 0.0

    def bpm(self, begin: float, end: float) -> float | None:
        """Its tempo between two moments; None where it changes."""
        before = [bpm for at, bpm in self.tempos if at <= begin + 1e-6][-1:]
        heard = {round(bpm, 2) for bpm in [*before, *(bpm for at, bpm in self.tempos if begin < at < end)]}
        return heard.pop() if len(heard) == 1 else None

    def keeps(self, begin: float, end: float, bpm: float) -> float:
        """The share of notes between two moments that begin where beats are divided in three or four."""
        since = max(at for at, _ in self.tempos if at <= begin + 1e-6)
        begins = [
            (at - since) * bpm / 60
            for at, status, data in self.events
            if begin <= at < end and status & 0xF0 == 0x90 and data[1]
        ]
        off = [min(abs(beat * by - round(beat * by)) / by for by in (3, 4)) for beat in begins]
        return float(np.mean([one < _NEAR for one in off])) if off else 0.0

    def programs(self, begin: float, end: float) -> list[int]:
        """The instruments that begin notes between two moments; -1 for the drums."""
        now, heard = dict[int, int](), set[int]()
        for at, status, data in self.events:
            if status & 0xF0 == 0xC0:
                now[status & 0x0F] = data[0]
            elif status & 0xF0 == 0x90 and data[1] and begin <= at < end:
                heard.add(-1 if status & 0x0F == 9 else now.get(status & 0x0F, 0))
        return sorted(heard)

    def pitches(self, begin: float, end: float) -> NDArray[np.float64]:
        """How long each pitch class sounds between two moments, drums left out."""
        told, since = np.zeros(12), dict[tuple[int, int], float]()
        for at, status, data in self.events:
            if status & 0xE0 == 0x80 and status & 0x0F != 9:
                note = (status & 0x0F, data[0])
                if note in since:
                    told[data[0] % 12] += max(0.0, min(at, end) - max(since.pop(note), begin))
                if status & 0xF0 == 0x90 and data[1]:
                    since[note] = at
        return told


def pieces(path: Path) -> Iterator[Piece]:
    """The pieces in a MIDI file or in a WAD."""
    told = path.read_bytes()
    if told[1:4] != b"WAD":
        yield read(path.stem, told)
        return
    count, directory = struct.unpack_from("<II", told, 4)
    for at in range(count):
        begin, size, name = struct.unpack_from("<II8s", told, directory + 16 * at)
        if told[begin : begin + 4] == b"MThd":
            yield read(f"{path.stem}_{name.rstrip(bytes(1)).decode().lower()}", told[begin : begin + size])


def read(name: str, told: bytes) -> Piece:
    """A standard MIDI file of format 0 or 1, timed by ticks a beat."""
    _, tracks, ticks = struct.unpack_from(">HHH", told, 8)
    at, timed = 14, list[tuple[int, int, int, tuple[int, ...]]]()
    for track in range(tracks):
        if told[at : at + 4] != b"MTrk":
            break
        size = struct.unpack_from(">I", told, at + 4)[0]
        timed += [(when, track, *event) for when, *event in _track(told[at + 8 : at + 8 + size])]  # type: ignore[misc]
        at += 8 + size
    timed.sort(key=lambda one: (one[0], one[2] != 0xFF, one[1]))
    now, since, beat = 0.0, 0, _USUAL_TEMPO
    events, tempos = list[tuple[float, int, tuple[int, ...]]](), [(0.0, 120.0)]
    for when, _, status, data in timed:
        now += (when - since) * beat / ticks / 1e6
        since = when
        if status == 0xFF:
            beat = int.from_bytes(bytes(data), "big")
            tempos.append((now, 6e7 / beat))
        else:
            events.append((now, status, data))
    return Piece(name=name, events=tuple(events), tempos=tuple(tempos))


def _track(told: bytes) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Ticks, status and data of every event that sounds, and of tempos (status 255)."""
    at, now, status = 0, 0, 0
    while at < len(told):
        at, wait = _number(told, at)
        now += wait
        if told[at] & 0x80:
            status, at = told[at], at + 1
        if status == 0xFF:
            kind = told[at]
            at, size = _number(told, at + 1)
            if kind == 0x51:
                yield now, 0xFF, tuple(told[at : at + size])
            at += size
        elif status in (0xF0, 0xF7):
            at, size = _number(told, at)
            at += size
        else:
            size = _LENGTHS[status & 0xF0]
            yield now, status, tuple(told[at : at + size])
            at += size


def _number(told: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value << 7 | told[at] & 0x7F
        at += 1
        if not told[at - 1] & 0x80:
            return at, value


def key_of(heard: NDArray[np.float64]) -> tuple[str, str] | None:
    """The key that all profiles clearly say; None where they don't."""
    if heard.sum() < 5:
        return None
    said = set()
    for name in _PROFILES:
        alike = likeness(heard, PROFILES[name])
        first, second = np.sort(alike)[::-1][:2]
        if first - second < _CLEARLY:
            return None
        said.add(int(alike.argmax()))
    if len(said) > 1:
        return None
    best = said.pop()
    return TONICS[best % 12], SCALES[best // 12]


def main(given: argparse.Namespace) -> None:
    """Renders what can be labelled and says how many clips that are."""
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for piece in (one for path in given.files for one in pieces(path)):
        begin = _BEGIN_S if piece.seconds >= _BEGIN_S + _LENGTH_S else 0.0
        end = min(begin + _LENGTH_S, piece.seconds)
        bpm = piece.bpm(begin, end)
        if end - begin < _LENGTH_S / 2 or any(name in piece.name for name in given.without):
            continue
        if bpm is None or piece.keeps(begin, end, bpm) < _KEPT:
            print(f"{piece.name}: no steady tempo")
            continue
        sound = Player(given.font, RATE_HZ).follow(piece.events, begin, end)
        one = sound.mean(axis=0) * (0.5 / max(1e-6, float(np.abs(sound).max())))
        soundfile.write(given.folder / f"{piece.name}.flac", one, RATE_HZ, subtype="PCM_16")
        tonic, scale = key_of(piece.pitches(begin, end)) or ("", "")
        heard = " ".join(str(program) for program in piece.programs(begin, end))
        rows.append([f"{piece.name}.flac", f"{bpm:.2f}", tonic, scale, given.set, heard])
    with (given.folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "bpm", "key", "scale", "source", "programs"], *rows])
    print(f"{len(rows)} clips, {sum(1 for row in rows if row[2])} with a key")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", help="what the set is called in labels.csv")
    parser.add_argument("folder", type=Path)
    parser.add_argument("font")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--without", action="extend", nargs="+", default=[])
    main(parser.parse_args())
