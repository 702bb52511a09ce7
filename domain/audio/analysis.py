"""What an analysis of one sound gives: each figure with how sure it is, its rivals, and who made it.

None is an answer: nothing can be said (silence, noise, no beat, no pitch), and `reason` says why. A
confidence is a probability, 0 to 1, calibrated on labelled clips, or None where there were none to do it by
(docs/enrichment.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


def __getattr__(name: str) -> Any:
    """`Samples`, made when it is asked for: what only tells of analyses (functions in a zip) has no numpy."""
    if name == "Samples":
        import numpy as np
        from numpy.typing import NDArray

        return NDArray[np.float32]
    raise AttributeError(name)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Decoded sound and what its container said of it.

    samples: (channels, frames), full scale is ±1.0; of a long sound a stretch from its middle that begins at
    `start_s`. rate_hz: of these samples; source_rate_hz: of the file, where it is higher. layout: the
    channels by name (`FL`, `FR`, `FC`, `LFE`, …). whole_s: how long all of it is, where a stretch is held.
    header_duration_s: what the container claims, None where it is silent. errors: how many packets could
    not be decoded. not_numbers: how many samples were none, and stand as silence. unfinished: its stream
    ends without the mark of an end. tags: what the file says of itself, by lower-case name (`title`, `bpm`,
    `key`, …): claims, never measurements.
    """

    samples: "Samples"
    rate_hz: int
    container: str
    codec: str
    layout: tuple[str, ...] = ()
    source_rate_hz: int | None = None
    start_s: float = 0.0
    whole_s: float | None = None
    bits: int | None = None
    bitrate_bps: int | None = None
    header_duration_s: float | None = None
    errors: int = 0
    not_numbers: int = 0
    unfinished: bool = False
    decoder: str = ""
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """How long the decoded sound is, all of it."""
        if self.whole_s is not None:
            return self.whole_s
        return int(self.samples.shape[1]) / self.rate_hz


@dataclass(frozen=True, kw_only=True)
class TempoCandidate:
    """A tempo that the beat allows. relation: to the first one, as `1`, `2`, `1/2`, `2/3`, `3/2` …"""

    bpm: float
    relation: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class TempoSegment:
    """A stretch of steady tempo, half-open, in seconds from the start."""

    start_s: float
    end_s: float
    bpm: float


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """Beats a minute. bpm: the first candidate where it is sure enough, else None; candidates: surest first.

    stability: 0 to 1, the share of windows that agree with the whole. segments: only where the tempo
    changes.
    """

    bpm: float | None
    confidence: float | None
    candidates: tuple[TempoCandidate, ...] = ()
    stability: float | None = None
    segments: tuple[TempoSegment, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class KeyCandidate:
    """A key and its names among those who mix. tonic: C C# D Eb E F F# G Ab A Bb B; scale: major, minor."""

    tonic: str
    scale: str
    camelot: str
    open_key: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Key:
    """The key, its runner-up, and how far concert pitch lies from A = 440 Hz, in cents."""

    best: KeyCandidate | None
    runner_up: KeyCandidate | None = None
    tuning_cents: float | None = None
    segments: tuple[tuple[float, float, str], ...] = ()
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """EBU R128. None where every block is below the gate or there is too little sound."""

    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What is wrong with the sound, in words of `domain.audio.quality.FLAGS`, and the figures behind them."""

    flags: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Heuristic:
    """A figure by a formula of the house, after no norm; docs/enrichment.md has the formula."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Label:
    """A word for the sound and how probable it is.

    confidence: None where no labelled sounds tell how often the word is right; score: what the tagger gives
    the word, 0 to 1, which is no probability of being right.
    """

    name: str
    confidence: float | None
    score: float | None = None


# How the reasons of `hearing.nothing_to_hear` begin.
_NOTHING = {"silence": "silence", "less than": "too_short", "nothing moves": "noise"}


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What taggers or models hear, surest first, one list for each field.

    vocals: `vocal`, `instrumental`, `female`, `male`, `choir` …; era: `60s` …; description: prose, only
    from a language model.
    """

    genre: tuple[Label, ...] = ()
    mood: tuple[Label, ...] = ()
    instruments: tuple[Label, ...] = ()
    vocals: tuple[Label, ...] = ()
    era: tuple[Label, ...] = ()
    description: str | None = None
    reason: str | None = None

    @property
    def nothing(self) -> str | None:
        """The word for why there was nothing to hear: `silence`, `too_short`, `noise`; else None."""
        return next((word for said, word in _NOTHING.items() if (self.reason or "").startswith(said)), None)


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """What the embedded taggers give: labels, one vector of unit length, and raw scores by tag.

    pace: -1 slow to +1 fast, from tags; it leans the tempo's octave.
    """

    labels: Labels
    embedding: tuple[float, ...] | None = None
    raw: Mapping[str, float] = field(default_factory=dict)
    pace: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What recognises the same sound again. algorithm: `chromaprint` only when made by chromaprint."""

    algorithm: str
    version: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Everything that was found in one sound. models: which version made each part, by name of the part.

    spectral: heuristics by name (`centroid_hz`, `flatness`, …).
    """

    sha256: str
    container: str
    codec: str
    rate_hz: int
    channels: int
    bits: int | None
    bitrate_bps: int | None
    header_duration_s: float | None
    duration_s: float
    quality: Quality
    tempo: Tempo
    key: Key
    loudness: Loudness
    energy: Heuristic
    danceability: Heuristic
    spectral: Mapping[str, float]
    tagged: Tagged | None
    fingerprint: Fingerprint | None
    tags: Mapping[str, tuple[str, ...]]
    models: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NotAnalysed:
    """Why a file gave nothing: one clear finding. code: of `domain.audio.refused.CODES`."""

    code: str
    text: str
