"""Loudness by the signals that EBU Tech 3341 and 3342 ask of a meter, made here from their descriptions."""

from collections.abc import Sequence

import numpy as np
import pytest

from domain.audio.analysis import Samples, Sound
from domain.audio.k_weighting import KWeighting, one_sample
from domain.audio.loudness import loudness
from domain.audio.meters import hear
from tests.audio.made import tone

STEREO = ("FL", "FR")


def level(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))


def steps(*parts: tuple[float, float], rate_hz: int = 48_000, channels: int = 2) -> Samples:
    """A tone of 1 kHz in steps of (dBFS, seconds)."""
    return np.concatenate(
        [tone(s, 1_000.0, level(dbfs), rate_hz=rate_hz, channels=channels) for dbfs, s in parts], axis=1
    )


def sound(samples: Samples, rate_hz: int = 48_000, layout: Sequence[str] = STEREO) -> Sound:
    return Sound(samples=samples, rate_hz=rate_hz, container="wav", codec="pcm", layout=tuple(layout))


QUIET_AROUND = ((-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0))
SIGNALS = {
    "1": (((-23.0, 20.0),), -23.0),
    "2": (((-33.0, 20.0),), -33.0),
    "3": (QUIET_AROUND, -23.0),
    "4": (((-72.0, 10.0), *QUIET_AROUND, (-72.0, 10.0)), -23.0),
    "5": (((-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)), -23.0),
}


@pytest.mark.parametrize(
    ("signal", "rate_hz"), [*((name, 48_000) for name in SIGNALS), ("1", 44_100), ("5", 11_025)]
)
def test_integrated_loudness_is_that_of_tech_3341(signal: str, rate_hz: int) -> None:
    parts, expected = SIGNALS[signal]
    found = loudness(sound(steps(*parts, rate_hz=rate_hz), rate_hz)).integrated_lufs
    assert found == pytest.approx(expected, abs=0.1)


def test_five_channels_weigh_as_tech_3341_has_it() -> None:
    levels = {"FL": -28.0, "FR": -28.0, "FC": -24.0, "LFE": 0.0, "SL": -30.0, "SR": -30.0}
    samples = np.concatenate([steps((dbfs, 20.0), channels=1) for dbfs in levels.values()])
    assert loudness(sound(samples, layout=tuple(levels))).integrated_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((-20.0, -30.0), 10.0),
        ((-20.0, -15.0), 5.0),
        ((-40.0, -20.0), 20.0),
        ((-50.0, -35.0, -20.0, -35.0, -50.0), 15.0),
    ],
)
def test_the_range_is_that_of_tech_3342(parts: tuple[float, ...], expected: float) -> None:
    found = loudness(sound(steps(*((dbfs, 20.0) for dbfs in parts)))).range_lu
    assert found == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("part_of_rate", "degrees", "amplitude", "expected"),
    [(4, 0, 0.5, -6.0), (4, 45, 0.5, -6.0), (6, 60, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45, 1.41, 3.0)],
)
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_the_true_peak_is_that_of_tech_3341(
    part_of_rate: int, degrees: float, amplitude: float, expected: float, rate_hz: int
) -> None:
    at = np.arange(rate_hz)
    wave = amplitude * np.sin(2 * np.pi * at / part_of_rate + np.deg2rad(degrees))
    # Faded in and out, as the signals of the document are.
    fade = np.minimum(1, np.minimum(at, at[::-1]) / (rate_hz / 100))
    found = loudness(sound(np.tile((wave * fade).astype(np.float32), (2, 1)), rate_hz)).true_peak_dbtp
    assert found is not None
    assert -0.4 <= found - expected <= 0.2


def test_a_peak_at_the_very_end_is_found() -> None:
    at = np.arange(48_000)
    wave = (0.25 * np.sin(2 * np.pi * at / 4 + np.pi / 4)).astype(np.float32)
    wave[-6:] *= 3
    found = loudness(sound(wave[None])).true_peak_dbtp
    assert found is not None
    assert found > 20 * np.log10(np.abs(wave).max()) + 1


def test_the_weighting_is_that_of_the_tables_for_48_khz() -> None:
    # ITU-R BS.1770-5, Annex 1, tables 1 and 2.
    ahead = np.convolve((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -2.0, 1.0))
    back = np.convolve((1.0, -1.69065929318241, 0.73248077421585), (1.0, -1.99004745483398, 0.99007225036621))
    heard = np.random.default_rng(7).standard_normal(2_000)
    expected = np.zeros(2_000)
    for at in range(2_000):
        lately = range(min(at, 4) + 1)
        expected[at] = sum(ahead[d] * heard[at - d] for d in lately)
        expected[at] -= sum(back[d] * expected[at - d] for d in lately if d)
    move, memory = one_sample(48_000), np.zeros(4)
    found = np.zeros(2_000)
    for at, sample in enumerate(heard):
        memory, found[at] = move(memory, float(sample))
    assert np.abs(found - expected).max() < 1e-9


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
def test_weighing_in_blocks_is_weighing_sample_by_sample(rate_hz: int) -> None:
    heard = (np.random.default_rng(8).standard_normal(9_000) * 0.1 + 0.5).astype(np.float32)
    move, memory = one_sample(rate_hz), np.zeros(4)
    expected = np.zeros(9_000)
    for at, sample in enumerate(heard):
        memory, expected[at] = move(memory, float(sample))
    weigh = KWeighting(rate_hz)
    found = np.concatenate((weigh(heard[:700]), weigh(heard[700:6_001]), weigh(heard[6_001:], last=True)))
    assert np.abs(found - expected).max() < 1e-5


def test_silence_and_a_moment_have_no_loudness() -> None:
    silence = loudness(sound(np.zeros((2, 96_000), np.float32)))
    assert (silence.integrated_lufs, silence.range_lu, silence.true_peak_dbtp) == (None, None, None)
    assert silence.reason == "no part of it is louder than -70 LUFS"
    moment = loudness(sound(tone(0.2, rate_hz=48_000)))
    assert (moment.integrated_lufs, moment.reason) == (None, "it is shorter than 0.4 s")
    assert moment.true_peak_dbtp == pytest.approx(-6.0, abs=0.1)


def test_a_mono_sound_is_one_channel() -> None:
    found = loudness(sound(steps((-20.0, 5.0), channels=1), layout=("FC",)))
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_hearing_in_other_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from domain.audio import loudness as module
    from domain.audio import meters

    heard = sound((np.random.default_rng(9).standard_normal((2, 200_000)) * 0.1).astype(np.float32))
    whole = loudness(heard)
    monkeypatch.setattr(meters, "BLOCK_VALUES", 9_999)
    parts = module.LoudnessMeter()
    hear(heard, parts)
    found = parts.result()
    assert found.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=1e-4)
    assert found.true_peak_dbtp == pytest.approx(whole.true_peak_dbtp, abs=1e-4)
