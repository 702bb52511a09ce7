"""An analysis as JSON, and back: how it is stored, printed, and told from one process to another."""

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from domain.audio.analysis import Analysis, NotAnalysed

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def as_json(found: Analysis | NotAnalysed) -> bytes:
    """JSON of an analysis, or of why there is none; numbers that are none are null."""
    return orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)


def as_data(found: Analysis | NotAnalysed) -> dict[str, Any]:
    """The same as lists, dictionaries and plain values."""
    data: dict[str, Any] = _adapter().dump_python(found, mode="json")
    return data


def from_json(data: bytes | str) -> Analysis | NotAnalysed:
    """What `as_json` wrote. Raises ValueError for anything else."""
    found: Analysis | NotAnalysed = _adapter().validate_json(data)
    return found


@cache
def _adapter() -> "TypeAdapter[Analysis | NotAnalysed]":
    # A process that analyses writes and never reads: it needs none of this, which is slow to load.
    from pydantic import TypeAdapter

    return TypeAdapter(Analysis | NotAnalysed)
