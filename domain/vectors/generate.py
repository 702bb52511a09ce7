"""The command that makes a vector of an entity's words, or of a text that is given for it."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Annotated

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, command
from domain.kinds import KINDS
from domain.refusals import InputInvalid, NotFound, ReferenceMissing
from domain.types import Ref
from domain.vectors.keep import keep_embedding
from domain.vectors.own_text import own_text
from domain.vectors.tables import TEXT_DIMENSIONS
from domain.vectors.text import LONGEST_CONTENT, TEXT_MODEL, TEXT_VERSION, text_vector
from domain.work import Work, entity_id


@dataclass(frozen=True, kw_only=True)
class GenerateEmbedding:
    """Of what a vector is made. content: a text that tells of the entity; its own words unless given.

    entity_type: as `recording` or `artist`.
    """

    entity_type: str
    entity_id: Annotated[str, Ref("*")]
    content: str | None = None


@dataclass(frozen=True, kw_only=True)
class GeneratedEmbedding:
    """The vector that is kept now. is_new: whether it differs from the one before.

    vector: of unit length; null where the text has no letter and no digit, and reason is `no_words`.
    of_sha256: of the text it was made of, in UTF-8. Both tell of that text: of an entity's own words they are
    null for whoever may not read it (rights:read for deals, else catalog:read).
    """

    model: str
    model_version: str
    dimensions: int
    of_sha256: str | None
    is_new: bool
    vector: list[float] | None
    reason: str | None


def _weight(ask: GenerateEmbedding) -> int:
    return len(ask.content or "") // 1_000


@command(
    scope=Scope.ENRICHMENT_RUN,
    route="POST /embeddings",
    returns="change_set",
    audit=Audit.AI,
    refuses=(NotFound, ReferenceMissing),
    value=GeneratedEmbedding,
    weigh=_weight,
)
async def generate_embedding(ask: GenerateEmbedding, work: Work) -> Outcome:
    """Make a vector of an entity's words, by hashed pieces of words: alike is what is spelled alike."""
    if ask.entity_type not in KINDS:
        raise InputInvalid(
            f"entity_type is {ask.entity_type[:60]!r}; one of {', '.join(KINDS)} will do",
            path=("entity_type",),
        )
    content = ask.content
    if content is not None and len(content) > LONGEST_CONTENT:
        raise InputInvalid(
            f"content has {len(content):,} characters; at most {LONGEST_CONTENT:,}", path=("content",)
        )
    if content is not None and any("\ud800" <= sign <= "\udfff" for sign in content):
        raise InputInvalid("content holds half a character (a lone surrogate)", path=("content",))
    id = await work.lock(ask.entity_type, entity_id(ask.entity_type, ask.entity_id, ("entity_id",)))
    if content is None:
        content = (await own_text(work.connection, ask.entity_type, id))[:LONGEST_CONTENT]
    # Some ten thousandths of a second each, but for the longest texts: others go on meanwhile.
    vector = await asyncio.to_thread(text_vector, content)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    reason = None if vector else "no_words"
    is_new = await keep_embedding(
        work.connection,
        ask.entity_type,
        id,
        model=TEXT_MODEL,
        version=TEXT_VERSION,
        vector=vector,
        dimensions=TEXT_DIMENSIONS,
        of_sha256=sha256,
        made_of="text",
        reason=reason,
    )
    reads = Scope.RIGHTS_READ if ask.entity_type == "deal" else Scope.CATALOG_READ
    tells = ask.content is not None or work.viewer.may(reads)
    numbers = [round(number, 6) for number in vector] if vector and tells else None
    told = GeneratedEmbedding(
        model=TEXT_MODEL,
        model_version=TEXT_VERSION,
        dimensions=TEXT_DIMENSIONS,
        of_sha256=sha256 if tells else None,
        is_new=is_new,
        vector=numbers,
        reason=reason,
    )
    return Outcome("change_set", (work.change_set_id,), work.change_set_id, told)
