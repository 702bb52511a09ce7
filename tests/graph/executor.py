"""The reference: the same schema run field by field, with resolvers that are as plain as can be.

What a row policy, a filter or a page means is written here once more, in Python over whole tables, so that
the compiled statement is compared with something that shares none of its SQL but the join conditions.
"""

import asyncio
import base64
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import asyncpg
from graphql import ExecutionResult, GraphQLInterfaceType, GraphQLObjectType, GraphQLUnionType, execute, parse
from sqlalchemy.dialects.postgresql import JSONB

from domain.access.scopes import Scope
from domain.access.viewer import Viewer
from domain.ids import decode_id, encode_id, id_of
from domain.inputs import snake
from domain.kinds import KINDS
from domain.rights.territory import countries_of
from graph.bind import Column, Expression, GlobalId, GraphType, Many, One
from graph.paging import CursorKey, read_cursor
from graph.schema import Root, Schema, schema
from graph.similar import BY_MIX, BY_SOUND
from graph.similar import REASONS as SAID
from tests.access_rows.reference import Rows
from tests.rights import reference as rights
from tests.similar.reference import Heard

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Order: TypeAlias = tuple[str, str, bool]
NO_ID = uuid.UUID(int=0)


@dataclass(frozen=True)
class Row:
    """A row and the type it is read as. key: the text of what the list was ordered by."""

    type: GraphType
    values: Mapping[str, Any]
    key: str = ""

    @property
    def id(self) -> uuid.UUID:
        """The row's id; values of an entity have none."""
        found: uuid.UUID = self.values.get("id", NO_ID)
        return found


_rules: dict[Connection, Rows] = {}
_heard: dict[Connection, Heard] = {}


@dataclass
class Asked:
    """One run: who asks, on which connection; statements take turns."""

    viewer: Viewer
    connection: Connection
    cursor_key: CursorKey
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def rows(self, t: GraphType, sql: str, *values: Any) -> list[Row]:
        """Rows of a type, those that may not be seen left out."""
        async with self.turn:
            found = await self.connection.fetch(sql, *values)
        documents = {c.name for c in t.table.columns if isinstance(c.type, JSONB)}
        rows = [
            Row(
                t,
                {
                    name: json.loads(value) if name in documents and value is not None else value
                    for name, value in record.items()
                },
                record.get("ordered_by") or "",
            )
            for record in found
        ]
        return [row for row in rows if await self.sees(row)]

    async def sees(self, row: Row) -> bool:
        """Whether the viewer may see a row."""
        kind, values, us = row.type.table.name, row.values, self.viewer.organization_id
        if kind in KINDS:
            return (await self.rules()).sees(self.viewer, kind, values)
        if kind == "finding":
            async with self.turn:
                owner = await self.connection.fetchval(
                    "select owner_id from delivery where id = $1", values["delivery_id"]
                )
            return bool(owner == us)
        if kind == "audio_feature":
            return await self.by_id_plainly(TYPE("Recording"), values["recording_id"]) is not None
        if kind in ("organization", "organization_dpid"):
            owner = values["id"] if kind == "organization" else values["organization_id"]
            return bool(owner == us or self.viewer.may(Scope.SYSTEM_ADMIN))
        if kind in ("member", "invitation", "client"):
            return bool(values["organization_id"] == us)
        if kind == "api_key":
            return await self.by_id_plainly(TYPE("Client"), values["client_id"]) is not None
        if kind == "session":
            in_charge = self.viewer.may(Scope.MEMBERS_MANAGE) and values["organization_id"] == us
            return bool(in_charge or str(values["user_id"]) == self.viewer.actor)
        return "owner_id" not in values or values["owner_id"] == us

    async def rules(self) -> Rows:
        """Who may see what in this database, which nobody changes."""
        async with self.turn:
            if self.connection not in _rules:
                _rules[self.connection] = await Rows.load(self.connection)
        return _rules[self.connection]

    async def heard(self) -> Heard:
        """What was listened to in this database."""
        rules = await self.rules()
        async with self.turn:
            if self.connection not in _heard:
                _heard[self.connection] = await Heard.load(self.connection, rules)
        return _heard[self.connection]

    async def by_id(self, t: GraphType, id: uuid.UUID) -> Row | None:
        """One row, by its id or the id it had before it was merged."""
        if t.kind in KINDS:
            async with self.turn:
                merged = await self.connection.fetchval("select merged_into_id from entity where id = $1", id)
            id = merged or id
        return next(iter(await self.rows(t, f"select * from {t.kind} where id = $1", id)), None)

    async def account(self, row: Row, name: str) -> Any:
        """A value of a member's account."""
        async with self.turn:
            return await self.connection.fetchval(
                f"select {name} from user_account where id = $1", row.values["user_id"]
            )

    async def folded(self, *texts: str | None) -> list[str | None]:
        """Texts without case and accents."""
        async with self.turn:
            found = await self.connection.fetch(
                "select catalog_fold(x) as folded from unnest($1::text[]) with ordinality o (x, place) "
                "order by place",
                texts,
            )
        return [record["folded"] for record in found]

    async def of_track(self, track: Row, name: str) -> Any:
        """A value of a track's recording, else of its video, as far as they may be seen."""
        for kind in ("Recording", "Video"):
            of = track.values[f"{kind.lower()}_id"]
            row = await self.by_id_plainly(TYPE(kind), of) if of else None
            if row is not None and row.values[name] is not None:
                return row.values[name]
        return None

    async def by_id_plainly(self, t: GraphType, id: uuid.UUID) -> Row | None:
        """The row that a column points at; merged rows are not followed."""
        return next(iter(await self.rows(t, f"select * from {t.kind} where id = $1", id)), None)


