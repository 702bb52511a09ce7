"""Sound comes out of files as samples, or one finding says why not."""

import io
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from domain.adapters.audio import analyse as analysing
from domain.adapters.audio import decode as decoding
from domain.adapters.audio.decode import decode, try_opening
from domain.adapters.audio.held import MOST_VALUES, Held
from domain.audio import tempo
from domain.audio.analysis import Analysis, NotAnalysed, Sound, Tempo
from domain.audio.loudness import LoudnessMeter
from domain.audio.mono import mono
from tests.audio.made import encoded, tone


def test_a_wave_file_gives_its_samples() -> None:
    made = tone(seconds=1.0)
    found = decode(io.BytesIO(encoded(made)))

    assert isinstance(found, Sound)
    assert (found.container, found.codec, found.rate_hz, found.bits) == ("wav", "pcm_s16le", 44_100, 16)
    assert found.samples.shape == made.shape
    assert np.abs(found.samples - made).max() < 1e-4


def test_bytes_that_are_no_sound_are_one_finding() -> None:
    found = [decode(io.BytesIO(data)) for data in (b"", b"hello " * 50, bytes(range(256)) * 20)]
    assert [one.code for one in found if isinstance(one, NotAnalysed)] == [
        "audio_empty",
        "audio_unknown",
        "audio_unknown",
    ]


def test_channels_that_cancel_each_other_are_not_mixed() -> None:
    left = tone(seconds=0.5)[:1]
    found = decode(io.BytesIO(encoded(np.concatenate((left, -left)))))

    assert isinstance(found, Sound)
    one = mono(found, 22_050)
    assert one.shape == (11_025,)
    assert 0.3 < np.abs(one).max() < 0.6


def test_of_a_long_sound_the_middle_is_held_and_all_of_it_is_heard() -> None:
    made = np.concatenate([tone(1.0, level=level) for level in (0.1, 0.2, 0.3, 0.4, 0.9)], axis=1)
    meter = LoudnessMeter()
    found = decode(io.BytesIO(encoded(made)), meters=[meter], most_values=2 * 44_100)

    assert isinstance(found, Sound)
    assert (found.duration_s, found.start_s) == (5.0, 2.0)
    assert found.samples.shape == (2, 44_100)
    assert np.abs(found.samples).max() < 0.31
    peak = meter.result().true_peak_dbtp
    assert peak is not None
    assert peak > -1.0


@pytest.mark.parametrize("channels", [1, 2])
def test_of_few_channels_at_a_low_rate_no_more_minutes_are_held(channels: int) -> None:
    held = Held([], 44_100, MOST_VALUES)
    held.expect(1_250.0)
    held.begin(1_000, ("FL", "FR")[:channels])
    for _ in range(10):
        held.add(tone(125.0, 5.0, rate_hz=1_000, channels=channels), 1_000)
    held.end()
    found = held.sound()
    assert found.samples.shape == (channels, 750_000)
    assert (found.duration_s, found.start_s) == (1_250.0, 250.0)


def test_what_is_held_is_let_go_before_it_is_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(encoded(tone(seconds=4.0)))
    held: list[weakref.ref[np.ndarray]] = []
    left: list[bool] = []

    def decoded(*given: Any, **named: Any) -> Sound | NotAnalysed:
        sound = decode(*given, **named)
        assert isinstance(sound, Sound)
        held.append(weakref.ref(sound.samples if sound.samples.base is None else sound.samples.base))
        return sound

    def listened(*given: Any, **named: Any) -> Tempo:
        left.append(held[0]() is not None)
        return tempo.tempo(*given, **named)

    monkeypatch.setattr(decoding, "decode", decoded)
    monkeypatch.setattr(analysing, "tempo", SimpleNamespace(tempo=listened))
    assert isinstance(analysing.analyse(path), Analysis)
    assert left == [False]


def test_a_high_rate_is_brought_down_by_a_whole_number() -> None:
    for rate_hz, held_hz in ((48_000, 48_000), (96_000, 48_000), (176_400, 44_100)):
        found = decode(io.BytesIO(encoded(tone(0.5, rate_hz=rate_hz), "flac", "flac", rate_hz=rate_hz)))
        assert isinstance(found, Sound)
        assert (found.source_rate_hz, found.rate_hz) == (rate_hz, held_hz)
        assert found.samples.shape[1] / held_hz == 0.5


def test_a_header_that_says_too_little_loses_nothing() -> None:
    data = bytearray(encoded(tone(90.0, rate_hz=8_000, channels=1), "flac", "flac", rate_hz=8_000))
    # The lower bits of STREAMINFO's count of samples.
    data[4 + 4 + 14 : 4 + 4 + 18] = (800).to_bytes(4, "big")
    found = decode(io.BytesIO(bytes(data)))
    assert isinstance(found, Sound)
    assert found.samples.shape[1] == 90 * 8_000
    assert found.header_duration_s == 0.1


def test_where_the_rate_changes_on_the_way_nothing_is_lost_and_nothing_changes_places() -> None:
    second = {rate_hz: tone(1.0, rate_hz=rate_hz, level=0.5) for rate_hz in (44_100, 22_050, 48_000)}
    held = Held([], 44_100, MOST_VALUES)
    held.begin(44_100, ("FL", "FR"))
    for rate_hz in (44_100, 22_050, 48_000, 44_100, 22_050):
        for at in range(0, rate_hz, 1_000):
            held.add(second[rate_hz][:, at : at + 1_000], rate_hz)
        held.add(np.zeros((2, rate_hz), np.float32), rate_hz)
    held.end()

    assert abs(held.frames - 10 * 44_100) <= 4
    found = held.sound().samples
    for at in range(5):
        sounding, silent = (found[:, (2 * at + by) * 44_100 :][:, 500:43_600] for by in (0, 1))
        assert np.abs(sounding).max() > 0.45
        assert np.abs(silent).max() < 1e-3
    # The beginning of what follows another rate is not what that one had left.
    assert np.abs(found[:, 6 * 44_100 + 10 :][:, :40_000] - second[44_100][:, 10:40_010]).max() < 0.01


def test_whatever_opening_raises_is_left_for_decoding_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(encoded(tone(seconds=0.1)))

    def fails(*_: object) -> None:
        raise IndexError("as no reader of files should")

    monkeypatch.setattr(decoding, "content_of", fails)
    try_opening(path)
    with pytest.raises(IndexError, match="as no reader"):
        decode(path)
