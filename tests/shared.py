"""Where the shared samples are: a folder beside the checkout, or CATALOGRAPH_SHARED."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The folder of shared samples and standards, or None when this machine has none."""
    named = os.environ.get("CATALOGRAPH_SHARED")
    folder = Path(named) if named else CHECKOUT.parent / "shared"
    return folder if (folder / "samples").is_dir() else None
