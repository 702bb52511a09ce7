"""From a read plan to one SQL statement whose text is the JSON answer.

JSON is put together by text concatenation, the fastest of the shapes measured; everything but numbers,
booleans, uuids and instants goes through `to_json`, every nullable value through `coalesce`. Each table
carries the viewer's predicate. Page sizes are literals, so that plans stay generic; everything else is a
cast parameter.
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from domain.access.policy import THERE, branches, licence, nested
from domain.access.scopes import Scope
from domain.access.viewer import Sight, Viewer
from graph.bind import TYPES, Expression, GraphType, Many, sql_type
from graph.conditions import conditions, must_fence, names_rows
from graph.globalid import any_id, row_id
from graph.licensed import count, licensed_rows
from graph.paging import CursorKey, cursor_sql, read_cursor
from graph.plan import (
    EdgePart,
    Info,
    Leaf,
    Listing,
    Lookup,
    ObjectPlan,
    PagePart,
    PageRead,
    ReadPlan,
    Single,
    Through,
    Typename,
)
from graph.problems import ReadRefused
from graph.schema import MOST_NODES, SEARCHABLE
from graph.signing import SIGNING, Signer
from graph.text import joined, leaf, literal

# From so many matches of a text on, they are looked for in the order of the page.
MANY_MATCHES = 2_000
NO_ID = "'00000000-0000-0000-0000-000000000000'::uuid"


@dataclass(frozen=True)
class Bound:
    """What a statement's parameters are taken from."""

    viewer: Viewer
    arguments: Sequence[Mapping[str, Any]]
    cursor_key: CursorKey
    ids: Sequence[uuid.UUID] = ()
    signer: Signer | None = None


Extract: TypeAlias = Callable[[Bound], Any]

# What row rules may ask of a viewer beside its organization, and the types of the answers.
_OF_VIEWER: dict[str, tuple[Extract, str]] = {
    "territories": (lambda bound: list(bound.viewer.territories or ()), "text[]"),
    "user": (lambda bound: bound.viewer.user_id, "uuid"),
    "system": (lambda bound: bound.viewer.may(Scope.SYSTEM_ADMIN), "boolean"),
    "manages": (lambda bound: bound.viewer.may(Scope.MEMBERS_MANAGE), "boolean"),
}


@dataclass(frozen=True)
class Statement:
    """A statement and where its parameters come from."""

    text: str
    parameters: tuple[Extract, ...]

    def values(self, bound: Bound) -> list[Any]:
        """The parameters for one request. Raises ReadRefused for a bad id or cursor."""
        return [extract(bound) for extract in self.parameters]


@dataclass(frozen=True)
class Order:
    """A keyset order: by a key that is never null, then by id. key and id are SQL over {t}.

    Texts go by their bytes, as the indexes for beginnings have them, whatever the database's collation.
    """

    name: str
    key: str
    type: str
    id: str
    descending: bool = False

    def by(self, alias: str, backward: bool) -> str:
        """The ORDER BY list."""
        down = self.descending != backward
        way = " desc" if down else ""
        bytewise = " using ~>~" if down else " using ~<~"
        keys = [] if self.key == self.id else [self.key + (bytewise if self.type == "text" else way)]
        return ", ".join(part.format(t=alias) for part in (*keys, self.id + way))

    def beyond(self, alias: str, backward: bool, key: str, id: str) -> str:
        """The condition that a row comes after the one with this key and id."""
        own_key, own_id = self.key.format(t=alias), self.id.format(t=alias)
        sign = "<" if self.descending != backward else ">"
        if self.type == "text":
            return f"({own_key} ~{sign}=~ {key} and ({own_key} ~{sign}~ {key} or {own_id} {sign} {id}))"
        return f"({own_key}, {own_id}) {sign} ({key}, {id})"

    def once(self, alias: str) -> str:
        """What tells one row from another in this order."""
        both = [self.key] if self.key == self.id else [self.key, self.id]
        return ", ".join(part.format(t=alias) for part in both)