def TYPE(name: str) -> GraphType:
    """A graph type by its name."""
    return reference().types[name]


async def track_isrc(asked: Asked, row: Row) -> Any:
    """The code of what is heard."""
    return await asked.of_track(row, "isrc")


async def track_duration(asked: Asked, row: Row) -> Any:
    """The track's own length, else that of what is heard."""
    own = row.values["duration_ms"]
    return own if own is not None else await asked.of_track(row, "duration_ms")


async def changed_entity(_asked: Asked, row: Row) -> Any:
    """The global id of what changed."""
    return encode_id(row.values["kind"], row.values["entity_id"])


async def client_uuid(_asked: Asked, row: Row) -> Any:
    """The id that OAuth knows a client by."""
    return str(row.id)


async def member_email(asked: Asked, row: Row) -> Any:
    """The address of a member's account."""
    return await asked.account(row, "email")


async def member_name(asked: Asked, row: Row) -> Any:
    """The name of a member's account."""
    return await asked.account(row, "display_name")


async def member_disabled(asked: Asked, row: Row) -> Any:
    """Whether a member's account is closed."""
    return await asked.account(row, "disabled_at") is not None


async def streamable(asked: Asked, row: Row, territory: str, at: datetime | None = None) -> bool:
    """Whether it may be streamed, by the reference of rights over whole tables."""
    rows = rights.Rows()
    async with asked.turn:
        for kind in ("release", "track", "recording", "video"):
            for record in await asked.connection.fetch(f"select * from {kind}"):
                rows.entities[record["id"]] = {**record, "kind": kind}
        for record in await asked.connection.fetch("select * from deal"):
            deal = dict(record)
            rows.deals.append(
                {**deal, "included_territories": deal["territories"] or ["none"], "excluded_territories": []}
            )
            rows.subjects[deal["id"]] = []
        for record in await asked.connection.fetch("select * from deal_subject"):
            rows.subjects[record["deal_id"]].append(record["subject_id"])
    rows.index()
    us = asked.viewer.organization_id
    licensee = None if row.values["owner_id"] == us else us
    return all(
        rows.allowed(row.id, rights.Ask(country, at or datetime.now(UTC), "OnDemandStream", None, licensee))
        for country in countries_of(territory)
    )


