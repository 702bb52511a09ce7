"""The taggers' front end against the definitions: the transform as a sum, the mel scale by its formula."""

import math

import numpy as np
import pytest

from domain.audio import mel


def sound(seconds: float, hz: float = 440.0) -> mel.Samples1d:
    t = np.arange(int(seconds * mel.RATE_HZ)) / mel.RATE_HZ
    dice = np.random.default_rng(4)
    return (0.3 * np.sin(2 * np.pi * hz * t) + 0.05 * dice.standard_normal(t.size)).astype(np.float32)


def slaney_hz(mels: float) -> float:
    return mels * 200 / 3 if mels < 15 else 1000 * math.exp((mels - 15) * math.log(6.4) / 27)


def filter_weight(band: int, hz: float) -> float:
    """A triangle over three neighbours on the mel scale, of height 2 over its width."""
    top = 15 + 27 * math.log(8000 / 1000) / math.log(6.4)
    low, middle, high = (slaney_hz(top * (band + i) / 97) for i in range(3))
    height = 2 / (high - low)
    if low < hz <= middle:
        return height * (hz - low) / (middle - low)
    return height * (high - hz) / (high - middle) if middle < hz < high else 0.0


def test_the_scale_has_its_knee_at_a_kilohertz() -> None:
    assert mel.to_mel(1000) == pytest.approx(15)
    assert mel.to_mel(6400) == pytest.approx(42)
    assert mel.to_hz(np.array([3.0, 15.0, 42.0])) == pytest.approx([200, 1000, 6400])


def test_filters_are_triangles_of_equal_area() -> None:
    filters = mel.mel_filters()
    assert filters.shape == (96, 257)
    for band in (0, 1, 17, 40, 70, 95):
        expected = [filter_weight(band, k * 31.25) for k in range(257)]
        np.testing.assert_allclose(filters[band], expected, atol=1e-7)


@pytest.mark.parametrize("frame", [0, 1, 5, 62])
def test_a_frame_is_what_the_definition_gives(frame: int) -> None:
    samples = sound(1.0)
    padded = np.concatenate([samples[256:0:-1], samples, samples[-2:-258:-1]]).astype(np.float64)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / 512) for n in range(512)]
    cut = padded[frame * 256 : frame * 256 + 512] * window
    n = np.arange(512)
    power = [abs(np.sum(cut * np.exp(-2j * np.pi * k * n / 512))) ** 2 for k in range(257)]
    bands = [sum(filter_weight(b, k * 31.25) * power[k] for k in range(257)) for b in range(0, 96, 7)]
    expected = [math.log10(1 + 10_000 * band) for band in bands]
    found = mel.log_mel(samples, frame, 1)[0, ::7]
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_frames_are_the_same_wherever_one_begins() -> None:
    samples = sound(4.0)
    whole = mel.log_mel(samples, 0, mel.frame_count(samples.size))
    np.testing.assert_allclose(mel.log_mel(samples, 40, 187), whole[40:227], atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1.0, 1), (2.9, 1), (3.1, 1), (7.0, 2), (30.0, 4), (60.0, 8), (600.0, 16)]
)
def test_pictures_are_few_and_spread(seconds: float, expected: int) -> None:
    made = mel.patches(sound(seconds))
    assert made.shape == (expected, 187, 96)
    assert np.isfinite(made).all()


def test_a_short_sound_is_repeated() -> None:
    samples = sound(1.5)
    short = mel.frame_count(samples.size)
    picture = mel.patches(samples)[0]
    np.testing.assert_array_equal(picture[short:], picture[: 187 - short])