class Writer:
    """Writes the SQL of one plan, for viewers of one sight."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self.parameters: list[Extract] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._aliases = 0

    def bind(self, extract: Extract, cast: str, *key: Any) -> str:
        """A parameter; asked for again under the same key, it is the same one."""
        if key and key in self._known:
            return self._known[key]
        self.parameters.append(extract)
        name = f"${len(self.parameters)}::{cast}"
        if key:
            self._known[key] = name
        return name

    def alias(self) -> str:
        """A table alias not used before."""
        self._aliases += 1
        return f"t{self._aliases}"

    @property
    def viewer(self) -> str:
        """The viewer's organization."""
        return self.bind(lambda bound: bound.viewer.organization_id, "uuid", "viewer")

    def rule(self, condition: str, alias: str, **more: str) -> str:
        """A row rule over an alias, for this viewer."""
        asked = {
            name: self.bind(extract, cast, name)
            for name, (extract, cast) in _OF_VIEWER.items()
            if f"{{{name}}}" in condition
        }
        return condition.format(t=alias, viewer=self.viewer, **asked, **more)

    def sees(self, table: str, alias: str) -> str:
        """The condition that the viewer may see a row."""
        return self.rule(nested(table, self.sight), alias)

    def statement(self, plan: ReadPlan) -> Statement:
        """The statement whose one value is the whole response."""
        parts: list[str] = ["'{\"data\":{'"]
        for place, root in enumerate(plan.roots):
            parts.append(literal(f'{"," if place else ""}"{root.key}":'))
            parts.append(self.root(root))
        parts.append("'}}'")
        return Statement("select " + joined(parts), tuple(self.parameters))

    def columns(self, plan: ReadPlan, roots: Sequence[Any]) -> Statement:
        """The statement with one value for each of the roots."""
        return Statement("select " + ", ".join(self.root(root) for root in roots), tuple(self.parameters))

    def payload(self, t: GraphType, plan: ObjectPlan) -> Statement:
        """The statement that reads one row as JSON, null where it may not be seen."""
        alias = self.alias()
        id = self.bind(lambda bound: bound.ids[0], "uuid")
        policy = self.sees(t.kind, alias)
        return Statement(
            f"select coalesce((select {self.object(t, plan, alias)} from {t.kind} {alias} "
            f"where {alias}.id = {id} and {policy}), 'null')",
            tuple(self.parameters),
        )

    def root(self, root: Any) -> str:
        """SQL for a root field's value."""
        if isinstance(root, Typename):
            return literal(f'"{root.value}"')
        if isinstance(root, Lookup):
            return self._lookup(root)
        if isinstance(root, Through):
            return self._through(root)
        assert isinstance(root, PageRead)
        return self._page(root, None)

    # -- objects ------------------------------------------------------------------------------------------

    def object(self, t: GraphType, plan: ObjectPlan, alias: str) -> str:
        """SQL for a row as a JSON object."""
        parts: list[str] = []
        for place, part in enumerate(plan.of(t.name)):
            parts.append(literal(f'{"," if place else "{"}"{part.key}":'))
            if isinstance(part, Typename):
                parts.append(literal(f'"{part.value}"'))
            elif isinstance(part, Single):
                parts.append(self._single(part, alias))
            elif isinstance(part, Listing):
                parts.append(self._listing(part, alias))
            elif isinstance(part, PageRead):
                parts.append(self._page(part, alias))
            else:
                given = self._given(part)
                parts.append(leaf(t, part.name, part.binding, alias, self.sees, **given))
        parts.append("'}'" if parts else "'{}'")
        return joined(parts)

    def _given(self, part: Leaf) -> dict[str, str]:
        """What stands for an expression's arguments, and for what else one with arguments may name."""
        slot = part.slot
        if isinstance(part.binding, Expression) and part.binding.signs:
            return {name: self.bind(get, cast, "signer", name) for name, (get, cast) in SIGNING.items()}
        if slot is None or not isinstance(part.binding, Expression):
            return {}
        bounds = self.bind(lambda bound: _listed(bound.viewer.territories), "text[]", "bounds")
        return {"viewer": self.viewer, "bounds": bounds} | {
            taken.name: self.bind(
                lambda bound, extract=taken.extract: extract(bound.arguments[slot]),  # type: ignore[misc]
                taken.cast,
                slot,
                taken.name,
            )
            for taken in part.binding.takes.values()
        }

    def _single(self, part: Single, parent: str) -> str:
        (name,) = part.object.types
        t, alias = TYPES[name], self.alias()
        if part.binding.made is not None:
            row = part.binding.made.sql(self, parent, part.slot, part.arguments)
            return f"coalesce((select {self.object(t, part.object, alias)} from ({row}) {alias}), 'null')"
        policy = self.sees(t.kind, alias)
        return (
            f"coalesce((select {self.object(t, part.object, alias)} from {t.kind} {alias} "
            f"where {alias}.{part.binding.key} = {parent}.{part.binding.by} and {policy}), 'null')"
        )

    def _listing(self, part: Listing, parent: str) -> str:
        (name,) = part.object.types
        t, alias = TYPES[name], self.alias()
        policy = self.sees(t.kind, alias)
        order = ", ".join(part.binding.order).format(t=alias, p=parent)
        rows = (part.binding.rows or f"{t.kind} {{t}}").format(t=alias, p=parent)
        return (
            f"coalesce((select '['||"
            f"string_agg({self.object(t, part.object, alias)}, ',' order by {order})||']' "
            f"from {rows} where {part.binding.where.format(t=alias, p=parent)} and {policy}), '[]')"
        )

    # -- look-ups -----------------------------------------------------------------------------------------

    def _lookup(self, root: Lookup) -> str:
        slot = root.slot
        if root.type is not None:
            kind = root.type.kind
            id = self.bind(lambda bound: row_id(kind, bound.arguments[slot]["id"]), "uuid")
            return self._by_id(root.type, root.object, id)
        name = "ids" if root.many else "id"

        def asked(bound: Bound) -> list[tuple[str, uuid.UUID]]:
            given = bound.arguments[slot][name]
            if root.many and len(given) > MOST_NODES:
                text = f"{len(given)} ids were given; at most {MOST_NODES}"
                raise ReadRefused("TOO_MANY", text, path=(root.key,))
            return [any_id(text) for text in (given if root.many else [given])]

        kinds = self.bind(lambda bound: [kind for kind, _ in asked(bound)], "text[]")
        ids = self.bind(lambda bound: [id for _, id in asked(bound)], "uuid[]")
        k = self.alias()
        cases = " ".join(
            f"when {literal(t.kind)} then {self._by_id(t, root.object, f'{k}.id')}"
            for t in (TYPES[name] for name in root.object.types)
        )
        one = f"coalesce(case {k}.kind {cases} end, 'null')"
        rows = f"unnest({kinds}, {ids}) with ordinality {k} (kind, id, place)"
        if root.many:
            return f"(select '['||coalesce(string_agg({one}, ',' order by {k}.place), '')||']' from {rows})"
        return f"(select {one} from {rows})"

    def _through(self, root: Through) -> str:
        kind, slot, by = root.type.kind, root.slot, root.by
        id = self.bind(lambda bound: row_id(kind, bound.arguments[slot][by]), "uuid")
        alias = self.alias()
        return self._row(root.type, alias, id, lambda: self._single(root.field, alias))

    def _by_id(self, t: GraphType, plan: ObjectPlan, id: str) -> str:
        alias = self.alias()
        return self._row(t, alias, id, lambda: self.object(t, plan, alias))

    def _row(self, t: GraphType, alias: str, id: str, told: Callable[[], str]) -> str:
        """What is told of the row with an id; null where it may not be seen."""
        if "status" in t.table.columns and "visibility" in t.table.columns:
            # A merged entity's old id resolves for ever.
            id = f"(select coalesce(e.merged_into_id, e.id) from entity e where e.id = {id})"
        policy = self.sees(t.kind, alias)
        return (
            f"coalesce((select {told()} from {t.kind} {alias} where {alias}.id = {id} and {policy}), 'null')"
        )

    # -- pages --------------------------------------------------------------------------------------------

    def _page(self, page: PageRead, parent: str | None) -> str:
        alias = self.alias()
        if page.type is None:
            from graph.search import search_rows

            order = Order("score", "{t}.score", "numeric", "{t}.id", descending=True)
            rows, everything = search_rows(self, page, order, alias)
        else:
            order = order_of(page)
            rows, everything = self._rows(page, page.type, order, alias, parent)
        way = order.by(alias, page.backward)
        parts: list[str] = []
        for place, part in enumerate(page.parts):
            parts.append(literal(f'{"," if place else "{"}"{part.key}":'))
            parts.append(self._page_part(page, part, order, alias, everything))
        parts.append("'}'" if parts else "'{}'")
        answer = joined(parts)
        used = _columns(alias, f"{answer} {way} {self.keyset(page, order, alias)}")
        number = ", count(*) over () as n" if "n" in used else ""
        if page.type is not None:
            # A row carried whole through the union and the window costs a sixth of the statement.
            narrow = ", ".join(f"{alias}.{name}" for name in sorted(used - {"rn", "n"}))
            rows = rows.replace(f"select {alias}.* from", f"select {narrow} from")
        numbered = (
            f"(select {alias}.*, row_number() over (order by {way}) as rn{number} "
            f"from ({rows}) {alias}) {alias}"
        )
        # One row even where nothing selected is an aggregate, such as totalCount alone.
        return f"(select {answer} from {numbered} having true)"

    def _page_part(self, page: PageRead, part: PagePart, order: Order, alias: str, everything: str) -> str:
        if part.what == "__typename":
            return literal(f'"{part.value}"')
        if part.what == "totalCount":
            return f"({everything})::text"
        if part.what == "pageInfo":
            parts: list[str] = []
            for place, info in enumerate(part.parts):
                parts.append(literal(f'{"," if place else "{"}"{info.key}":'))
                assert isinstance(info, Info)
                parts.append(self._info(page, info, order, alias))
            return joined([*parts, "'}'" if parts else "'{}'"])
        assert part.object is not None or part.what == "edges"
        item = self._item(page, part.object, alias) if part.object else self._edge(page, part, order, alias)
        way = f"{alias}.rn desc" if page.backward else f"{alias}.rn"
        return (
            f"'['||coalesce(string_agg({item}, ',' order by {way}) "
            f"filter (where {alias}.rn <= {page.size}), '')||']'"
        )

    def _item(self, page: PageRead, plan: ObjectPlan, alias: str) -> str:
        if page.type is not None:
            return self.object(page.type, plan, alias)
        cases = []
        for t in SEARCHABLE:
            inner = self.alias()
            cases.append(
                f"when {literal(t.kind)} then (select {self.object(t, plan, inner)} "
                f"from {t.kind} {inner} where {inner}.id = {alias}.id)"
            )
        return f"case {alias}.kind {' '.join(cases)} end"

    def _edge(self, page: PageRead, part: PagePart, order: Order, alias: str) -> str:
        parts: list[str] = []
        for place, inner in enumerate(part.parts):
            assert isinstance(inner, EdgePart)
            parts.append(literal(f'{"," if place else "{"}"{inner.key}":'))
            if inner.what == "cursor":
                parts.append(f"'\"'||{self.cursor(page, order, alias)}||'\"'")
            elif inner.what == "node":
                assert inner.object is not None
                parts.append(self._item(page, inner.object, alias))
            else:
                parts.append(literal(f'"{inner.value}"'))
        return joined([*parts, "'}'" if parts else "'{}'"])

    def _info(self, page: PageRead, info: Info, order: Order, alias: str) -> str:
        given = page.arguments.get("before" if page.backward else "after") is not None
        more = f"case when count(*) > {page.size} then 'true' else 'false' end"
        if info.name in ("hasNextPage", "hasPreviousPage"):
            ahead = (info.name == "hasNextPage") != page.backward
            return more if ahead else literal("true" if given else "false")
        if info.name == "__typename":
            return literal('"PageInfo"')
        first = (info.name == "startCursor") != page.backward
        place = "1" if first else f"least({alias}.n, {page.size})"
        cursor = self.cursor(page, order, alias)
        return f"coalesce(max(case when {alias}.rn = {place} then '\"'||{cursor}||'\"' end), 'null')"

    def cursor(self, page: PageRead, order: Order, alias: str) -> str:
        """SQL for a row's cursor."""
        inner = self.bind(lambda bound: bound.cursor_key.inner, "bytea", "inner")
        outer = self.bind(lambda bound: bound.cursor_key.outer, "bytea", "outer")
        key, id = f"{order.key.format(t=alias)}::text", order.id.format(t=alias)
        return cursor_sql(literal(tag_of(page, order)), key, id, inner, outer)

    def keyset(self, page: PageRead, order: Order, alias: str) -> str:
        """The condition that begins a page after its cursor; empty without one."""
        name = "before" if page.backward else "after"
        if page.arguments.get(name) is None:
            return ""
        slot, tag = page.slot, tag_of(page, order)

        def at(bound: Bound) -> tuple[str, uuid.UUID]:
            return read_cursor(bound.arguments[slot][name], tag, bound.cursor_key, (page.key,))

        id = self.bind(lambda bound: at(bound)[1], "uuid", slot, "cursor id")
        if order.key == order.id:
            return f"{order.id.format(t=alias)} {'<' if order.descending != page.backward else '>'} {id}"
        key = self.bind(lambda bound: at(bound)[0], f"text::{order.type}", slot, "cursor key")
        return order.beyond(alias, page.backward, key, id)

    def _rows(
        self, page: PageRead, t: GraphType, order: Order, alias: str, parent: str | None
    ) -> tuple[str, str]:
        """The rows of the page and one more, and the count of all of them."""
        wanted = conditions(self, t, page, alias)
        if isinstance(page.binding, Many):
            wanted.append(page.binding.where.format(t=alias, p=parent))
        elif page.binding.only:
            wanted.append(page.binding.only.format(t=alias))
        keyset = self.keyset(page, order, alias)
        way = order.by(alias, page.backward)
        end = f"order by {way} limit {page.size + 1}"

        def select(rule: str, more: str = "") -> str:
            where = " and ".join(part for part in (rule, *wanted, more) if part)
            return f"select {alias}.* from {t.kind} {alias} where {where}"

        inside = self.sees(t.kind, alias)
        everything = f"select count(*) from ({select(inside)}) {alias}"
        if must_fence(t, page):
            # Few matches are found by the trigram index and put in order; of many, the order's index is
            # walked, which ends soon. `||''` keeps the walk off the trigram index.
            many = f"(select count(*) from m) > {MANY_MATCHES}"
            after = f"{keyset} and" if keyset else ""
            folded = f"catalog_fold({alias}.{t.label})"
            walk = select(inside, keyset).replace(f"{folded} like", f"{folded}||'' like")
            return (
                f"with m as materialized ({select(inside)} limit {MANY_MATCHES + 1}) "
                f"select {alias}.* from ((select {alias}.* from m {alias} where {after} not {many} {end}) "
                f"union all ({walk} and {many} {end})) {alias} {end}",
                everything,
            )
        opened = licence(t.kind, self.sight)
        sides = [self.rule(branch, alias) for branch in branches(t.kind, self.sight)]
        # What is asked for by its name or code is few, and looked up before it is judged.
        few = isinstance(page.binding, Many) or (opened is not None and names_rows(t, page))
        if few or (opened is None and len(sides) == 1):
            return f"{select(inside, keyset)} {end}", everything
        rows = [f"{select(side, keyset)} {end}" for side in sides]
        if opened is not None:
            rows.append(licensed_rows(self, opened, t.kind, alias, select, keyset, way, page.size + 1))
            everything = count(self, opened, alias, select, THERE)
        union = " union all ".join(f"({part})" for part in rows)
        # What several branches give comes once; each stops at the page's end, whoever's the rows are.
        once = order.once(alias)
        return f"select distinct on ({once}) {alias}.* from ({union}) {alias} {end}", everything


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _columns(alias: str, sql: str) -> set[str]:
    """The columns of an alias that a piece of SQL names."""
    return set(re.findall(rf"\b{alias}\.([a-z0-9_]+)", sql))


def order_of(page: PageRead) -> Order:
    """The order of a page: as asked, or by id."""
    t = page.type
    assert t is not None
    id = "{t}.id" if "id" in t.table.columns else NO_ID
    if isinstance(page.binding, Many):
        key = page.binding.order[0]
        return Order(key.removeprefix("{t}."), key, sql_type(t.table, key.removeprefix("{t}.")), id)
    asked = page.arguments.get("orderBy") or "id:asc"
    name, _, way = str(getattr(asked, "value", asked)).partition(":")
    key, type = t.orders[name]
    return Order(name, key, type, id, way == "desc")


def tag_of(page: PageRead, order: Order) -> str:
    """What a cursor is bound to: the list and its order."""
    name = page.type.name if page.type else "Search"
    return f"{name}:{order.name}:{'desc' if order.descending else 'asc'}"