async def file_subject(_asked: Asked, row: Row) -> str | None:
    """The global id of what a file hangs on."""
    id = row.values["subject_id"]
    return encode_id(row.values["subject_type"], id) if id else None


async def file_link(_asked: Asked, _row: Row) -> None:
    """No link: nothing signs in these tests."""


async def callback_path(_asked: Asked, row: Row) -> str:
    """Where a partner calls."""
    return f"/v1/callbacks/{row.values['slug']}"


async def callback_body(_asked: Asked, row: Row) -> str:
    """What a partner said."""
    body: bytes = row.values["body"]
    return body.decode()


async def told_through(_asked: Asked, row: Row) -> str | None:
    """The channel of a delivery, as a global id."""
    id = row.values["channel_id"]
    return encode_id("notice_channel", id) if id else None


async def distributed_release(_asked: Asked, row: Row) -> str | None:
    """The global id of the release that a record is about."""
    id = row.values["release_id"]
    return encode_id("release", id) if id else None


def nearest(*, mix: bool) -> Callable[..., Awaitable[Any]]:
    """What is near a recording, or the recording of a track, by the reference over whole tables."""

    async def asked_for(
        asked: Asked, row: Row, first: int | None = None, filter: Mapping[str, Any] | None = None
    ) -> Row | None:
        heard = await asked.heard()
        id = row.values["recording_id"] if row.type.kind == "track" else row.id
        answer = heard.answer(asked.viewer, id, first or 10, filter or {}, mix=mix)
        if answer is None:
            return None
        answer["text"] = SAID.get(answer["reason"], BY_MIX if mix else BY_SOUND)
        return Row(TYPE("Similar"), answer)

    return asked_for


# Rows that stand in no table, said in Python.
MADE: dict[str, Callable[..., Awaitable[Row | None]]] = {
    "similar": nearest(mix=False),
    "mixable_next": nearest(mix=True),
}


async def enriching_job(_asked: Asked, row: Row) -> str | None:
    """The global id of the job that was last at a file."""
    id = row.values["job_id"]
    return encode_id("job", id) if id else None


# What an expression binding says in SQL, said in Python.
EXPRESSIONS: dict[tuple[str, str], Callable[..., Awaitable[Any]]] = {
    ("Release", "is_streamable"): streamable,
    ("Track", "is_streamable"): streamable,
    ("Recording", "is_streamable"): streamable,
    ("Track", "isrc"): track_isrc,
    ("Track", "duration_ms"): track_duration,
    ("Change", "entity_id"): changed_entity,
    ("Client", "client_id"): client_uuid,
    ("File", "subject_id"): file_subject,
    ("File", "download_url"): file_link,
    ("CallbackPartner", "path"): callback_path,
    ("CallbackEvent", "body"): callback_body,
    ("Distribution", "release_id"): distributed_release,
    ("Enrichment", "job_id"): enriching_job,
    ("NoticeDelivery", "channel_id"): told_through,
    ("Member", "email"): member_email,
    ("Member", "display_name"): member_name,
    ("Member", "is_disabled"): member_disabled,
}

_made: list[Schema] = []


def reference() -> Schema:
    """A second schema, with resolvers of its own; the product's is not touched."""
    if not _made:
        made: Schema = schema.__wrapped__()
        for kind in made.core.type_map.values():
            if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
                kind.resolve_type = lambda row, *_: row.type.name
            if isinstance(kind, GraphQLObjectType):
                kind.is_type_of = None
        for t in made.types.values():
            core = made.core.type_map[t.name]
            assert isinstance(core, GraphQLObjectType)
            for name, definition in core.fields.items():
                definition.resolve = _field(t, *made.binding(t.name, name))
        for connection in made.core.type_map.values():
            if isinstance(connection, GraphQLObjectType) and connection.name.endswith(
                ("Connection", "Edge", "PageInfo")
            ):
                for name, definition in connection.fields.items():
                    definition.resolve = _key(name)
        assert made.core.query_type is not None
        for name, root in made.roots.items():
            if isinstance(root, Root) and root.shape != "search":
                made.core.query_type.fields[name].resolve = _root(root)
        _made.append(made)
    return _made[0]


