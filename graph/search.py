"""Search over every kind that has a title or a name, best first, in one statement.

For each kind the candidates are found first, fenced off from the ordering: by prefix, by words in any
order (full text) or part of a word (trigram), by their other titles, and where nothing holds the text, by
likeness (trigram): of a part first, then of the whole. Each way has a cap, so that a common syllable stays
quick; prefixes are taken in order, so that the very title asked for is among them. All compare without
case and accents.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from domain.access.policy import THERE, Licence, licence
from graph.bind import GraphType
from graph.plan import PageRead
from graph.problems import ReadRefused, plain_text
from graph.schema import SEARCHABLE
from graph.text import unwild

if TYPE_CHECKING:
    from graph.sql import Bound, Order, Writer

CANDIDATES = 200
PREFIXED = 50
ALIASES = 200
LONGEST_QUERY = 200
GATHERED = 2_000


def search_rows(writer: "Writer", page: PageRead, order: "Order", alias: str) -> tuple[str, str]:
    """The rows of a search page and one more, and the count of all candidates."""
    text = writer.bind(_query(page.slot), "text", page.slot, "query")
    asked = page.arguments.get("types")
    kinds = {getattr(kind, "value", kind) for kind in asked} if asked else None
    types = [t for t in SEARCHABLE if kinds is None or t.kind in kinds]
    found = _found(writer, types, text)
    keyset = writer.keyset(page, order, alias)
    where = f"where {keyset} " if keyset else ""
    rows = (
        f"{found} select {alias}.* from ranked {alias} {where}"
        f"order by {order.by(alias, page.backward)} limit {page.size + 1}"
    )
    return rows, f"{found} select count(*) from ranked"


def _found(writer: "Writer", types: Sequence[GraphType], text: str) -> str:
    """The clauses that end in `ranked`: kind, id, score.

    What is asked is folded once, in `asked`: as a parameter of a generic plan it would be folded for each
    row. A text without three letters in a row has no trigram but those of its beginning, so it is looked
    for at the beginning of titles and among their words.
    """
    folded = f"catalog_fold({text})"
    near = " union all ".join(part for t in types for part in _near(writer, t))
    near += " union all select a.kind, a.entity_id, a.f from aliases a"
    alike = " union all ".join(_alike(writer, t, "<%", ("near",)) for t in types)
    akin = " union all ".join(_alike(writer, t, "%", ("near", "alike")) for t in types)
    return (
        f"with {_gathered(writer, types)}, asked as materialized "
        f"(select f, plainto_tsquery('simple'::regconfig, f) as words, "
        f"case when f ~ '[[:alnum:]]{{3}}' then '%' else '' end || {unwild('f')} || '%' as pattern "
        f"from (select {folded} as f) folded), "
        f"aliases as materialized (select o.entity_id, o.kind, catalog_fold(o.text) as f from title o "
        f"where catalog_fold(o.text) like (select pattern from asked) and {_titled(writer, types)} "
        f"limit {ALIASES}), "
        f"near as materialized ({near}), "
        f"alike as materialized ({alike}), "
        f"akin as materialized ({akin}), "
        f"ranked as (select m.kind, m.id, round(max({_NEARNESS})::numeric, 6) as score "
        f"from near m, asked a group by m.kind, m.id "
        f"union all select m.kind, m.id, round({_LIKENESS}::numeric, 6) "
        f"from (table alike union all table akin) m, asked a)"
    )


# The whole title, its beginning, a word's beginning, the words apart, part of a word; then how much else.
_NEARNESS = (
    "(case when m.f = a.f then 5 when starts_with(m.f, a.f) then 4 "
    "when position(' ' || a.f in m.f) > 0 then 3 when position(a.f in m.f) > 0 then 1 else 2 end "
    "+ similarity(a.f, m.f))"
)
_LIKENESS = "((word_similarity(a.f, m.f) + similarity(a.f, m.f)) / 2)"


def _gathered(writer: "Writer", types: Sequence[GraphType]) -> str:
    """For each kind the rows that deals may open, read only where a licensor's hidden row comes by."""
    parts = []
    for t in types:
        opened = _opened(writer, t)
        ids = writer.rule(opened.candidates, "", most=str(GATHERED + 1))
        parts.append(f"opened_{t.kind} as materialized ({ids})")
    return ", ".join(parts)


def _sees(writer: "Writer", t: GraphType, row: str) -> str:
    """The row rule; where a licensee has few rows, all others of its licensors need no judging."""
    opened, few = _opened(writer, t), f"opened_{t.kind}"
    among = f"((select count(*) from {few}) > {GATHERED} or {row}.id in (select id from {few}))"
    judged = f"{opened.gate} and {among} and {opened.judge}"
    return writer.rule(f"({opened.open} or ({judged})) and {THERE}", row)


def _opened(writer: "Writer", t: GraphType) -> Licence:
    found = licence(t.kind, writer.sight)
    assert found is not None, f"{t.name} is searched, and no deal can open it"
    return found


def _near(writer: "Writer", t: GraphType) -> list[str]:
    """Rows of a kind that begin with the text, or that hold it or its words."""
    row = writer.alias()
    policy = _sees(writer, t, row)
    folded = f"catalog_fold({row}.{t.label})"
    some = f"select '{t.kind}' as kind, {row}.id, {folded} as f from {t.kind} {row} where"
    words = f"to_tsvector('simple'::regconfig, {folded}) @@ (select words from asked)"
    return [
        f"({some} {folded} ~>=~ (select f from asked) and {folded} ~<~ (select f||chr(1114111) from asked) "
        f"and {policy} order by {folded} using ~<~ limit {PREFIXED})",
        f"({some} ({folded} like (select pattern from asked) or {words}) and {policy} limit {CANDIDATES})",
    ]


def _titled(writer: "Writer", types: Sequence[GraphType]) -> str:
    """That a title's entity is of a kind asked for and may be seen: hidden ones would use up the cap."""
    cases = []
    for t in types:
        row = writer.alias()
        # A scalar, as an `exists` might be answered by reading the whole table first.
        seen = f"select true from {t.kind} {row} where {row}.id = o.entity_id and {_sees(writer, t, row)}"
        cases.append(f"when '{t.kind}' then ({seen})")
    return f"case o.kind {' '.join(cases)} else false end"


def _alike(writer: "Writer", t: GraphType, operator: str, unless: Sequence[str]) -> str:
    """Rows of a kind that are written like the text; asked only where nothing better was found."""
    row = writer.alias()
    policy = _sees(writer, t, row)
    folded = f"catalog_fold({row}.{t.label})"
    nothing = " and ".join(f"not exists (select from {better})" for better in unless)
    return (
        f"(select '{t.kind}' as kind, {row}.id, {folded} as f from {t.kind} {row} "
        f"where {nothing} and (select f from asked) {operator} {folded} and {policy} limit {CANDIDATES})"
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
