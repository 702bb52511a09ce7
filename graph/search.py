"""Search over every kind that has a title or a name, best first, in one statement.

For each kind the candidates are found first, fenced off from the ordering: by prefix, by words in any
order (full text), by part of a word (trigram), by likeness (trigram), and by their other titles. Each way
has a cap, so that a common syllable stays quick. All compare without case and accents.
"""

from typing import TYPE_CHECKING, Any

from domain.access.policy import nested
from graph.bind import GraphType
from graph.conditions import like_pattern
from graph.plan import PageRead
from graph.problems import ReadRefused, plain_text
from graph.schema import SEARCHABLE

if TYPE_CHECKING:
    from graph.sql import Bound, Order, Writer

CANDIDATES = 500
ALIASES = 1_000
LONGEST_QUERY = 200


def search_rows(writer: "Writer", page: PageRead, order: "Order", alias: str) -> tuple[str, str]:
    """The rows of a search page and one more, and the count of all candidates."""
    text = writer.bind(_query(page.slot), "text", page.slot, "query")
    asked = page.arguments.get("types")
    kinds = {getattr(kind, "value", kind) for kind in asked} if asked else None
    found = " union all ".join(
        _candidates(writer, t, text) for t in SEARCHABLE if kinds is None or t.kind in kinds
    )
    keyset = writer.keyset(page, order, alias)
    where = f"where {keyset} " if keyset else ""
    aliases = (
        "with aliases as materialized (select o.entity_id, o.kind from title o "
        f"where catalog_fold(o.text) like {like_pattern(text)} limit {ALIASES})"
    )
    rows = (
        f"{aliases} select {alias}.* from ({found}) {alias} {where}"
        f"order by {order.by(alias, page.backward)} limit {page.size + 1}"
    )
    return rows, f"{aliases} select count(*) from ({found}) {alias}"


def _candidates(writer: "Writer", t: GraphType, text: str) -> str:
    row = writer.alias()
    policy = nested(t.kind).format(t=row, viewer=writer.viewer)
    folded = f"catalog_fold({row}.{t.label})"
    query = f"catalog_fold({text})"
    words = f"to_tsvector('simple'::regconfig, {folded}) @@ plainto_tsquery('simple'::regconfig, {query})"
    ways = (
        f"{folded} ~>=~ {query} and {folded} ~<~ ({query}||chr(1114111))",
        words,
        f"{folded} like {like_pattern(text)}",
        f"{query} <% {folded}",
        f"{row}.id in (select a.entity_id from aliases a where a.kind = '{t.kind}')",
    )
    branches = " union ".join(
        f"(select {row}.id, {folded} as f from {t.kind} {row} where {way} and {policy} limit {CANDIDATES})"
        for way in ways
    )
    score = (
        f"(case when m.f = {query} then 2 else 0 end + case when starts_with(m.f, {query}) then 1 else 0 end "
        f"+ word_similarity({query}, m.f) + similarity({query}, m.f) "
        f"+ ts_rank(to_tsvector('simple'::regconfig, m.f), plainto_tsquery('simple'::regconfig, {query})))"
    )
    return (
        f"(with m as materialized ({branches}) "
        f"select '{t.kind}' as kind, m.id, round({score}::numeric, 6) as score from m)"
    )


def _query(slot: int) -> Any:
    def extract(bound: "Bound") -> str:
        text: str = bound.arguments[slot]["query"].strip()
        if not text or len(text) > LONGEST_QUERY:
            raise ReadRefused(
                "BAD_USER_INPUT",
                f"the search text has {len(text)} characters; 1 to {LONGEST_QUERY} will do",
                path=("search",),
            )
        return plain_text(text, "the search text")

    return extract