async def run(
    document: str, variables: Mapping[str, Any] | None, viewer: Viewer, connection: Connection, key: CursorKey
) -> dict[str, Any]:
    """The data of a query. Errors are raised."""
    running = execute(
        reference().core,
        parse(document),
        context_value=Asked(viewer, connection, key),
        variable_values=dict(variables or {}),
    )
    result = running if isinstance(running, ExecutionResult) else await running
    assert result.errors is None, result.errors
    assert result.data is not None
    return result.data


def _key(name: str) -> Any:
    return lambda source, _info: source[snake(name)]


def _field(t: GraphType, name: str, binding: Any) -> Any:
    async def resolve(row: Row, info: Any, **arguments: Any) -> Any:
        asked: Asked = info.context
        if isinstance(binding, GlobalId):
            return encode_id(t.kind, row.id)
        if isinstance(binding, Column):
            return row.values[binding.name]
        if isinstance(binding, Expression):
            return await EXPRESSIONS[t.name, name](asked, row, **arguments)
        if isinstance(binding, One) and binding.made:
            return await MADE[name](asked, row, **arguments)
        if isinstance(binding, One):
            value = row.values[binding.by]
            return await asked.by_id_plainly(TYPE(binding.type), value) if value else None
        assert isinstance(binding, Many)
        target = TYPE(binding.type)
        if binding.rows:
            return [Row(target, values) for values in row.values[name]]
        key = binding.order[0]
        same = " and ".join(f"p.{c.name} = ${n + 1}" for n, c in enumerate(t.table.primary_key))
        order = ", ".join(binding.order)
        sql = (
            f"select t.*, ({key})::text as ordered_by from {target.kind} t, {t.kind} p "
            f"where {same} and {binding.where} order by {order}"
        ).format(t="t", p="p")
        values = [row.values["audit_class" if c.name == "class" else c.name] for c in t.table.primary_key]
        rows = await asked.rows(target, sql, *values)
        if not binding.paged:
            return rows
        tag = f"{target.name}:{key.removeprefix('{t}.')}:asc"
        return _page(asked, rows, tag, arguments)

    return resolve


def _root(root: Root) -> Any:
    async def resolve(_source: Any, info: Any, **arguments: Any) -> Any:
        asked: Asked = info.context
        if root.shape == "page":
            assert root.type is not None
            return await _listed(asked, root.type, arguments, root.only)
        if root.shape == "through":
            assert root.type is not None
            row = await asked.by_id(root.type, id_of(root.type.kind, arguments.pop(f"{root.type.kind}Id")))
            return row and await MADE[root.only](asked, row, **arguments)
        if root.shape == "one":
            assert root.type is not None
            return await asked.by_id(root.type, id_of(root.type.kind, arguments["id"]))
        ids = arguments["ids"] if root.shape == "nodes" else [arguments["id"]]
        found = []
        for kind, id in map(decode_id, ids):
            t = next((t for t in reference().types.values() if t.is_node and t.kind == kind), None)
            found.append(await asked.by_id(t, id) if t and asked.viewer.may(t.scope) else None)
        return found if root.shape == "nodes" else found[0]

    return resolve


