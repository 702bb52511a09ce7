"""Sound comes out of files as samples, or one finding says why not."""

import io

import numpy as np

from domain.adapters.audio.decode import decode
from domain.audio.analysis import NotAnalysed, Sound
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
