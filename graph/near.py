"""What is spelled like an entity: the types of the answer, and the root field that asks."""

from typing import TYPE_CHECKING, Any

import strawberry

from domain.access.scopes import Scope
from domain.ids import IdInvalid, decode_id, encode_id
from domain.refusals import InputInvalid
from domain.vectors.nearest import COMPARED, nearest
from domain.vectors.tables import TEXT_DIMENSIONS
from domain.vectors.text import TEXT_MODEL, TEXT_VERSION
from graph.bind import Served

if TYPE_CHECKING:
    from graph.served import Asking

LARGEST = 100
DEFAULT = 10
_WORDS = {
    "no_embedding": "It has no vector of its words; generateEmbedding makes one.",
    "no_words": "What its vector was to be made of has no letter and no digit.",
    "nothing_else": "Nothing else that you may see has a vector of its words.",
}
_BASIS = (
    "Ordered by the cosine of the angle between vectors of hashed pieces of words, 1 for the same: alike is "
    "what is spelled alike, whatever it means."
)


@strawberry.type(description="An entity that is spelled alike, and how much: 0 to 1 for what shares pieces.")
class NearEntity:
    """An entity that is near."""

    id: strawberry.ID
    kind: str
    label: str = strawberry.field(description="Its title or name.")
    similarity: float


@strawberry.type(
    description="What is spelled like an entity, nearest first, and what that rests on; that nothing can be "
    "compared is an answer. reason: no_embedding, no_words or nothing_else."
)
class NearEntities:
    """The answer."""

    entity: strawberry.ID
    is_comparable: bool
    reason: str | None
    text: str
    model: str
    model_version: str
    dimensions: int
    hits: list[NearEntity]


async def similar_to(
    asking: "Asking", entity: str, first: int = DEFAULT, types: list[str] | None = None
) -> NearEntities | None:
    """The answer for one entity."""
    if not 1 <= first <= LARGEST:
        raise InputInvalid(f"first is {first}; 1 to {LARGEST} will do", path=("first",))
    for name in types or ():
        if name not in COMPARED:
            raise InputInvalid(f"types has {name[:60]!r}; {', '.join(COMPARED)} will do", path=("types",))
    try:
        kind, id = decode_id(entity)
    except IdInvalid as error:
        raise InputInvalid(str(error), path=("entity",)) from None
    kinds = tuple(sorted(set(types))) if types else COMPARED
    found = await nearest(asking.sql, asking.viewer, kind, id, first, kinds)
    if found is None:
        return None
    return NearEntities(
        entity=strawberry.ID(encode_id(kind, id)),
        is_comparable=found.reason is None,
        reason=found.reason,
        text=_WORDS.get(found.reason, found.reason) if found.reason else _BASIS,
        model=TEXT_MODEL,
        model_version=TEXT_VERSION,
        dimensions=TEXT_DIMENSIONS,
        hits=[
            NearEntity(
                id=strawberry.ID(encode_id(one.kind, one.id)),
                kind=one.kind,
                label=one.label,
                similarity=one.similarity,
            )
            for one in found.found
        ],
    )


TYPES_BY_NAME: dict[str, Any] = {"NearEntities": NearEntities}
ROOTS: dict[str, tuple[Served, str, str]] = {
    "similarTo": (
        Served(
            similar_to,
            {"entity": strawberry.ID, "first": int | None, "types": list[str] | None},
            Scope.CATALOG_READ,
            points=20,
        ),
        "NearEntities | None",
        "Entities of any kind that are spelled like one, by vectors that generateEmbedding makes. types: as "
        "`artist`; all kinds unless said.",
    ),
}
