"""What the taggers usually say: means and deviations over many sounds, and the curves fitted to labels."""

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def reference() -> dict[str, Any]:
    """`taggers.json`: `tags` (mean and deviation of each tag's logit), `embedding` (of each of the 400
    numbers), `curves` (by field). `python3 -m tests.bench.taggers` makes it.
    """
    read: dict[str, Any] = json.loads(Path(__file__).with_name("taggers.json").read_text())
    return read
