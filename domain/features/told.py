"""What an analysis says of a recording, as claims: what was measured, and apart from it what the tags say."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.audio.analysis import Analysis, Key, KeyCandidate, Label, Labels, Tempo
from domain.features.keys import key_of
from domain.features.known import FIGURES, SPECTRAL, claim, field_of, said, wheels_of
from domain.refusals import InputInvalid

ANALYSIS, TAGS = "analysis", "tags"
HOUSE = "catalograph"
# Of each label so many rivals are kept.
MOST_RIVALS = 8
_JUDGED = ("genre", "mood", "instruments", "vocals", "era")
# Why one figure says nothing where those beside it do.
_TOO_SHORT = {
    "tempo_stability": "too short for two windows of ten seconds",
    "loudness_range_lu": "no window of three seconds is louder than -70 LUFS",
}
_PARTS = {"taggers", "tagged"}


def measured(found: Analysis) -> dict[str, Any]:
    """The fields that an analysis claims; of a part that did not run, none."""
    fields: dict[str, Any] = {}

    def tell(name: str, part: str, **value: Any) -> None:
        if part in found.models:
            given = claim(name, model=f"{HOUSE}/{part}", model_version=found.models[part], **value)
            fields[field_of(name)] = given

    flags = list(found.quality.flags)
    tell(
        "quality",
        "quality",
        text=", ".join(flags) or "good",
        detail={"flags": flags, "figures": dict(found.quality.figures)},
    )
    facts = {
        "container": found.container,
        "codec": found.codec,
        "rate_hz": found.rate_hz,
        "channels": found.channels,
        "bits": found.bits,
        "bitrate_bps": found.bitrate_bps,
        "header_duration_s": found.header_duration_s,
    }
    tell("duration_s", "quality", number=found.duration_s, detail=facts)
    if "tempo" in found.models:
        tell("tempo_bpm", "tempo", **_tempo(found.tempo))
        unsteady = _TOO_SHORT["tempo_stability"] if found.tempo.candidates else found.tempo.reason
        tell("tempo_stability", "tempo", number=found.tempo.stability, reason=unsteady)
    tell("key", "key", **_key(found.key))
    heard = found.loudness
    for name, number in (
        ("loudness_lufs", heard.integrated_lufs),
        ("loudness_range_lu", heard.range_lu),
        ("true_peak_dbtp", heard.true_peak_dbtp),
    ):
        tell(name, "loudness", number=number, reason=heard.reason or _TOO_SHORT.get(name))
    for name, heuristic in (("energy", found.energy), ("danceability", found.danceability)):
        part = name if name in found.models else "heuristics"
        tell(name, part, number=heuristic.value, reason=heuristic.reason)
    for name, number in found.spectral.items():
        tell(f"{SPECTRAL}{name}", "spectral", number=number)
    part = next(iter(_PARTS & set(found.models)), "")
    if found.tagged is not None and part:
        fields |= judged(found.tagged.labels, model=f"{HOUSE}/{part}", model_version=found.models[part])
    return fields


def judged(labels: Labels, *, model: str, model_version: str) -> dict[str, Any]:
    """The fields that labels claim, whoever gave them."""
    fields = {}
    for name in _JUDGED:
        heard: Sequence[Label] = getattr(labels, name)
        first = heard[0] if heard else None
        fields[field_of(name)] = claim(
            name,
            text=first.name if first else None,
            confidence=_sure(first.confidence) if first else None,
            reason=labels.reason or "nothing was heard that can be named",
            rivals=[
                {"text": label.name, "confidence": _sure(label.confidence), **_scored(label)}
                for label in heard[1:][:MOST_RIVALS]
            ],
            detail=_scored(first) if first else None,
            model=model,
            model_version=model_version,
        )
    if labels.description:
        fields[field_of("description")] = claim(
            "description", text=labels.description, model=model, model_version=model_version
        )
    return fields


def _scored(label: Label) -> dict[str, float]:
    """What a tagger gives the word, beside how often that is right, which may not be known."""
    return {} if label.score is None else {"score": label.score}


def tagged(tags: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The fields that a file claims of itself by its tags. What can't be read is no claim.

    No code is among them: an ISRC says which recording something is, and files are copied with foreign ones.
    """

    def first(*names: str) -> str | None:
        found = (value.strip() for name in names for value in tags.get(name, ()))
        return next((value[:500] for value in found if value and "\x00" not in value), None)

    fields: dict[str, Any] = {}
    if title := first("title"):
        fields["title"] = title
    if artist := first("artist"):
        fields["artist_credit"] = [{"name": artist}]
    genres = [value.strip()[:100] for value in tags.get("genre", ()) if value.strip()]
    if genres:
        fields["genres"] = list(dict.fromkeys(genres))[:20]
    for name, given in (
        ("tempo_bpm", first("bpm", "tbpm", "tmpo")),
        ("key", first("key", "initialkey", "initial_key", "tkey")),
        ("genre", genres[0] if genres else None),
    ):
        if (figure := _said(name, given)) is not None:
            fields[field_of(name)] = figure
    return fields


def _said(name: str, given: str | None) -> dict[str, Any] | None:
    if given is None or (name == "key" and key_of(given) is None):
        return None
    try:
        number = float(given.replace(",", ".")) if FIGURES[name].is_number else None
        number, text = said(name, number, None if FIGURES[name].is_number else given)
    except (ValueError, InputInvalid):
        return None
    wheels = wheels_of(name, text)
    return claim(name, number=number, text=text, detail=wheels, basis="said", model="tags", model_version="")


def _tempo(tempo: Tempo) -> dict[str, Any]:
    rivals = [
        {"number": one.bpm, "relation": one.relation, "confidence": _sure(one.confidence)}
        for one in tempo.candidates
        if one.bpm != tempo.bpm
    ]
    segments = [{"start_s": one.start_s, "end_s": one.end_s, "number": one.bpm} for one in tempo.segments]
    return {
        "number": tempo.bpm,
        "confidence": _sure(tempo.confidence) if tempo.bpm is not None else None,
        "reason": tempo.reason or "no candidate is sure enough",
        "rivals": rivals,
        "detail": {"segments": segments} if segments else None,
    }


def _key(key: Key) -> dict[str, Any]:
    best, second = key.best, key.runner_up
    detail: dict[str, Any] = {"tuning_cents": key.tuning_cents} if key.tuning_cents is not None else {}
    if best is not None:
        detail |= {"camelot": best.camelot, "open_key": best.open_key}
    if key.segments:
        detail["segments"] = [
            {"start_s": start, "end_s": end, "text": text} for start, end, text in key.segments
        ]
    return {
        "text": f"{best.tonic} {best.scale}" if best else None,
        "confidence": _sure(best.confidence) if best else None,
        "reason": key.reason or "no key stands out",
        "rivals": [_rival(second)] if second else [],
        "detail": detail,
    }


def _rival(key: KeyCandidate) -> dict[str, Any]:
    return {
        "text": f"{key.tonic} {key.scale}",
        "camelot": key.camelot,
        "open_key": key.open_key,
        "confidence": _sure(key.confidence),
    }


def _sure(confidence: float | None) -> float | None:
    return None if confidence is None else min(1.0, max(0.0, confidence))
