"""Dropping bytes that no row needs any more. The one list of who needs blobs stands here."""

from domain.files.taking import BLOB_LOCK
from domain.ports import Blobs, Sql

# Files that are not deleted, messages that were delivered, and what exports wrote.
NEEDED = """
select exists (select from file where sha256 = $1 and state in ('checking', 'ready', 'quarantined'))
    or exists (select from delivery where sha256 = $1)
    or exists (select from job where kind = 'write_export' and result ->> 'sha256' = $1)
"""


async def drop_unneeded(sql: Sql, blobs: Blobs, sha256: str) -> bool:
    """Delete a blob unless somebody needs it; gives whether it is gone. Call it in a transaction.

    The store is asked while the lock is held: a file of the same bytes is made before that, and then the
    blob stays, or after it, and then its maker finds the blob missing.
    """
    await sql.execute(BLOB_LOCK, f"blob {sha256}")
    if await sql.fetchval(NEEDED, sha256):
        return False
    await blobs.delete(sha256)
    return True
