"""Runs a mutation: each field is one command, dispatched in order, its payload read as a query would.

The payload is made inside the command's transaction, by the compiled path, and kept with the idempotency
key; the same call again gives the same bytes. A refusal is data in `userErrors`; a fault is an error of
that field, and the fields after it still run.
"""

import dataclasses
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    print_ast,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

from domain.access.viewer import Viewer
from domain.command import COMMANDS, Command, Outcome
from domain.dispatch import admit, dispatch
from domain.ids import encode_id
from domain.inputs import camel, parse, snake
from domain.ports import Blobs, Sealer, Sql, SqlPool
from domain.refusals import KeyReused, Refusal
from graph.mutations import is_deletion

Fault = Callable[[BaseException], dict[str, Any]]


@dataclass(frozen=True)
class Parsed:
    """One operation, ready to run: validated, its variables coerced.

    given: the variables as the caller sent them.
    """

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues
    given: Mapping[str, Any]


class Reads(Protocol):
    """The compiled path for one entity of a payload."""

    async def read_json(
        self, kind: str, id: uuid.UUID, selection: SelectionSetNode, of: Parsed, viewer: Viewer, sql: Sql
    ) -> bytes:
        """The entity under this selection, or null, as JSON."""
        ...


@dataclass(frozen=True)
class Tools:
    """What a door needs to have commands done."""

    pool: SqlPool
    blobs: Blobs | None = None
    sealer: Sealer | None = None


async def perform(
    command: Command,
    ask: Any,
    render: Callable[[Outcome, Sql], Awaitable[tuple[int, bytes]]],
    *,
    shape: str,
    tools: Tools,
    viewer: Viewer,
    door: str,
    key: str | None = None,
    correlation_id: str | None = None,
    reason: str | None = None,
) -> tuple[int, bytes, bool]:
    """Dispatch a command; gives status, the response's bytes, and whether they are an earlier answer's.

    shape: names the form of the answer (the selection, the door). It is kept with the answer, so that a
    key can't be used to fetch bytes of another form: that is KeyReused. Raises Refusal.
    """
    mark = hashlib.sha256(shape.encode("utf-8", "surrogatepass")).hexdigest()[:32].encode()

    async def marked(outcome: Outcome, sql: Sql) -> tuple[int, bytes]:
        status, body = await render(outcome, sql)
        return status, mark + body

    done = await dispatch(
        command,
        ask,
        viewer=viewer,
        pool=tools.pool,
        blobs=tools.blobs,
        sealer=tools.sealer,
        door=door,
        idempotency_key=key,
        correlation_id=correlation_id,
        reason=reason,
        render=marked,
    )
    assert done.body is not None
    if done.body[: len(mark)] != mark:
        raise KeyReused(
            f"idempotency key {key!r} was used for a request with another form of answer; use a new key",
            path=("idempotency_key",),
        )
    return done.status, done.body[len(mark) :], done.replayed


@dataclass(frozen=True)
class Run:
    """One mutation under way. fault: makes the error that tells of an exception, and logs it."""

    parsed: Parsed
    reads: Reads
    tools: Tools
    viewer: Viewer
    correlation_id: str | None
    fault: Fault


@dataclass(frozen=True)
class Mutated:
    """The whole response. replayed: whether all of it is what earlier calls were answered.

    points: what the commands cost that were done; one that was refused costs nothing.
    """

    body: bytes
    replayed: bool
    points: int


async def mutate(root: GraphQLObjectType, run: Run) -> Mutated:
    """Run the commands of a mutation, in order."""
    parts: list[bytes] = []
    errors: list[dict[str, Any]] = []
    anew = points = 0
    for name, nodes in collect(run.parsed.operation.selection_set, root.name, run.parsed).items():
        try:
            value, replayed, cost = await _field(root, nodes, run)
            anew += not replayed
            points += cost
        except Exception as error:
            value, anew = b"null", anew + 1
            errors.append({**run.fault(error), "path": [name]})
        parts.append(orjson.dumps(name) + b":" + value)
    told = b',"errors":' + orjson.dumps(errors) if errors else b""
    return Mutated(b'{"data":{' + b",".join(parts) + b"}" + told + b"}", anew == 0, points)


async def _field(root: GraphQLObjectType, nodes: Sequence[FieldNode], run: Run) -> tuple[bytes, bool, int]:
    """Run one command; gives its payload, whether it is an earlier call's, and what it cost."""
    if nodes[0].name.value == "__typename":
        return orjson.dumps(root.name), False, 0
    definition = root.fields[nodes[0].name.value]
    command = COMMANDS[snake(nodes[0].name.value)]
    payload = get_named_type(definition.type).name
    selection = merged(nodes)
    chosen = collect(selection, payload, run.parsed, interface="Payload")
    arguments = get_argument_values(definition, nodes[0], run.parsed.variables)

    async def render(outcome: Outcome, sql: Sql) -> tuple[int, bytes]:
        parts = []
        for name, fields in chosen.items():
            value = await _payload_field(command, outcome, fields, payload, run, sql)
            parts.append(orjson.dumps(name) + b":" + value)
        return 200, b"{" + b",".join(parts) + b"}"

    try:
        admit(command, run.viewer, arguments.get("idempotencyKey"), "graphql")
        ask: Any = parse(command.ask, arguments["input"])
        _, body, replayed = await perform(
            command,
            ask,
            render,
            shape=_shape(selection, run.parsed),
            tools=run.tools,
            viewer=run.viewer,
            door="graphql",
            key=arguments.get("idempotencyKey"),
            correlation_id=run.correlation_id,
            reason=arguments.get("reason"),
        )
    except Refusal as refusal:
        return _refused(refusal, chosen, payload, run.parsed), False, 0
    return body, replayed, 0 if replayed else command.points(ask)


