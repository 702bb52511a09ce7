"""Files that mean harm, and good ones damaged at random: each gives sound or one finding, in time."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from domain.adapters.audio.pool import Limits, Pool
from domain.audio.analysis import NotAnalysed
from domain.audio.refused import CODES
from tests.audio.made import encoded, tone
from tests.files.hostile import SOUNDS

QUICK = frozenset({"quality", "loudness"})
FORMATS = (
    ("wav", "pcm_s16le"),
    ("aiff", "pcm_s16be"),
    ("flac", "flac"),
    ("mp3", "libmp3lame"),
    ("ogg", "libopus"),
    ("ogg", "flac"),
    ("ipod", "aac"),
    ("ipod", "alac"),
    ("adts", "aac"),
    ("matroska", "flac"),
    ("asf", "wmav2"),
    ("wv", "wavpack"),
    ("ac3", "ac3"),
    ("avi", "mp3"),
)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(1, Limits(cpu_s=60, wall_s=120)) as made:
        yield made


def code_of(pool: Pool, path: Path) -> str | None:
    found = pool.analyse(path, QUICK)
    return found.code if isinstance(found, NotAnalysed) else None


def test_files_that_mean_harm_cost_a_finding_and_not_the_process(pool: Pool, tmp_path: Path) -> None:
    codes = set()
    path = tmp_path / "sound"
    for hostile in SOUNDS:
        path.write_bytes(hostile.build())
        codes.add(code_of(pool, path))
    assert codes <= {None, *CODES} - {"audio_decoder_failed"}
    assert {"audio_unknown", "audio_broken"} <= codes
    assert len(pool.processes) == 1


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The data with bytes changed, cut off, moved or made into the largest numbers."""
    made = bytearray(data)
    how = dice.randrange(4)
    if how == 0:
        for _ in range(dice.randint(1, 30)):
            made[dice.randrange(len(made))] = dice.randrange(256)
    elif how == 1:
        for _ in range(dice.randint(1, 8)):
            made[dice.randrange(400)] = dice.choice((0, 0x7F, 0x80, 0xFF))
    elif how == 2:
        return bytes(made[: dice.randrange(len(made))])
    else:
        at, of = dice.randrange(len(made)), dice.randrange(len(made))
        made[at : at + dice.randrange(2_000)] = made[of : of + dice.randrange(2_000)]
    return bytes(made)


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_damage_anywhere_costs_a_finding_at_most(
    pool: Pool, tmp_path: Path, container: str, codec: str, request: pytest.FixtureRequest
) -> None:
    sound = tone(0.3, rate_hz=48_000)
    sound += np.random.default_rng(5).standard_normal(sound.shape).astype(np.float32) * np.float32(0.05)
    whole = encoded(sound, container, codec, rate_hz=48_000, tags={"title": "x"})
    path = tmp_path / "sound"
    path.write_bytes(whole)
    assert code_of(pool, path) is None
    before = pool.processes
    dice = random.Random(f"{container} {codec}")
    times = 500 if request.config.getoption("--long") else 8
    for _ in range(times):
        path.write_bytes(damaged(whole, dice))
        assert code_of(pool, path) in {None, *CODES} - {"audio_decoder_failed"}
    assert pool.processes == before
