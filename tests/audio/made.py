"""Sounds made from formulas, and files made of them by PyAV; nothing is stored."""

import io
from collections.abc import Mapping

import av
import numpy as np
from av.audio.stream import AudioStream

from domain.audio.analysis import Samples

RATE_HZ = 44_100


def tone(
    seconds: float = 2.0, hertz: float = 440.0, level: float = 0.5, rate_hz: int = RATE_HZ, channels: int = 2
) -> Samples:
    """A steady tone on all channels."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile((level * np.sin(2 * np.pi * hertz * at)).astype(np.float32), (channels, 1))


def encoded(
    samples: Samples,
    container: str = "wav",
    codec: str = "pcm_s16le",
    *,
    rate_hz: int = RATE_HZ,
    layout: str | None = None,
    bitrate_bps: int = 128_000,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """A file of samples."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as opened:
        opened.metadata.update(tags or {})
        stream = opened.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, AudioStream)
        context = stream.codec_context
        context.layout = layout or ("mono" if samples.shape[0] == 1 else "stereo")
        if not codec.startswith(("pcm_", "flac")):
            context.bit_rate = bitrate_bps
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout=context.layout.name
        )
        frame.sample_rate = rate_hz
        frame.pts = 0
        resampler = av.AudioResampler(
            context.format.name, context.layout.name, rate_hz, frame_size=context.frame_size or None
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            opened.mux(stream.encode(piece))
        opened.mux(stream.encode(None))
    return out.getvalue()


def flooded(comments: int) -> bytes:
    """A FLAC file with so many comments, each of another name."""
    flac = encoded(tone(seconds=1.0), "flac", "flac")
    named = b"".join(b"\x0e\0\0\0K%09d=vwx" % n for n in range(comments))
    block = b"\1\0\0\0v" + comments.to_bytes(4, "little") + named
    return flac[:4] + b"\0" + flac[5:42] + b"\x84" + len(block).to_bytes(3, "big") + block
