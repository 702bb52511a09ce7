"""What a signed link to a file leads to, and whether one that takes bytes still may."""

import uuid
from dataclasses import dataclass

from domain.ports import Sql


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and what they are called outside."""

    sha256: str
    file_name: str
    media_type: str


async def content_of(sql: Sql, id: uuid.UUID) -> Content | None:
    """The content of a file that is ready. Quarantined bytes are given to nobody, whoever asks."""
    row = await sql.fetchrow(
        "select sha256, file_name, media_type from file where id = $1 and state = 'ready'", id
    )
    if row is None:
        return None
    return Content(row["sha256"], row["file_name"], row["media_type"] or "application/octet-stream")


async def is_awaited(sql: Sql, ticket: str) -> bool:
    """Whether the bytes of an upload are still waited for; a file that has ended takes none any more."""
    try:
        id = uuid.UUID(hex=ticket)
    except ValueError:
        return False
    found = await sql.fetchval("select true from file where id = $1 and state = 'uploading'", id)
    return bool(found)
