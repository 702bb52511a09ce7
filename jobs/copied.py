"""Sound out of the blob store, as a file that a process of its own can read."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath

from domain.audio.analysis import NotAnalysed
from domain.audio.refused import not_analysed
from domain.features.enrich import Subject
from domain.ports import BlobNotFound, Blobs


@asynccontextmanager
async def copied(subject: Subject, blobs: Blobs) -> AsyncIterator[Path | NotAnalysed]:
    """A copy of the bytes for as long as the block lasts, or the finding that they are there no more."""
    with tempfile.TemporaryDirectory(prefix="catalograph-sound-") as folder:
        path = Path(folder) / f"sound{PurePath(subject.file_name).suffix[:10]}"

        def copy() -> None:
            with blobs.open(subject.sha256) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)

        try:
            await asyncio.to_thread(copy)
        except BlobNotFound:
            yield not_analysed("audio_unreadable", "the bytes are in the store no more")
        else:
            yield path