async def _listed(asked: Asked, t: GraphType, arguments: Mapping[str, Any], only: str = "") -> Any:
    given = {snake(name): value for name, value in arguments.items()}
    asked_order = given.get("order_by") or "id:asc"
    name, _, way = str(getattr(asked_order, "value", asked_order)).partition(":")
    key = t.orders[name][0].format(t="t")
    down = " desc" if way == "desc" else ""
    rows = await asked.rows(
        t, f"select t.*, ({key})::text as ordered_by from {t.kind} t order by {key}{down}, id{down}"
    )
    if only:
        async with asked.turn:
            found = await asked.connection.fetch(f"select id from {t.kind} t where {only.format(t='t')}")
        rows = [row for row in rows if row.id in {record["id"] for record in found}]
    wanted = {name: value for name, value in given.items() if name in t.filters and value is not None}
    for name, value in (given.get("filter") or {}).items():
        rows = await _kept(asked, t, rows, snake(name), value)
    for name, value in wanted.items():
        rows = await _kept(asked, t, rows, name, value)
    return _page(asked, rows, f"{t.name}:{name_of(asked_order)}:{way}", given)


def name_of(order: Any) -> str:
    """The name of an order."""
    return str(getattr(order, "value", order)).partition(":")[0]


async def _kept(asked: Asked, t: GraphType, rows: list[Row], name: str, value: Any) -> list[Row]:
    if value is None:
        return rows
    if name == t.label:
        for test, text in value.items():
            if text is not None:
                wanted, *folded = await asked.folded(text, *(row.values[name] for row in rows))
                pairs = zip(rows, folded, strict=True)
                rows = [row for row, found in pairs if _passes(test, found, wanted)]
        return rows
    if name == "identifier":
        async with asked.turn:
            found = await asked.connection.fetch(
                "select entity_id from identifier where scheme = $1 and value = $2",
                value["scheme"],
                value["value"],
            )
        return [row for row in rows if row.id in {record["entity_id"] for record in found}]
    if name == "ids":
        return [row for row in rows if row.id in {id_of(t.kind, id) for id in value}]
    if name == "updated_since":
        return [row for row in rows if row.values["updated_at"] >= value]
    if (t.name, name) == ("Track", "isrc"):
        kept = []
        for row in rows:
            for kind in ("Recording", "Video"):
                of = row.values[f"{kind.lower()}_id"]
                heard = await asked.by_id_plainly(TYPE(kind), of) if of else None
                if heard is not None and heard.values["isrc"] in value and row not in kept:
                    kept.append(row)
        return kept
    several = {
        "genre": "genres",
        "territory": "territories",
        "use_type": "use_types",
        "commercial_model": "commercial_models",
    }
    if name in several:
        return [row for row in rows if set(row.values[several[name]]) & set(value)]
    return [row for row in rows if row.values[name] in value]


def _passes(test: str, text: str | None, wanted: str | None) -> bool:
    if text is None or wanted is None:
        return False
    if test == "equals":
        return text == wanted
    return text.startswith(wanted) if test == "startsWith" else wanted in text


def _page(asked: Asked, rows: list[Row], tag: str, given: Mapping[str, Any]) -> Any:
    """The page of a whole list, cut in Python."""
    ids = [(row.key, row.id) for row in rows]
    begin, end = 0, len(rows)
    if given.get("after") is not None:
        begin = ids.index(read_cursor(given["after"], tag, asked.cursor_key)) + 1
    if given.get("before") is not None:
        end = ids.index(read_cursor(given["before"], tag, asked.cursor_key))
    if given.get("last") is not None:
        begin = max(begin, end - given["last"])
    else:
        first = given.get("first")
        end = min(end, begin + (20 if first is None else first))
    page = rows[begin:end]

    def cursor(row: Row) -> str:
        payload = f"{tag}|{row.key}".encode() + row.id.bytes
        raw = asked.cursor_key.sign(payload) + payload
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return {
        "nodes": page,
        "edges": [{"cursor": cursor(row), "node": row} for row in page],
        "page_info": {
            "has_next_page": end < len(rows),
            "has_previous_page": begin > 0,
            "start_cursor": cursor(page[0]) if page else None,
            "end_cursor": cursor(page[-1]) if page else None,
        },
        "total_count": len(rows),
    }
