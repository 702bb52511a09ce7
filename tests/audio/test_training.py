"""How tempo and key are taught: MIDI as labelled clips, judgement on what was not taught, calibration."""

import struct
from pathlib import Path

import numpy as np
import pytest

from domain.audio import network
from tests.bench import audio_learning as learning
from tests.bench import audio_midi as midi
from tests.bench import audio_training as training
from tests.bench.audio_clips import Clip, labelled


def _number(value: int) -> bytes:
    return bytes([value & 0x7F]) if value < 128 else bytes([value >> 7 | 0x80, value & 0x7F])


def _piece(bpm: float, *, change: bool = False) -> bytes:
    """A scale of C major in quarters on the flute, with drums below, as a MIDI file of one track."""
    beat = round(6e7 / bpm).to_bytes(3, "big")
    track = b"\x00\xff\x51\x03" + beat + b"\x00\xc0\x49"
    for at, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72) * 6):
        if change and at == 24:
            track += b"\x00\xff\x51\x03" + (400_000).to_bytes(3, "big")
        track += b"\x00\x99\x24\x50" + b"\x00\x90" + bytes([pitch, 90])
        track += _number(480) + b"\x90" + bytes([pitch, 0]) + b"\x00\x89\x24\x00"
    track += b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + track


def test_a_midi_file_says_its_tempo_notes_and_programs() -> None:
    piece = midi.read("scale", _piece(96))
    assert piece.seconds == pytest.approx(48 * 60 / 96, abs=0.01)
    assert piece.bpm(2, 20) == pytest.approx(96, abs=0.01)
    assert piece.keeps(2, 20, 96) == 1.0
    assert piece.keeps(2, 20, 113) < 0.75
    assert piece.programs(2, 20) == [-1, 73]
    heard = piece.pitches(0, 5)
    assert set(np.flatnonzero(heard)) == {0, 2, 4, 5, 7, 9, 11}
    assert heard.sum() == pytest.approx(5, abs=0.01)


def test_a_piece_that_changes_its_tempo_has_none() -> None:
    piece = midi.read("scale", _piece(96, change=True))
    assert piece.bpm(2, 12) == pytest.approx(96, abs=0.01)
    assert piece.bpm(12, 20) is None
    assert piece.bpm(18, 20) == pytest.approx(150, abs=0.01)


def test_a_wad_holds_several_pieces(tmp_path: Path) -> None:
    songs = [_piece(96), _piece(120)]
    places, body = [], b""
    for name, song in zip((b"D_E1M1", b"D_RUNNIN"), songs, strict=True):
        places.append(struct.pack("<II8s", 12 + len(body), len(song), name))
        body += song
    wad = tmp_path / "game.wad"
    wad.write_bytes(struct.pack("<4sII", b"IWAD", 2, 12 + len(body)) + body + b"".join(places))
    assert [one.name for one in midi.pieces(wad)] == ["game_d_e1m1", "game_d_runnin"]


def test_a_key_is_said_only_where_profiles_agree() -> None:
    clear = np.array([5, 0, 2, 0, 3, 2, 0, 4, 0, 1.5, 0, 1])
    assert midi.key_of(clear) == ("C", "major")
    assert midi.key_of(np.ones(12)) is None
    assert midi.key_of(clear / 10) is None


def test_labels_tell_what_is_known_of_a_clip(tmp_path: Path) -> None:
    rows = ("a.flac,120,Db,minor,midi,-1 30", "b.flac,,,,real,", "c.flac,90,C,major,edge,")
    (tmp_path / "labels.csv").write_text("\n".join(("file,bpm,key,scale,source,programs", *rows)))
    assert list(labelled(tmp_path)) == [
        Clip(
            file=tmp_path / "a.flac",
            made="midi",
            style="midi",
            bpm=120.0,
            tonic=1,
            scale="minor",
            programs=(-1, 30),
        ),
        Clip(file=tmp_path / "b.flac", made="real", style="real", bpm=None, tonic=None, scale="major"),
    ]


def _examples(count: int, made: str, clear: float) -> list[learning.Example]:
    """Choices of three, the right one told by its first figure as clearly as is asked."""
    dice, found = np.random.default_rng(count), []
    for at in range(count):
        right = np.zeros((3, 1))
        right[int(dice.integers(3))] = 1
        features = np.concatenate([clear * right + dice.standard_normal((3, 1)), np.ones((3, 1))], axis=1)
        one = learning.Example(
            made=made, style=f"style {at % 4}", features=features, right=right, worth=right
        )
        found.append(one)
    return found


def test_clips_are_judged_by_what_was_not_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(training._SEVERAL, "tempo", 1)  # the same, in a fourth of the time
    ours, others, apart = _examples(160, "ours", 3), _examples(30, "midi", 2), _examples(20, "else", 0)
    told = list(training.judged("tempo", ours, others, apart))
    figures = training.measured(told)
    assert [one.count for one in figures.values()] == [160, 160, 30, 30, 20]
    first = {name: one.first for name, one in figures.items()}
    assert first["ours, clips not taught"] > 0.8
    assert first["else, none but ours taught"] < 0.7
    assert all(one.first <= one.three <= 1 for one in figures.values())
    lines = training.printed(figures, {}).splitlines()
    assert len(lines) == 2 + len(figures)
    assert {line.count("|") for line in lines} == {11}
    pairs = training.calibration(told)
    assert np.all(np.diff(pairs, axis=0) >= 0)
    # What is guessed is told as such by clips that could only be guessed.
    hard = [one for one in told if one.name.startswith("else")]
    assert training.calibration(hard)[-2, 1] < training.calibration(told[1:2])[-2, 1]


def test_figures_stand_in_the_documentation_where_their_command_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for maker in ("tests.bench.audio_training", "tests.bench.audio_instruments"):
        assert f"<!-- figures: {maker} -->\n|" in training.DOCS.read_text()
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: one -->\nold\n<!-- end of figures -->\nafter\n")
    monkeypatch.setattr(training, "DOCS", page)
    training.into_docs("one", "new\n")
    assert page.read_text() == "before\n<!-- figures: one -->\nnew\n<!-- end of figures -->\nafter\n"


def test_an_example_without_a_right_answer_teaches_nothing() -> None:
    examples = _examples(40, "ours", 3)
    lost = learning.Example(
        made="ours",
        style="lost",
        features=np.full((3, 2), 9.0),
        right=np.zeros((3, 1)),
        worth=np.zeros((3, 1)),
    )
    with_it, without = learning.teach([*examples, lost], 0.03), learning.teach(examples, 0.03)
    one, other = (network.parse({"version": "", **numbers}) for numbers in (with_it, without))
    assert one.chances(examples[0].features) == pytest.approx(other.chances(examples[0].features))
