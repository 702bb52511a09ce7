"""Fingerprints: the same sound is recognised through codecs, loudness and offsets; other sounds are not."""

import base64
import io
import itertools
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from domain.adapters.audio.decode import decode
from domain.adapters.audio.fingerprint import by_fpcalc, fingerprint, own_fingerprint
from domain.audio import chroma_print, recognise
from domain.audio.analysis import Fingerprint, Sound
from domain.audio.mono import mono
from domain.audio.recognise import FingerprintBroken, match, numbers
from tests.audio.made import encoded

RATE = 44_100
Floats = NDArray[np.float32]


@lru_cache(maxsize=8)
def piece(seed: int, seconds: float = 20.0, rate: int = RATE) -> Floats:
    """A made-up piece: chords of a few overtones under a melody, and a beat; of one key for all seeds."""
    dice = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    made = np.zeros(t.size)
    bars = t * dice.uniform(0.4, 0.6)
    for voice in range(4):
        steps = dice.integers(0, 7, 200)
        place = (bars * (1 if voice < 3 else 4)).astype(int)
        hz = 220 * 2 ** ((scale[steps[place]] + (12 if voice == 3 else 0)) / 12)
        phase = 2 * np.pi * np.cumsum(hz) / rate
        made += sum(np.sin(k * phase) / k**2 for k in (1, 2, 3)) * (0.5 if voice == 3 else 0.25)
    made += dice.standard_normal(t.size) * np.exp(-30 * (bars * 4 % 1)) * 0.2
    samples = (0.2 * made).astype(np.float32)
    samples.setflags(write=False)
    return samples


def printed(samples: Floats, rate: int = RATE) -> Fingerprint:
    found = own_fingerprint(soxr.resample(samples, rate, chroma_print.RATE_HZ).astype(np.float32))
    assert found is not None
    return found


def through(samples: Floats, container: str, codec: str, kbps: int) -> Floats:
    """The samples after a lossy codec."""
    rate = 48_000 if codec == "libopus" else RATE
    given = np.asarray(soxr.resample(samples, RATE, rate), np.float32)
    file = encoded(given[None], container, codec, rate_hz=rate, bitrate_bps=kbps * 1000)
    sound = decode(io.BytesIO(file), f"a.{container}")
    assert isinstance(sound, Sound)
    return mono(sound, RATE)


@pytest.mark.parametrize(
    ("container", "codec", "kbps"), [("mp3", "libmp3lame", 96), ("ogg", "libopus", 48), ("mp4", "aac", 96)]
)
def test_the_same_sound_is_recognised_through_a_codec(container: str, codec: str, kbps: int) -> None:
    found = match(printed(piece(1)), printed(through(piece(1), container, codec, kbps)))
    assert found is not None
    assert found.same
    assert abs(found.offset_s) <= 0.25


@pytest.mark.parametrize("gain_db", [-40, -12, 9])
def test_loudness_does_not_matter(gain_db: int) -> None:
    louder = np.clip(piece(2) * np.float32(10 ** (gain_db / 20)), -1, 1)
    found = match(printed(piece(2)), printed(louder))
    assert found is not None
    assert found.same


@pytest.mark.parametrize("begins_s", [0.0, 1.3, 5.05])
def test_a_part_is_found_where_it_lies(begins_s: float) -> None:
    part = piece(3)[int(begins_s * RATE) :][: 12 * RATE]
    found = match(printed(piece(3)), printed(part))
    assert found is not None
    assert found.same
    assert found.offset_s == pytest.approx(begins_s, abs=0.2)
    back = match(printed(part), printed(piece(3)))
    assert back is not None
    assert back.offset_s == pytest.approx(-begins_s, abs=0.2)


def test_a_little_noise_does_not_matter() -> None:
    dice = np.random.default_rng(9)
    noisy = piece(4) + (dice.standard_normal(piece(4).size) * 0.01).astype(np.float32)
    found = match(printed(piece(4)), printed(noisy))
    assert found is not None
    assert found.same


def test_other_sounds_of_the_same_key_are_not_recognised() -> None:
    prints = [printed(piece(seed)) for seed in range(10, 18)]
    for one, other in itertools.combinations(prints, 2):
        found = match(one, other)
        assert found is not None
        assert not found.same, found


@pytest.mark.shared
def test_none_of_the_sample_clips_is_taken_for_another(shared: Path) -> None:
    prints = {}
    for path in sorted((shared / "samples" / "audio").glob("*_dev_*.flac")) + sorted(
        (shared / "samples" / "audio").glob("*_dev_*.ogg")
    ):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        prints[path.name] = printed(samples.mean(axis=1), rate)
    assert len(prints) >= 15
    for one, other in itertools.combinations(prints, 2):
        found = match(prints[one], prints[other])
        assert found is None or not found.same, (one, other, found)


