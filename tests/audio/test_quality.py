"""Each flag of quality on a sound that has the fault, and not on sounds that are near it."""

import io

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from domain.adapters.audio.decode import decode
from domain.audio.analysis import Quality, Samples, Sound
from domain.audio.loudness import LoudnessMeter
from domain.audio.quality import FLAGS, quality
from tests.audio.made import RATE_HZ, encoded, tone


def music(seconds: float = 6.0, rate_hz: int = RATE_HZ, seed: int = 3) -> Samples:
    """Notes that swell and fade over noise that fades towards the top, on two channels that differ."""
    dice = np.random.default_rng(seed)
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    made = np.zeros((2, len(at)))
    for start in np.arange(0, seconds, 0.25):
        pitch, pan = 110 * 2 ** (dice.integers(0, 36) / 12), dice.random()
        since = at - start
        envelope = np.where(since >= 0, np.exp(-3 * np.maximum(since, 0)), 0)
        note = sum(np.sin(2 * np.pi * pitch * n * at + dice.random()) / n**2 for n in range(1, 6))
        made += np.outer((pan, 1 - pan), envelope * note)
    hiss = np.fft.rfft(dice.standard_normal((2, len(at))))
    hiss *= 1 / (1 + np.fft.rfftfreq(len(at), 1 / rate_hz) / 500)
    made += 0.3 * np.fft.irfft(hiss, len(at))
    found: Samples = (made / np.abs(made).max() * 0.9).astype(np.float32)
    return found


@pytest.fixture(scope="module")
def clean() -> Samples:
    return music()


def judged(
    samples: NDArray[np.floating], rate_hz: int = RATE_HZ, *, codec: str = "pcm_s16le", **more: object
) -> Quality:
    sound = Sound(
        samples=np.ascontiguousarray(samples, np.float32),
        rate_hz=rate_hz,
        container="wav",
        codec=codec,
        layout=("FL", "FR")[: samples.shape[0]],
        **more,  # type: ignore[arg-type]
    )
    return quality(sound)


def decoded(samples: Samples, container: str, codec: str, bitrate_bps: int = 128_000) -> Quality:
    found = decode(io.BytesIO(encoded(samples, container, codec, bitrate_bps=bitrate_bps)))
    assert isinstance(found, Sound)
    return quality(found)


def test_good_sound_has_no_flag(clean: Samples) -> None:
    assert judged(clean).flags == ()
    assert judged(clean[:1]).flags == ()
    for container, codec in (("mp3", "libmp3lame"), ("ipod", "aac"), ("flac", "flac")):
        assert decoded(clean, container, codec).flags == ()


@pytest.mark.parametrize("drive_db", [3, 12])
def test_clipping_is_told_also_where_it_was_turned_down_again(clean: Samples, drive_db: float) -> None:
    clipped = np.clip(clean / 0.9 * 10 ** (drive_db / 20), -1, 1)
    for level in (1.0, 0.5):
        found = judged(clipped * level)
        assert "clipped" in found.flags
        assert found.figures["flat_share"] > 0


def test_clipping_is_told_behind_a_lossy_codec(clean: Samples) -> None:
    found = decoded(np.clip(clean * 4, -1, 1), "mp3", "libmp3lame")
    assert "clipped" in found.flags
    assert found.figures["over_share"] > 0.001


def test_what_only_looks_flat_is_not_clipped(clean: Samples) -> None:
    # The top of a slow sine moves by less than a step of 16 bits; 8 bits have wide steps.
    for hertz in (20.0, 50.0, 1_000.0):
        whole = np.round(tone(2.0, hertz, 0.9) * 32_767) / 32_768
        assert "clipped" not in judged(whole).flags
        coarse = np.round(tone(2.0, hertz, 0.9) * 127) / 128
        assert "clipped" not in judged(coarse, bits=8).flags
    # Turned down while it is loud, as a limiter does it.
    driven = clean * 4
    gain = np.minimum(
        1, 0.97 / np.maximum.reduce([np.abs(np.roll(driven, k, axis=1)) for k in range(-40, 41)])
    )
    assert "clipped" not in judged(driven * gain.min(axis=0)).flags


def test_an_offset_is_told_and_low_notes_are_none(clean: Samples) -> None:
    found = judged(clean * 0.5 + np.float32(0.03))
    assert found.flags == ("dc_offset",)
    assert found.figures["dc_offset"] == pytest.approx(0.03, abs=0.002)
    assert judged(tone(3.3, 21.3, 0.9)).flags == ()


def test_channels_against_each_other_are_told(clean: Samples) -> None:
    found = judged(np.stack((clean[0], -clean[0])))
    assert found.flags == ("out_of_phase",)
    assert found.figures["correlation"] == pytest.approx(-1.0, abs=0.001)
    assert judged(np.stack((clean[0], np.roll(clean[1], 441)))).flags == ()


