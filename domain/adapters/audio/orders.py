"""What may be asked of an analysis; loaded by those who ask, without what decodes and hears."""

from dataclasses import dataclass

# The parts of an analysis; `domain.adapters.audio.analyse.VERSIONS` says which version makes each.
ALL = frozenset({"quality", "loudness", "spectral", "tempo", "key", "tagged", "fingerprint", "heuristics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """sample_rate_hz: what a higher rate is brought down to before it is analysed.

    bpm_confidence_threshold: a tempo less sure stays a candidate. weights: the folder of the taggers'
    weights; empty, or one without them: nothing is tagged. gpu: whether they may use a graphics card.
    """

    sample_rate_hz: int = 44_100
    bpm_confidence_threshold: float = 0.7
    weights: str = ""
    gpu: bool = False
