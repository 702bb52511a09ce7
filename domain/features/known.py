"""The figures of a recording: what each is called, counts, and rests on.

Each is a field of the recording, `features.<name>`, whose claim is {number | text, reason, rivals, detail,
basis, confidence, model, model_version}; what is not there is not known.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.audio.camelot import camelot, open_key
from domain.claims import FEATURES
from domain.features.keys import key_of
from domain.fields import storable
from domain.refusals import InputInvalid

LONGEST_TEXT = 2_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Figure:
    """One figure. unit: what the number counts, empty for a text. low, high: what a person may say it is."""

    name: str
    basis: str
    about: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def is_number(self) -> bool:
        """Whether it is a number; else it is a text."""
        return self.low < self.high


FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure("duration_s", "measured", "how long the decoded sound is", "s", 0, 1e6),
        Figure("tempo_bpm", "measured", "the tempo", "beats a minute", 20, 400),
        Figure("tempo_stability", "measured", "share of windows that agree with the tempo", "", 0, 1),
        Figure("key", "measured", "the key, as `C major` or `F# minor`"),
        Figure("loudness_lufs", "measured", "integrated loudness (EBU R128)", "LUFS", -100, 20),
        Figure("loudness_range_lu", "measured", "loudness range (EBU Tech 3342)", "LU", 0, 100),
        Figure("true_peak_dbtp", "measured", "true peak (BS.1770-5)", "dBTP", -150, 30),
        Figure("quality", "measured", "what is wrong with the sound, or `good`"),
        Figure("energy", "heuristic", "how energetic it sounds", "", 0, 1),
        Figure("danceability", "heuristic", "how well it can be danced to", "", 0, 1),
        Figure("genre", "judged", "the genre"),
        Figure("mood", "judged", "the mood"),
        Figure("instruments", "judged", "the instruments that are heard"),
        Figure("vocals", "judged", "whether somebody sings, and who"),
        Figure("era", "judged", "the decade it sounds like"),
        Figure("description", "judged", "what it sounds like, in a sentence"),
    )
}
SPECTRAL = "spectral_"


def figure_of(name: str, path: tuple[str | int, ...] = ("name",)) -> Figure:
    """The figure of a name. Raises InputInvalid."""
    if name in FIGURES:
        return FIGURES[name]
    if name.startswith(SPECTRAL) and _NAME.fullmatch(name):
        return Figure(name, "heuristic", "a figure of the spectrum", "", -1e12, 1e12)
    raise InputInvalid(f"{name[:60]!r} is no figure; {', '.join(FIGURES)} and {SPECTRAL}… will do", path=path)


def field_of(name: str) -> str:
    """The field of a recording that a figure is."""
    return f"{FEATURES}{name}"


def claim(
    name: str,
    *,
    model: str,
    model_version: str,
    number: float | None = None,
    text: str | None = None,
    reason: str | None = None,
    confidence: float | None = None,
    rivals: Sequence[Mapping[str, Any]] = (),
    detail: Mapping[str, Any] | None = None,
    basis: str = "",
) -> dict[str, Any]:
    """A claim about a figure, without what is not known. reason: why there is no value."""
    given: dict[str, Any] = {
        "number": number,
        "text": text,
        "reason": reason if number is None and text is None else None,
        "confidence": confidence,
        "rivals": [dict(rival) for rival in rivals] or None,
        "detail": dict(detail) if detail else None,
        "basis": basis or figure_of(name).basis,
        "model": model,
        "model_version": model_version,
    }
    return {key: value for key, value in given.items() if value is not None}


def wheels_of(name: str, text: str | None) -> dict[str, str] | None:
    """Where a key in its normal form stands on the wheels of those who mix; None of any other figure."""
    found = key_of(text) if name == "key" and text is not None else None
    return {"camelot": camelot(*found), "open_key": open_key(*found)} if found else None


def said(name: str, number: float | None, text: str | None) -> tuple[float | None, str | None]:
    """What a person says a figure is, in its normal form; both None where they say it is not known.

    Raises InputInvalid.
    """
    figure = figure_of(name)
    if number is not None and text is not None:
        raise InputInvalid("number and text are given; a figure has one of them", path=("text",))
    if number is not None:
        if not figure.is_number:
            raise InputInvalid(f"{name} is a text, not {number:g}", path=("number",))
        if not figure.low <= number <= figure.high:
            raise InputInvalid(
                f"{name} is {number:g}; {figure.low:g} to {figure.high:g} will do", path=("number",)
            )
    if text is not None:
        if figure.is_number:
            raise InputInvalid(f"{name} is a number, not {text[:60]!r}", path=("text",))
        storable(name, text, ("text",))
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise InputInvalid(
                f"{name} has {len(text)} characters; 1 to {LONGEST_TEXT} will do", path=("text",)
            )
        if name == "key":
            found = key_of(text)
            if found is None:
                raise InputInvalid(
                    f"key is {text[:60]!r}; a key as 'C major', 'F# minor', 'Am' or '8A' will do",
                    path=("text",),
                )
            text = f"{found[0]} {found[1]}"
    return number, text