def test_silence_and_too_little_sound_have_none() -> None:
    rate = chroma_print.RATE_HZ
    assert own_fingerprint(np.zeros(20 * rate, dtype=np.float32)) is None
    assert own_fingerprint(piece(1, 1.0, rate)) is None
    short = own_fingerprint(piece(1, 4.0, rate))
    assert short is not None
    assert match(short, short) is None, "two seconds in common prove nothing"


def test_two_algorithms_are_not_compared() -> None:
    own = printed(piece(1))
    assert own.algorithm == "catalograph-chroma"
    other = Fingerprint(algorithm=recognise.CHROMAPRINT, version="1.5.1", value=PACKED)
    later = Fingerprint(algorithm=own.algorithm, version="2", value=own.value)
    assert match(own, other) is None
    assert match(own, later) is None


def packed(values: list[int]) -> str:
    """Chromaprint's packing, written out from its description."""
    small: list[int] = []
    large: list[int] = []
    before = 0
    for value in values:
        changed, place, last = value ^ before, 1, 0
        while changed:
            if changed & 1:
                step = place - last
                small.append(min(step, 7))
                if step >= 7:
                    large.append(step - 7)
                last = place
            changed >>= 1
            place += 1
        small.append(0)
        before = value
    bits = np.array([b for s in small for b in (s & 1, s >> 1 & 1, s >> 2 & 1)], dtype=np.uint8)
    more = np.array([s >> b & 1 for s in large for b in range(5)], dtype=np.uint8)
    body = np.packbits(bits, bitorder="little").tobytes() + np.packbits(more, bitorder="little").tobytes()
    return base64.urlsafe_b64encode(b"\x01" + len(values).to_bytes(3, "big") + body).decode().rstrip("=")


PACKED = packed([1, 2, 3])


@pytest.mark.parametrize(
    "values", [[], [0], [1], [0xFFFFFFFF, 0], [1 << 31, 1, 1 << 31], [0x12345678, 0x9ABCDEF0, 0x0F0F0F0F]]
)
def test_chromaprints_packing_is_undone(values: list[int]) -> None:
    held = Fingerprint(algorithm=recognise.CHROMAPRINT, version="1.5.1", value=packed(values))
    assert numbers(held).tolist() == values


@pytest.mark.parametrize(
    "value", ["", "AQ", "AQAA_w", "AQ____8", "!!!!", packed([0x12345678] * 40)[:-6], "AQAAAf____8"]
)
def test_a_broken_fingerprint_is_refused(value: str) -> None:
    with pytest.raises(FingerprintBroken):
        numbers(Fingerprint(algorithm=recognise.CHROMAPRINT, version="1.5.1", value=value))


def test_damage_never_fails_in_another_way() -> None:
    dice = np.random.default_rng(5)
    whole = packed(dice.integers(0, 1 << 32, 50).tolist())
    for _ in range(500):
        letters = list(whole)
        for at in dice.integers(0, len(letters), 3):
            letters[at] = "ABCDxyz019_-"[dice.integers(0, 12)]
        held = Fingerprint(algorithm=recognise.CHROMAPRINT, version="1", value="".join(letters))
        try:
            assert numbers(held).dtype == np.uint32
        except FingerprintBroken:
            continue


def a_program(folder: Path, text: str) -> None:
    program = folder / "fpcalc"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_what_fpcalc_prints_counts_and_not_how_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's 1.5.1 ends with status 3 on whole files, after a good answer."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer = f'{{"duration": 20.0, "fingerprint": "{PACKED}"}}'
    a_program(
        tmp_path, f"[ \"$1\" = -version ] && echo 'fpcalc version 9.8.7' && exit\necho '{answer}'\nexit 3"
    )
    made = by_fpcalc(Path("-some file.mp3"))
    assert made == Fingerprint(algorithm="chromaprint", version="9.8.7", value=PACKED)


@pytest.mark.parametrize(
    "text",
    ["exit 2", "echo '{'", "echo '[]'", "echo '{\"fingerprint\": 5}'", 'echo \'{"fingerprint": "AQ"}\''],
)
def test_without_an_answer_the_own_algorithm_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    a_program(tmp_path, text)
    made = fingerprint(tmp_path / "some.mp3", piece(1, 8.0), RATE)
    assert made is not None
    assert made.algorithm == "catalograph-chroma"


def test_fpcalc_recognises_the_same_sound_too(tmp_path: Path) -> None:
    if shutil.which("fpcalc") is None:
        pytest.skip("FPCALC ABSENT: fpcalc is not on PATH, so chromaprint itself was not tried")
    prints = []
    for seed, name in ((1, "a.wav"), (1, "b.ogg"), (2, "c.wav")):
        soundfile.write(tmp_path / name, piece(seed), RATE)
        prints.append(by_fpcalc(tmp_path / name))
    same, again, other = prints
    assert same is not None
    assert again is not None
    assert other is not None
    for one, expected in ((again, True), (other, False)):
        found = match(same, one)
        assert found is not None
        assert found.same is expected
