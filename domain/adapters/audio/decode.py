"""Files of sound as samples: PyAV decodes them packet by packet, libsndfile what it gives up on.

Nothing in a file is believed: its content decides on the demuxer, what is broken is counted and left out,
and what is held is bounded, however long the sound is. `domain.adapters.audio.pool` bounds time and memory.
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from domain.adapters.audio.containers import Content, content_of
from domain.adapters.audio.frames import Block, Frames
from domain.adapters.audio.held import MOST_VALUES, Held
from domain.adapters.audio.tags import read_tags
from domain.audio.analysis import NotAnalysed, Sound
from domain.audio.meters import Meter
from domain.audio.quality import LOSSLESS
from domain.audio.refused import not_analysed

VERSION = f"av {av.__version__}"

# Longer than any programme; an endless one in few bytes is an attack on time.
MOST_S = 24 * 3_600
MOST_CHANNELS = 32
_RATES = range(1_000, 6_000_001)
# A damaged file has some broken packets; one with nothing but those is given up.
_MOST_ERRORS = 5_000
_GAP_S = 0.05
_MOST_IN_A_ROW = 500
_SNDFILE = {"wave", "flac", "mpeg", "vorbis", "opus", "ogg_flac", "aiff"}
_BITS = {"u8": 8, "s16": 16, "s24": 24, "s32": 32, "f32": 32, "f64": 64}


class _TooMuch(Exception):
    """More than a file may have; the text says of what."""


def decode(
    source: Path | BinaryIO,
    name: str = "",
    *,
    meters: Sequence[Meter] = (),
    sample_rate_hz: int = 44_100,
    most_values: int = MOST_VALUES,
) -> Sound | NotAnalysed:
    """A file of sound as samples, or the one finding why there are none.

    source: a path or a seekable file. name: what a finding calls it; it decides nothing. meters: hear all of
    the sound at its own rate, also what is not held. sample_rate_hz: what a higher rate is brought down to
    before it is held. most_values: of a longer sound the middle is held.
    """
    try:
        if isinstance(source, Path):
            if not source.is_file():  # opening a pipe waits for whoever writes into it
                what = (
                    "a folder" if source.is_dir() else "no regular file" if source.exists() else "not there"
                )
                return not_analysed("audio_unreadable", f"{name or source.name}: it is {what}")
            with source.open("rb") as opened:
                return _decode(opened, meters, sample_rate_hz, most_values)
        return _decode(source, meters, sample_rate_hz, most_values)
    except OSError as error:
        said = f"{name or getattr(source, 'name', '') or 'it'}: {error.strerror or error}"
        return not_analysed("audio_unreadable", said)
    except MemoryError:
        return not_analysed("audio_too_complex", "decoding it takes more memory than one file may")


def try_opening(path: Path) -> None:
    """Open a file as `decode` does, and close it; what goes wrong is left for `decode` to tell.

    No sound takes long to open. FFmpeg compares each comment with all others, so that a flood of them takes
    minutes there: whoever limits time can allow less for this than for all of it.
    """
    # Whatever it is: an error here would end the process, and tell nothing of the file.
    with suppress(Exception):
        if not path.is_file():
            return
        with path.open("rb") as source:
            content = content_of(source, source.seek(0, os.SEEK_END))
            if not isinstance(content, NotAnalysed):
                _opened(_From(source, content.start), content).close()


def _decode(
    source: BinaryIO, meters: Sequence[Meter], sample_rate_hz: int, most_values: int
) -> Sound | NotAnalysed:
    size = source.seek(0, os.SEEK_END)
    content = content_of(source, size)
    if isinstance(content, NotAnalysed):
        return content
    held = Held(meters, sample_rate_hz, most_values)
    try:
        sound = _by_av(_From(source, content.start), size, content, held)
        if isinstance(sound, NotAnalysed) and not held.frames and content.key in _SNDFILE:
            held = Held(meters, sample_rate_hz, most_values)
            sound = _by_sndfile(_From(source, content.start), content, held) or sound
    except _TooMuch as much:
        return not_analysed("audio_too_complex", str(much))
    if isinstance(sound, NotAnalysed):
        return sound
    return replace(sound, tags=read_tags(source, sound.tags))


def _by_av(source: "_From", size: int, content: Content, held: Held) -> Sound | NotAnalysed:
    """The sound as PyAV decodes it."""
    try:
        opened = _opened(source, content)
    except (av.error.FFmpegError, ValueError) as error:
        return not_analysed("audio_broken", f"it begins as {content.container}, and isn't: {_said(error)}")
    with opened as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            return not_analysed("audio_broken", "it has no track of sound")
        if stream.codec_context is None:
            return not_analysed("audio_broken", "its sound is of a codec that is not read")
        stream.codec_context.thread_count = 1
        codec = stream.codec_context.codec.canonical_name or stream.codec_context.name
        errors = 0
        ended = math.inf
        duration = _header_duration(container, stream, content)
        held.expect(duration)
        waiting = Frames(lossless=codec.startswith(LOSSLESS))
        for frame in _frames(container, stream):
            if frame is None:
                errors += 1
                if errors > _MOST_ERRORS:
                    raise _TooMuch(f"more than {_MOST_ERRORS} of its packets are broken")
                continue
            if content.demuxer == "ogg" and (begins := frame.time) is not None:
                # Its demuxer passes over damaged pages without a word; the clock tells that they are missing.
                errors += begins - ended > _GAP_S
                ended = begins + frame.samples / frame.sample_rate
            if not waiting.fits(frame):
                errors += _hold(held, waiting.take())
            waiting.add(frame)
        errors += _hold(held, waiting.take())
        held.end()
        if not held.frames:
            if errors:
                return not_analysed("audio_broken", f"none of its {errors} packets can be decoded")
            return not_analysed("audio_empty", f"it is {content.container} with no sound in it")
        seconds = held.frames / held.rate_hz
        return replace(
            held.sound(),
            container=content.container,
            codec=codec,
            bits=_bits_of(codec, stream.codec_context.extradata or b""),
            bitrate_bps=int(stream.bit_rate or 0) or int(size * 8 / seconds) or None,
            header_duration_s=duration,
            errors=errors,
            unfinished=content.unfinished,
            decoder=VERSION,
            tags=_metadata(container, stream),
        )


def _opened(source: "_From", content: Content) -> InputContainer:
    return av.open(
        cast(BinaryIO, source), "r", content.demuxer, metadata_errors="replace", buffer_size=1 << 16
    )


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame | None]:
    """The frames of a stream in order; None for each packet that is broken."""
    in_a_row = 0
    while in_a_row <= _MOST_IN_A_ROW:
        try:
            for packet in container.demux(stream):
                if packet.stream is not stream:
                    continue
                try:
                    frames = stream.codec_context.decode(packet)
                except (av.error.FFmpegError, ValueError) as error:
                    if isinstance(error, av.error.EOFError):
                        continue
                    in_a_row += 1
                    yield None
                    if in_a_row > _MOST_IN_A_ROW:
                        return
                    continue
                if frames:
                    in_a_row = 0
                yield from frames
            return
        except (av.error.FFmpegError, ValueError):
            # The demuxer stumbled; it goes on behind what it could not read.
            in_a_row += 1
            yield None


def _hold(held: Held, block: Block | None) -> int:
    """Hand a block on; gives how many of its frames were broken."""
    if block is None:
        return 0
    if not held.rate_hz:
        if block.rate_hz not in _RATES:
            raise _TooMuch(f"it says it has {block.rate_hz} samples a second")
        if not 0 < block.samples.shape[0] <= MOST_CHANNELS:
            raise _TooMuch(f"it has {block.samples.shape[0]} channels; at most {MOST_CHANNELS}")
        held.begin(block.rate_hz, block.layout)
    held.add(block.samples, block.rate_hz)
    if held.frames > MOST_S * held.rate_hz:
        raise _TooMuch(f"it is longer than {MOST_S // 3_600} hours")
    return block.broken


def _header_duration(container: InputContainer, stream: AudioStream, content: Content) -> float | None:
    """How long the container says it is; None where it says nothing and the demuxer guesses."""
    if content.header_duration_s is not None:
        return content.header_duration_s
    if content.guessed:
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None


def _metadata(container: InputContainer, stream: AudioStream) -> dict[str, tuple[str, ...]]:
    """What FFmpeg read of the tags, by lower-case name."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in (*stream.metadata.items(), *container.metadata.items()):
        if value.strip():
            found[key.lower()] = (value.strip(),)
    return found