def test_silence_is_told_and_quiet_music_is_none(clean: Samples) -> None:
    assert judged(np.zeros((2, RATE_HZ), np.float32)).flags == ("silent",)
    assert judged(clean * 1e-4).flags == ("silent",)
    assert judged(clean * 1e-2).flags == ()
    found = judged(np.concatenate((np.zeros((2, RATE_HZ), np.float32), clean), axis=1))
    assert found.flags == ()
    assert found.figures["silent_before_s"] == 1.0


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16_000, 44_100), (22_050, 44_100), (44_100, 96_000)])
def test_a_rate_that_was_raised_is_told(from_hz: int, to_hz: int) -> None:
    low = music(4.0, from_hz)
    raised = np.asarray(soxr.resample(low.T, from_hz, to_hz)).T
    found = judged(raised, to_hz)
    assert found.flags == ("upsampled",)
    assert found.figures["band_limit_hz"] == pytest.approx(from_hz / 2, rel=0.06)
    assert "upsampled" not in judged(music(4.0, to_hz), to_hz).flags
    # Few bits are a reason of their own for an early end of the band.
    assert "upsampled" not in judged(raised, to_hz, codec="mp3", bitrate_bps=64_000).flags


def test_what_is_shorter_than_its_header_says_is_truncated(clean: Samples) -> None:
    assert judged(clean, header_duration_s=6.1).flags == ()
    assert judged(clean, header_duration_s=6.2).flags == ("truncated",)
    assert judged(clean, header_duration_s=5.0).flags == ("header_wrong",)
    for container, codec in (
        ("wav", "pcm_s16le"),
        ("aiff", "pcm_s16be"),
        ("flac", "flac"),
        ("mp3", "libmp3lame"),
        ("ogg", "libopus"),
    ):
        rate_hz = 48_000 if codec == "libopus" else RATE_HZ
        data = encoded(clean[:, : 6 * RATE_HZ], container, codec, rate_hz=rate_hz)
        whole = decode(io.BytesIO(data))
        assert isinstance(whole, Sound), container
        assert quality(whole).flags == (), container
        found = decode(io.BytesIO(data[: len(data) * 2 // 3]))
        assert isinstance(found, Sound), container
        assert "truncated" in quality(found).flags, container
        assert found.duration_s == pytest.approx(whole.duration_s * 2 / 3, rel=0.2), container


def test_damage_is_told_and_the_rest_is_heard(clean: Samples) -> None:
    for container, codec in (("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libopus")):
        rate_hz = 48_000 if codec == "libopus" else RATE_HZ
        data = bytearray(encoded(clean, container, codec, rate_hz=rate_hz))
        for at in range(len(data) // 3, len(data) * 2 // 3, 997):
            data[at] ^= 0xFF
        found = decode(io.BytesIO(bytes(data)))
        assert isinstance(found, Sound), container
        assert "corrupt" in quality(found).flags, container
        assert found.duration_s > 2.0, container
    broken = np.array(clean)
    broken[0, 1000:1010] = np.nan
    read = decode(io.BytesIO(encoded(broken, "wav", "pcm_f32le")))
    assert isinstance(read, Sound)
    assert np.isfinite(read.samples).all()
    found_quality = quality(read)
    assert "corrupt" in found_quality.flags
    assert found_quality.figures["not_numbers"] == 10


@pytest.mark.parametrize(("level", "corrupt"), [(32_767.0, False), (1e18, True), (1e25, True), (3e38, True)])
def test_floats_beyond_any_full_scale_are_damage_and_spoil_no_figure(
    clean: Samples, level: float, corrupt: bool
) -> None:
    wild = np.array(clean)
    wild[:, 50_000:52_000] *= np.float32(level)
    heard = LoudnessMeter()
    read = decode(io.BytesIO(encoded(wild, "wav", "pcm_f32le")), meters=[heard])
    assert isinstance(read, Sound)
    assert ("corrupt" in quality(read).flags) is corrupt
    told = heard.result()
    assert told.integrated_lufs is not None
    assert told.range_lu is not None
    assert told.true_peak_dbtp is not None
    assert (told.true_peak_dbtp < 3) is corrupt
    figures = (told.integrated_lufs, told.range_lu, told.true_peak_dbtp, *quality(read).figures.values())
    assert np.isfinite(figures).all()


def test_every_flag_is_explained() -> None:
    from pathlib import Path

    docs = (Path(__file__).parents[2] / "docs" / "enrichment.md").read_text()
    assert [name for name in FLAGS if f"`{name}`" not in docs] == []
