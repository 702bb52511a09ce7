"""An analysis as JSON, and back: how it is stored, printed, and told from one process to another."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from domain.audio.analysis import Analysis, NotAnalysed


def as_json(found: Analysis | NotAnalysed) -> bytes:
    """JSON of an analysis, or of why there is none; numbers that are none are null."""
    return _adapter().dump_json(found)


def as_data(found: Analysis | NotAnalysed) -> dict[str, Any]:
    """The same as lists, dictionaries and plain values."""
    data: dict[str, Any] = _adapter().dump_python(found, mode="json")
    return data


def from_json(data: bytes | str) -> Analysis | NotAnalysed:
    """What `as_json` wrote. Raises ValueError for anything else."""
    found: Analysis | NotAnalysed = _adapter().validate_json(data)
    return found


@cache
def _adapter() -> TypeAdapter[Analysis | NotAnalysed]:
    return TypeAdapter(Analysis | NotAnalysed)
