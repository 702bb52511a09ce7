"""What the taggers usually say: means and deviations over many sounds, and the curves fitted to labels."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@cache
def reference() -> dict[str, Any]:
    """`taggers.json`: `tags` (mean and deviation of each tag's logit), `embedding` (of each of the 400
    numbers), `genre` (what a fit to labels gave). `python3 -m tests.bench.taggers` makes it.
    """
    read: dict[str, Any] = json.loads((_FOLDER / "taggers.json").read_text())
    return read


@cache
def instrument_curves() -> dict[str, tuple[tuple[float, float], ...]]:
    """By instrument what a tagger's score is worth, in rising pairs; only of instruments that were counted.

    `python3 -m tests.bench.audio_instruments` makes them.
    """
    read = json.loads((_FOLDER / "learned" / "instruments.json").read_text())
    return {name: tuple((low, high) for low, high in pairs) for name, pairs in read["curves"].items()}