async def _payload_field(
    command: Command, outcome: Outcome, nodes: Sequence[FieldNode], payload: str, run: Run, sql: Sql
) -> bytes:
    async def read(kind: str, id: uuid.UUID) -> bytes:
        return await run.reads.read_json(kind, id, merged(nodes), run.parsed, run.viewer, sql)

    name = snake(nodes[0].name.value)
    if name == "__typename":
        return orjson.dumps(payload)
    if name == "user_errors":
        return b"[]"
    if name == "change_set":
        if outcome.change_set_id is None or outcome.dry_run:
            return b"null"
        return await read("change_set", outcome.change_set_id)
    if name == "deleted_id" and is_deletion(command):
        return orjson.dumps(encode_id(outcome.kind, outcome.ids[0]))
    if name == command.returns:
        return await read(outcome.kind, outcome.ids[0]) if outcome.ids else b"null"
    return orjson.dumps(_project(getattr(outcome.value, name, None), nodes, run.parsed), default=plain)


def _refused(
    refusal: Refusal, chosen: Mapping[str, Sequence[FieldNode]], payload: str, parsed: Parsed
) -> bytes:
    answer: dict[str, Any] = {}
    for name, nodes in chosen.items():
        field = nodes[0].name.value
        if field == "__typename":
            answer[name] = payload
        elif field == "userErrors":
            answer[name] = [_user_error(refusal, nodes, parsed)]
        else:
            answer[name] = None
    return orjson.dumps(answer, default=plain)


def _user_error(refusal: Refusal, nodes: Sequence[FieldNode], parsed: Parsed) -> dict[str, Any]:
    path: list[str] | None = None
    if refusal.path:
        steps = [camel(step) if isinstance(step, str) else str(step) for step in refusal.path]
        path = steps if steps[0] in ("idempotencyKey", "reason") else ["input", *steps]
    whole = {
        "code": refusal.code.upper(),
        "message": refusal.text,
        "path": path,
        "details": {camel(name): value for name, value in refusal.details.items()} or None,
        "__typename": "UserError",
    }
    fields = collect(merged(nodes), "UserError", parsed)
    return {name: whole[inner[0].name.value] for name, inner in fields.items()}


def collect(
    selection: SelectionSetNode, type_name: str, parsed: Parsed, interface: str = ""
) -> dict[str, list[FieldNode]]:
    """The fields that a selection asks of a type, by response name, in order (GraphQL §6.3.2)."""
    found: dict[str, list[FieldNode]] = {}
    seen: set[str] = set()

    def walk(inner: SelectionSetNode) -> None:
        for node in inner.selections:
            if not _included(node, parsed.variables):
                continue
            if isinstance(node, FieldNode):
                name = node.alias.value if node.alias else node.name.value
                found.setdefault(name, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or node.type_condition.name.value in (type_name, interface):
                    walk(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = parsed.fragments[node.name.value]
                if fragment.type_condition.name.value in (type_name, interface):
                    walk(fragment.selection_set)

    walk(selection)
    return found


def _included(node: Any, variables: VariableValues) -> bool:
    skip = get_directive_values(GraphQLSkipDirective, node, variables)
    include = get_directive_values(GraphQLIncludeDirective, node, variables)
    return not (skip and skip["if"]) and not (include and not include["if"])


def merged(nodes: Sequence[FieldNode]) -> SelectionSetNode:
    """What all the nodes of one response name select."""
    return SelectionSetNode(
        selections=tuple(
            part for node in nodes if node.selection_set for part in node.selection_set.selections
        )
    )


def _shape(selection: SelectionSetNode, parsed: Parsed) -> str:
    texts = [print_ast(selection), *(print_ast(parsed.fragments[name]) for name in sorted(parsed.fragments))]
    given = orjson.dumps(parsed.given, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return "\n".join(["graphql", *texts, given.decode()])


def _project(value: Any, nodes: Sequence[FieldNode], parsed: Parsed) -> Any:
    """A value of a command under a selection; dataclasses are objects, everything else is a leaf."""
    if isinstance(value, list | tuple):
        return [_project(item, nodes, parsed) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    whole = as_object(value)
    fields = collect(merged(nodes), type(value).__name__, parsed)
    return {
        name: type(value).__name__
        if inner[0].name.value == "__typename"
        else _project(whole[inner[0].name.value], inner, parsed)
        for name, inner in fields.items()
    }


def as_object(value: Any) -> dict[str, Any]:
    """The fields of a command's value by their outward names; an id beside its kind becomes a global one."""
    whole = {camel(field.name): getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(whole.get("id"), str) and isinstance(whole.get("kind"), str):
        whole["id"] = encode_id(whole["kind"], uuid.UUID(whole["id"]))
    return whole


def plain(value: Any) -> Any:
    """What orjson does not know, as JSON: dataclasses as objects, decimals as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return as_object(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