def _bits_of(codec: str, extra: bytes) -> int | None:
    """Bits of one sample where the codec keeps them; None for one that drops what is hardly heard.

    extra: what the container holds for the decoder: STREAMINFO of FLAC, the cookie of ALAC.
    """
    if codec.startswith("pcm_"):
        return next((bits for name, bits in _BITS.items() if name in codec), 8)
    if codec == "flac" and len(extra) >= 14:
        return ((extra[12] & 1) << 4 | extra[13] >> 4) + 1
    if codec == "alac" and len(extra) >= 18:
        return extra[17] if extra[17] in (16, 20, 24, 32) else None
    return None


def _by_sndfile(source: "_From", content: Content, held: Held) -> Sound | None:
    """The sound as libsndfile decodes it; None when it can't either."""
    # Of a thousand files one needs it.
    import soundfile

    with (
        suppress(soundfile.SoundFileError, RuntimeError, ValueError),
        soundfile.SoundFile(source) as opened,
    ):
        if not 0 < opened.channels <= MOST_CHANNELS or opened.samplerate not in _RATES:
            return None
        names = {1: ("FC",), 2: ("FL", "FR")}.get(opened.channels, ())
        held.begin(opened.samplerate, names)
        held.expect(opened.frames / opened.samplerate)
        for block in opened.blocks(blocksize=1 << 16, dtype="float32", always_2d=True):
            held.add(np.ascontiguousarray(block.T), opened.samplerate)
            if held.frames > MOST_S * held.rate_hz:
                raise _TooMuch(f"it is longer than {MOST_S // 3_600} hours")
        held.end()
        if held.frames:
            return replace(
                held.sound(),
                container=content.container,
                codec=opened.subtype.lower(),
                header_duration_s=opened.frames / opened.samplerate,
                errors=1,
                decoder=f"soundfile {soundfile.__version__}",
            )
    return None


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


class _From:
    """A file from a position on, as if it began there."""

    def __init__(self, source: BinaryIO, start: int) -> None:
        self._source, self._start = source, start
        source.seek(start)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        return self._source.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position, counted from where it begins."""
        at = self._source.seek(offset + self._start if whence == 0 else offset, whence)
        return at - self._start

    def tell(self) -> int:
        """Where the next read begins."""
        return self._source.tell() - self._start

    def readinto(self, into: bytearray, /) -> int:
        """Fill a buffer, as libsndfile wants it."""
        data = self._source.read(len(into))
        into[: len(data)] = data
        return len(data)
