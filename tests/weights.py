"""The taggers' weights, for the tests in which they hear: fetched once for a checkout, from the index."""

import os
from functools import cache
from pathlib import Path

import pytest

from api.settings import CHECKOUT
from domain.adapters.audio.musicnn import Taggers
from domain.adapters.audio.weights import Weights
from domain.audio.weights import WeightsUnavailable

ABSENT = "TAGGERS' WEIGHTS ABSENT"


@cache
def weights_folder() -> Path:
    """A folder in which they are installed; skips, with the reason, where they can't be had."""
    named = os.environ.get("CATALOGRAPH_WEIGHTS_FOLDER")
    folder = Path(named) if named else CHECKOUT / ".catalograph" / "weights"
    try:
        Weights(folder).install()  # test processes side by side wait for each other there
    except WeightsUnavailable as unavailable:
        pytest.skip(f"{ABSENT}: {unavailable}")
    return folder


@cache
def taggers() -> Taggers:
    """Both taggers, loaded once for a test process."""
    return Taggers(Weights(weights_folder()))
