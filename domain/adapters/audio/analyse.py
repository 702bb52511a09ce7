"""One file of sound, everything that can be said of it: decoded once, heard by each part."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from domain.adapters.audio import decode as decoding
from domain.adapters.audio import musicnn
from domain.adapters.audio.fingerprint import fingerprint
from domain.adapters.audio.orders import ALL, Settings
from domain.audio import chroma_print, heuristics, key, loudness, mel, quality, spectral, tempo
from domain.audio.analysis import (
    Analysis,
    Heuristic,
    Key,
    Loudness,
    NotAnalysed,
    Quality,
    Samples,
    Tagged,
    Tempo,
)
from domain.audio.meters import Meter
from domain.audio.mono import mixed, resampled
from domain.audio.refused import not_analysed

# The parts that can be asked for, and which version makes each now.
VERSIONS = {
    "quality": f"quality {quality.VERSION}, {decoding.VERSION}",
    "loudness": f"loudness {loudness.VERSION}, {decoding.VERSION}",
    "spectral": f"spectral {spectral.VERSION}",
    "tempo": f"tempo {tempo.VERSION}",
    "key": f"key {key.VERSION}",
    "tagged": musicnn.MODEL,
    "fingerprint": f"fingerprint {chroma_print.VERSION}",
    "heuristics": f"heuristics {heuristics.VERSION}",
}
_BY_EAR = frozenset({"tagged", "heuristics"})
_ANALYSED_HZ = 22_050
_USUAL = Settings()
_LEFT_OUT = "it was not asked for"


def analyse(
    path: Path,
    parts: frozenset[str] = ALL,
    settings: Settings = _USUAL,
) -> Analysis | NotAnalysed:
    """Everything that can be said of one file, or the one finding why nothing can.

    It computes for seconds and trusts the file with this process: `domain.adapters.audio.pool` does the same
    in a process of its own.
    """
    level, health = loudness.LoudnessMeter(), quality.QualityMeter()
    meters: list[Meter] = [level] if "loudness" in parts else []
    if "quality" in parts:
        meters.append(health)
    sound = decoding.decode(path, path.name, meters=meters, sample_rate_hz=settings.sample_rate_hz)
    if isinstance(sound, NotAnalysed):
        return sound
    try:
        with path.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        return not_analysed("audio_unreadable", f"{path.name}: {error.strerror or error}")
    flags = health.result(sound) if "quality" in parts else Quality()
    channels = int(sound.samples.shape[0])
    mix = mixed(sound)
    # What is held of a long sound is let go as soon as nobody needs it: the networks need as much.
    sound = replace(sound, samples=np.empty((channels, 0), np.float32))
    one = resampled(mix, sound.rate_hz, _ANALYSED_HZ)
    heard = resampled(mix, sound.rate_hz, mel.RATE_HZ) if parts & _BY_EAR else None
    del mix
    models = musicnn.load_taggers(Path(settings.weights), gpu=settings.gpu) if settings.weights else None
    tagged, moves = (None, None) if heard is None else _heard(heard, parts, models)
    loud = level.result() if "loudness" in parts else Loudness(reason=_LEFT_OUT)
    beat = (
        tempo.tempo(
            one,
            _ANALYSED_HZ,
            pace=tagged.pace if tagged else 0.0,
            threshold=settings.bpm_confidence_threshold,
        )
        if "tempo" in parts
        else Tempo(bpm=None, confidence=None, reason=_LEFT_OUT)
    )
    made = parts if models else parts - {"tagged"}
    return Analysis(
        sha256=sha256,
        container=sound.container,
        codec=sound.codec,
        rate_hz=sound.source_rate_hz or sound.rate_hz,
        channels=channels,
        bits=sound.bits,
        bitrate_bps=sound.bitrate_bps,
        header_duration_s=sound.header_duration_s,
        duration_s=sound.duration_s,
        quality=flags,
        tempo=beat,
        key=key.key(one, _ANALYSED_HZ) if "key" in parts else Key(best=None, reason=_LEFT_OUT),
        loudness=loud,
        energy=heuristics.energy(loud.integrated_lufs, moves)
        if "heuristics" in parts
        else Heuristic(value=None, reason=_LEFT_OUT),
        danceability=heuristics.danceability(beat.candidates[0].bpm if beat.candidates else None, moves)
        if "heuristics" in parts
        else Heuristic(value=None, reason=_LEFT_OUT),
        spectral=spectral.spectral(one, _ANALYSED_HZ) if "spectral" in parts else {},
        tagged=tagged,
        fingerprint=fingerprint(path, one, _ANALYSED_HZ) if "fingerprint" in parts else None,
        tags=sound.tags,
        models={name: version for name, version in VERSIONS.items() if name in made},
    )


def _heard(
    samples: Samples, parts: frozenset[str], models: musicnn.Taggers | None
) -> tuple[Tagged | None, heuristics.Motion | None]:
    """What taggers hear in 16 kHz mono sound, and how it moves: both see the same picture of it."""
    whole = (
        mel.log_mel(samples, 0, mel.frame_count(samples.size))
        if "heuristics" in parts and samples.size
        else None
    )
    return (
        musicnn.tag(samples, models, whole) if "tagged" in parts else None,
        heuristics.motion(samples, whole) if "heuristics" in parts else None,
    )
