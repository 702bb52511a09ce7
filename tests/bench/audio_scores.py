"""Music made up from a seed, in many styles, of which tempo and key are known exactly.

A style is a table of drum, bass and chord patterns (`audio_styles.json`); progressions, voicings, melodies,
swing and who plays are thrown for each clip. `audio_render` turns a score into sound. All of it is our own.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
DRUMS = -1
_KIT = {
    "kick": 36, "snare": 38, "rim": 37, "clap": 39, "hat": 42, "open": 46, "ride": 51, "tom": 45, "high": 50,
    "tamb": 54, "bell": 56, "shaker": 70, "conga": 63, "low": 64, "clave": 75, "pedal": 44, "china": 52,
}  # fmt: skip
_ODD = (0, 3, 6, 6, 7, 9, 12, 14, 19, 23, 46, 46, 52, 54, 64, 66, 68, 70, 72, 74, 75, 79, 82, 104, 104, 107)
_ROMAN = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note: beats from the start, a General MIDI program (DRUMS: the kit), loudness 1 to 127."""

    start: float
    length: float
    pitch: int
    velocity: int
    program: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """A clip to be rendered. tonic: 0 (C) to 11. cents: detuning of everything."""

    style: str
    bpm: float
    tonic: int
    scale: str
    beats: int
    cents: float
    notes: tuple[Note, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Style:
    """Patterns by sixteenth (or by triplet, `steps` a beat); of several of a kind one is thrown.

    drums: by instrument, `X` loud, `x` usual, `o` soft. bass: R root, 5 fifth, 8 octave, 3 third, w a step on
    the way, `-` held. chords: `X`/`x` struck, `-` held, a: one note of the chord after the other.
    """

    bpm: tuple[float, float]
    drums: Sequence[dict[str, str]]
    bass: Sequence[str]
    chords: Sequence[str]
    basses: Sequence[int]
    comps: Sequence[int]
    leads: Sequence[int]
    beats: int = 4
    steps: int = 4
    swing: float = 0.0
    seventh: float = 0.1
    melody: float = 0.6
    minor: float = 0.5
    pads: Sequence[int] = ()
    drummed: float = 1.0


_TABLES = json.loads(Path(__file__).with_name("audio_styles.json").read_text())
STYLES = {name: Style(**told) for name, told in _TABLES["styles"].items()}
_PROGRESSIONS = _TABLES["progressions"]


def compose(
    style: str, seed: int, seconds: float = 24.0, *, mixed: bool = False, guests: bool = False
) -> Score:
    """A clip of the style; the same seed gives the same one.

    mixed: some parts are loud, some buried. guests: the style's drums, the band of another style; the clip
    begins anywhere, its tempo drifts a little, and so may concert pitch.
    """
    dice = Random(f"{style}:{seed}:guests" if guests else f"{style}:{seed}")
    table = STYLES[style]
    if guests:
        table = _with_guests(table, dice)
    bpm = round(dice.uniform(*table.bpm), 1)
    scale = "minor" if dice.random() < table.minor else "major"
    tonic = dice.randrange(12)
    bars = max(4, round(seconds * bpm / 60 / table.beats))
    progression = [
        _chord(word, scale, dice, table.seventh) for word in dice.choice(_PROGRESSIONS[scale]).split()
    ]
    slow = 2 if bpm > 150 and dice.random() < 0.5 else 1  # bars a chord
    chords = [progression[bar // slow % len(progression)] for bar in range(bars)]
    band = _Band(table, dice, tonic, scale, chords)
    parts = (band.drums(), 1.2), (band.bass(), 1.1), (band.comp(), 1.0), (band.pad(), 1.1), (band.lead(), 1.0)
    notes = []
    for part, most in parts:
        gain = dice.uniform(0.6, most) if mixed else 1.0
        notes += [replace(note, velocity=round(note.velocity * gain)) for note in part]
    loose = dice.choice((0.0, 0.0, 0.004, 0.008, 0.012)) * bpm / 60
    notes = [
        Note(
            start=max(0.0, note.start + dice.gauss(0, loose)),
            length=note.length,
            pitch=note.pitch,
            velocity=max(1, min(127, round(note.velocity * dice.uniform(0.85, 1.1)))),
            program=note.program,
        )
        for note in notes
    ]
    cents = 0.0 if dice.random() < 0.5 else float(dice.choice((-40, -30, -20, -10, 10, 15, 25, 40)))
    if guests:
        cents = round(dice.uniform(-40, 40), 1)
        notes = _drifting(_from_anywhere(notes, dice, table.beats), dice)
    return Score(
        style=style,
        bpm=bpm,
        tonic=tonic,
        scale=scale,
        beats=bars * table.beats,
        cents=cents,
        notes=tuple(notes),
    )


def _with_guests(table: Style, dice: Random) -> Style:
    """The style with the bass, chords and tunes of others that count alike."""
    alike = [one for one in STYLES.values() if (one.beats, one.steps) == (table.beats, table.steps)]
    bass, band, tune = (dice.choice(alike) for _ in range(3))
    odd = dice.random() < 0.4  # instruments that no style has
    return replace(
        table,
        bass=bass.bass,
        basses=bass.basses,
        chords=band.chords,
        comps=[dice.choice(_ODD)] if odd else band.comps,
        pads=band.pads,
        leads=[dice.choice(_ODD)] if odd else tune.leads,
        melody=max(table.melody, 0.5),
        seventh=dice.choice((0.05, 0.15, 0.4)),
        minor=0.5,
    )


def _from_anywhere(notes: list[Note], dice: Random, beats: int) -> list[Note]:
    """What is left when the first beats are cut off: half of the clips begin within the music."""
    cut = dice.choice((0, 0, 0, beats, 2 * beats)) + dice.choice((0.0, 0.0, dice.uniform(0, beats)))
    return [replace(note, start=note.start - cut) for note in notes if note.start >= cut]


def _drifting(notes: list[Note], dice: Random) -> list[Note]:
    """As players without a click: up to 1.5 % quicker and slower by turns, the mean kept."""
    period, turn = dice.uniform(16, 48), dice.uniform(0, 2 * math.pi)
    depth = dice.choice((0.0, 0.0, 0.008, 0.015)) * period / (2 * math.pi)
    return [
        replace(note, start=max(0.0, note.start + depth * math.sin(2 * math.pi * note.start / period + turn)))
        for note in notes
    ]


def _chord(word: str, scale: str, dice: Random, seventh: float) -> tuple[int, ...]:
    """Semitones above the tonic, root first."""
    flat, bare = word.startswith("b"), word.strip("b7°")
    steps = MAJOR if scale == "major" else MINOR
    degree = _ROMAN[bare.upper()]
    root = (MAJOR[degree] - 1) if flat else steps[degree]
    minor = bare.islower()
    shape: tuple[int, ...] = (0, 3, 6) if "°" in word else (0, 3, 7) if minor else (0, 4, 7)
    if "7" in word or dice.random() < seventh:
        shape += (10 if minor or bare == "V" or "7" in word or flat else 11,)
    elif dice.random() < 0.05:
        shape = (0, 5, 7) if dice.random() < 0.5 else (*shape, 14)
    return tuple((root + step) for step in shape)


class _Band:
    """Who plays, and what, for one clip."""

    def __init__(
        self, table: Style, dice: Random, tonic: int, scale: str, chords: Sequence[tuple[int, ...]]
    ) -> None:
        self.table, self.dice, self.tonic, self.chords = table, dice, tonic, chords
        self.steps = MAJOR if scale == "major" else MINOR
        self.minor = scale == "minor"
        self.late = dice.choice((0, 0, 0, 1, 2, 4))  # bars before everybody is in
        self.swing = table.swing * dice.random() if table.steps == 4 else 0.0

    def _times(self, pattern: str, bar: int) -> list[tuple[float, float, str]]:
        """Beat, length in beats and sign of every stroke in a bar."""
        found, step = [], 1 / self.table.steps
        for at, sign in enumerate(pattern):
            if sign in ".-":
                continue
            length = 1
            while at + length < len(pattern) and pattern[at + length] == "-":
                length += 1
            late = self.swing * step if at % 2 else 0.0
            found.append((bar * self.table.beats + at * step + late, length * step, sign))
        return found

    def drums(self) -> list[Note]:
        if self.dice.random() >= self.table.drummed:
            return []
        kit = dict(self.dice.choice(self.table.drums))
        for name in list(kit):
            if name not in ("kick", "snare") and len(kit) > 2 and self.dice.random() < 0.15:
                del kit[name]
        begins = self.late if self.dice.random() < 0.4 else 0
        notes = []
        for bar in range(begins, len(self.chords)):
            fill = bar % 8 == 7 and self.dice.random() < 0.5
            for name, pattern in kit.items():
                for start, _, sign in self._times(pattern, bar):
                    if (
                        fill
                        and name in ("kick", "snare")
                        and start % self.table.beats >= self.table.beats - 1
                    ):
                        continue
                    loud = {"X": 112, "x": 88, "o": 48}[sign]
                    if name in ("hat", "shaker", "ride", "tamb"):
                        loud -= 18
                    notes.append(
                        Note(start=start, length=0.2, pitch=_KIT[name], velocity=loud, program=DRUMS)
                    )
            if fill:
                last = (bar + 1) * self.table.beats - 1
                notes += [
                    Note(
                        start=last + at / self.table.steps,
                        length=0.2,
                        pitch=pitch,
                        velocity=95,
                        program=DRUMS,
                    )
                    for at, pitch in enumerate(
                        (_KIT["snare"], _KIT["high"], _KIT["tom"], _KIT["tom"])[: self.table.steps]
                    )
                ]
        return notes

    def bass(self) -> list[Note]:
        pattern, program = self.dice.choice(self.table.bass), self.dice.choice(self.table.basses)
        begins = self.late if self.dice.random() < 0.3 else 0
        notes = []
        for bar in range(begins, len(self.chords)):
            chord = self.chords[bar]
            root = 28 + (self.tonic + chord[0] - 4) % 12  # from the low E of a bass
            for start, length, sign in self._times(pattern, bar):
                near = self.chords[(bar + 1) % len(self.chords)][0] - chord[0]
                step = {"R": 0, "5": chord[2] - chord[0], "8": 12, "3": chord[1] - chord[0]}.get(sign)
                if step is None:
                    step = self._in_scale(chord[0] + (near % 12) - self.dice.choice((1, 2, -1))) - chord[0]
                held = max(length, 1 / self.table.steps) * self.dice.choice((0.7, 0.9, 0.95))
                notes.append(Note(start=start, length=held, pitch=root + step, velocity=96, program=program))
        return notes

    def comp(self) -> list[Note]:
        pattern, program = self.dice.choice(self.table.chords), self.dice.choice(self.table.comps)
        middle = self.dice.choice((57, 60, 64))
        power = program in (29, 30) and self.dice.random() < 0.6
        notes = []
        for bar, chord in enumerate(self.chords):
            tones = (chord[0], chord[2], chord[0] + 12) if power else chord
            voiced = sorted(middle - 6 + (self.tonic + tone - middle + 6) % 12 for tone in tones)
            for at, (start, length, sign) in enumerate(self._times(pattern, bar)):
                if sign == "a":
                    pitches = [voiced[at % len(voiced)] + 12 * (at // len(voiced) % 2)]
                    length *= 1.8
                else:
                    pitches = voiced
                loud = {"X": 92, "x": 78, "a": 82}[sign]
                notes += [
                    Note(start=start, length=length * 0.92, pitch=pitch, velocity=loud, program=program)
                    for pitch in pitches
                ]
        return notes

    def pad(self) -> list[Note]:
        if not self.table.pads or self.dice.random() < 0.5:
            return []
        program, beats = self.dice.choice(self.table.pads), self.table.beats
        return [
            Note(
                start=bar * beats,
                length=beats * 0.98,
                pitch=54 + (self.tonic + tone - 54) % 12,
                velocity=62,
                program=program,
            )
            for bar, chord in enumerate(self.chords)
            for tone in chord
        ]

    def lead(self) -> list[Note]:
        """A tune that walks the scale and rests on the chord, its rhythm repeated every two bars."""
        if self.dice.random() >= self.table.melody:
            return []
        program, beats, steps = self.dice.choice(self.table.leads), self.table.beats, self.table.steps
        rhythm = [self._rhythm(beats * steps) for _ in range(2)]
        at = self.dice.choice((67, 72, 76))
        notes = []
        for bar in range(self.late, len(self.chords)):
            chord = {(self.tonic + tone) % 12 for tone in self.chords[bar]}
            for start, length in rhythm[bar % 2]:
                at += self.dice.choice((-4, -3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3, 4))
                at = min(84, max(60, at))
                strong = start % steps == 0 and self.dice.random() < 0.8
                way = 1 if at < 72 else -1
                while not (at % 12 in chord if strong else self._fits(at, chord)):
                    at += way
                if self.dice.random() < 0.12:
                    continue
                notes.append(
                    Note(
                        start=bar * beats + start / steps,
                        length=length / steps * 0.9,
                        pitch=at,
                        velocity=92,
                        program=program,
                    )
                )
        return notes

    def _rhythm(self, count: int) -> list[tuple[int, int]]:
        """Where the notes of a bar begin and how long they are, in steps."""
        found, at = [], 0
        while at < count:
            length = self.dice.choice((2, 2, 2, 4, 4, 6, 8, 1) if self.table.steps == 4 else (3, 3, 2, 1, 6))
            found.append((at, min(length, count - at)))
            at += length
        return found

    def _fits(self, pitch: int, chord: set[int]) -> bool:
        step = (pitch - self.tonic) % 12
        if self.minor and (self.tonic + 11) % 12 in chord and step == 10:
            return False  # the leading note is raised over the dominant
        return step in self.steps or pitch % 12 in chord

    def _in_scale(self, step: int) -> int:
        return step if step % 12 in self.steps else step + 1
