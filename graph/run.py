"""Runs reads: the document and its plan from a cache, one statement, PostgreSQL's text as the answer.

A document is parsed and validated once; it is planned once for each shape of its variables and each kind
of viewer. What is left for a request is to bind and to ask.
"""

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputType,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute,
    print_ast,
    type_from_ast,
    validate,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from domain.access.viewer import Viewer
from domain.ports import Blobs, Sql, SqlPool
from domain.refusals import Refusal
from graph import limits
from graph.bind import TYPES
from graph.coerce import ReadArguments, ReadVariables, argument_reader, shape_of, variable_reader
from graph.paging import CursorKey
from graph.perform import Parsed
from graph.plan import Planner, ReadPlan, ServedRead
from graph.price import each_of, price
from graph.problems import ReadRefused, told
from graph.problems import RequestRefused as RequestRefused
from graph.purse import Purse
from graph.schema import Schema, schema
from graph.served import Asking
from graph.signing import Signer
from graph.sql import Bound, Statement, Writer

DOCUMENTS = 1_000
SHAPES = 64
DESCRIPTIONS = 8
# A document that is kept takes some hundred times its length, and each plan of it as much again.
CHARACTERS = 2 << 20
MOST_POINTS = 1_000_000
_SHOWN_ERRORS = 10

Variables: TypeAlias = Mapping[str, Any] | None


def _everybody(viewer: Viewer) -> bool:
    return True


@dataclass(frozen=True)
class Answer:
    """A response, how it was come by, and what it was priced at."""

    body: bytes
    statements: int
    points: int
    has_errors: bool = False


@dataclass(frozen=True)
class Compiled:
    """A plan and its statement. Where the executor serves a part, the statement has a column a root.

    describes: whether the schema itself is asked for.
    """

    plan: ReadPlan
    statement: Statement | None
    columns: tuple[str, ...]
    served: frozenset[str]
    points: int
    describes: bool
    arguments: tuple[ReadArguments, ...]
    constant: tuple[Mapping[str, Any], ...] | None
    each: tuple[tuple[int, int], ...] = ()

    def price(self, arguments: Sequence[Mapping[str, Any]]) -> int:
        """What it costs with these arguments."""
        if not self.each:
            return self.points
        return self.points + sum(len(arguments[slot]["ids"]) * points for slot, points in self.each)

    @cached_property
    def only_describes(self) -> bool:
        """Whether nothing is served but the schema, which is the same for everybody."""
        return self.describes and all(
            root.describes for root in self.plan.roots if isinstance(root, ServedRead)
        )


@dataclass
class Prepared:
    """A document that was parsed and validated, with the plans made of it."""

    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    types: Mapping[str, GraphQLInputType]
    variables: ReadVariables
    characters: int
    plans: "OrderedDict[Any, Compiled]" = field(default_factory=OrderedDict)

    @property
    def weight(self) -> int:
        """What it and its plans are counted as."""
        return self.characters * (1 + len(self.plans))

    @cached_property
    def printed(self) -> str:
        """The document without what makes no difference."""
        return print_ast(self.document)


class Engine:
    """Answers queries from a pool, and payloads from a command's own transaction.

    may_introspect: who may ask for the schema; its names are not hinted at to others. signer: of links.
    """

    def __init__(
        self,
        pool: SqlPool,
        cursor_key: CursorKey,
        of: Schema | None = None,
        *,
        may_introspect: Callable[[Viewer], bool] = _everybody,
        signer: Signer | None = None,
        store: Blobs | None = None,
    ) -> None:
        self.pool = pool
        self.cursor_key = cursor_key
        self.schema = of or schema()
        self.may_introspect = may_introspect
        self.signer = signer
        self.store = store
        self._documents: OrderedDict[tuple[str, str | None, bool], Prepared] = OrderedDict()
        self._characters = 0
        self._described: OrderedDict[tuple[str, str], ExecutionResult] = OrderedDict()

    def bound(self, viewer: Viewer, given: Sequence[Mapping[str, Any]], *ids: uuid.UUID) -> Bound:
        """What a statement's parameters are taken from."""
        return Bound(viewer, given, self.cursor_key, ids, self.signer)

    def parsed(
        self,
        document: str,
        variables: Variables = None,
        operation_name: str | None = None,
        viewer: Viewer | None = None,
    ) -> Parsed:
        """The operation, validated, with its variables coerced. Raises RequestRefused.

        viewer: who asks; without one nothing is hinted at.
        """
        prepared = self._prepare(document, operation_name, viewer)
        return Parsed(
            prepared.operation,
            prepared.fragments,
            self._variables(prepared, variables, viewer),
            dict(variables or {}),
        )

    async def execute(
        self,
        document: str,
        variables: Variables,
        viewer: Viewer,
        *,
        operation_name: str | None = None,
        sql: Sql | None = None,
        ours: bool = False,
        purse: Purse | None = None,
    ) -> Answer:
        """The whole response to a query. Raises RequestRefused; other errors are faults.

        sql: the connection to ask; one of the pool's unless given. ours: the document is one of the
        house's own, not the caller's. purse: what the price is taken from before anything is asked.
        """
        prepared, compiled, coerced = self._planned(document, variables, viewer, operation_name, ours)
        try:
            arguments = self._arguments(compiled, coerced)
            values: list[Any] = []
            if compiled.statement:
                values = compiled.statement.values(self.bound(viewer, arguments))
        except ReadRefused as error:
            raise RequestRefused([error.error()]) from None
        except GraphQLError as error:
            raise RequestRefused([told(error, "BAD_USER_INPUT")]) from None
        points = compiled.price(arguments)
        if purse is not None and (waiting := purse.reserve(points)) is not None:
            await waiting
        if not compiled.served:
            assert compiled.statement is not None
            return Answer(_bytes((await self._fetch(compiled.statement.text, values, sql))[0]), 1, points)
        return await self._mixed(prepared, compiled, values, variables, viewer, sql, purse)

    def points(
        self,
        document: str,
        variables: Variables,
        viewer: Viewer,
        operation_name: str | None = None,
        *,
        ours: bool = False,
    ) -> int:
        """What a query would cost. Raises RequestRefused."""
        _, compiled, coerced = self._planned(document, variables, viewer, operation_name, ours)
        return compiled.price(self._arguments(compiled, coerced) if compiled.each else ())

    def _planned(
        self, document: str, variables: Variables, viewer: Viewer, operation_name: str | None, ours: bool
    ) -> tuple[Prepared, Compiled, VariableValues]:
        """A query, ready to be bound. Raises RequestRefused."""
        prepared = self._prepare(document, operation_name, viewer, ours)
        if prepared.operation.operation is not OperationType.QUERY:
            raise refused(
                "GRAPHQL_VALIDATION_FAILED", f"this is a {prepared.operation.operation.value}, no query"
            )
        coerced = self._variables(prepared, variables, viewer)
        try:
            compiled = self._compile(prepared, coerced, viewer)
            if compiled.describes and not self.may_introspect(viewer):
                raise ReadRefused(
                    "INTROSPECTION_REFUSED",
                    "the schema is not told here; /schema.graphql has it whole, as a file",
                )
        except ReadRefused as error:
            raise RequestRefused([error.error()]) from None
        except GraphQLError as error:
            raise RequestRefused([told(error, "BAD_USER_INPUT")]) from None
        return prepared, compiled, coerced

    async def data(
        self,
        document: str,
        variables: Variables,
        viewer: Viewer,
        sql: Sql | None = None,
        purse: Purse | None = None,
    ) -> bytes:
        """The JSON of a query's `data`, for doors that dress it themselves. Raises RequestRefused."""
        answer = await self.execute(document, variables, viewer, sql=sql, ours=True, purse=purse)
        if answer.has_errors:
            raise RequestRefused(orjson.loads(answer.body)["errors"])
        return answer.body[len(b'{"data":') : -1]

    async def read_json(
        self, kind: str, id: uuid.UUID, selection: SelectionSetNode, of: Parsed, viewer: Viewer, sql: Sql
    ) -> bytes:
        """One entity under a selection, or null, from a command's own transaction."""
        t = next(t for t in TYPES.values() if t.kind == kind and t.is_node)
        planner = Planner(self.schema, of.fragments, of.variables, viewer)
        plan = planner.object(t, selection)
        statement = Writer(viewer.sight).payload(t, plan)
        arguments = [get_argument_values(*slot, of.variables) for slot in planner.plan.slots]
        values = statement.values(self.bound(viewer, arguments, id))
        return _bytes(await sql.fetchval(statement.text, *values))

    # -- preparing ----------------------------------------------------------------------------------------

    def _prepare(
        self, document: str, operation_name: str | None, viewer: Viewer | None = None, ours: bool = False
    ) -> Prepared:
        key = (document, operation_name, ours)
        if found := self._documents.get(key):
            self._documents.move_to_end(key)
            return found
        try:
            parsed = limits.parsed(document, limits.OURS if ours else limits.LIMITS)
        except ReadRefused as error:
            raise RequestRefused([error.error()]) from None
        except GraphQLError as error:
            raise RequestRefused([told(error, "GRAPHQL_PARSE_FAILED")]) from None
        fragments = {
            node.name.value: node for node in parsed.definitions if isinstance(node, FragmentDefinitionNode)
        }
        errors = validate(
            self.schema.core, parsed, max_errors=_SHOWN_ERRORS, hide_suggestions=self._hides(viewer)
        )
        if errors:
            raise RequestRefused([told(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
        operation = _operation(parsed, operation_name)
        types: dict[str, Any] = {
            node.variable.name.value: type_from_ast(self.schema.core, node.type)
            for node in operation.variable_definitions or ()
        }
        reader = variable_reader(self.schema.core, operation.variable_definitions or (), _SHOWN_ERRORS)
        prepared = Prepared(parsed, operation, fragments, types, reader, len(document))
        self._documents[key] = prepared
        self._grown(prepared.characters)
        return prepared

    def _grown(self, characters: int) -> None:
        """Count what was added, and let go of what was not asked for longest."""
        self._characters += characters
        while len(self._documents) > DOCUMENTS or self._characters > CHARACTERS:
            oldest = next(iter(self._documents.values()))
            if len(self._documents) > 1:
                self._documents.popitem(last=False)
                self._characters -= oldest.weight
            elif len(oldest.plans) > 1:
                oldest.plans.popitem(last=False)
                self._characters -= oldest.characters
            else:
                return

    def _variables(
        self, prepared: Prepared, variables: Variables, viewer: Viewer | None = None
    ) -> VariableValues:
        given = variables or {}
        try:
            limits.check_values(given)
        except ReadRefused as error:
            raise RequestRefused([error.error()]) from None
        coerced = prepared.variables(given)
        if isinstance(coerced, list) and self._hides(viewer):
            definitions = prepared.operation.variable_definitions or ()
            coerced = get_variable_values(
                self.schema.core, definitions, dict(given), _SHOWN_ERRORS, hide_suggestions=True
            )
        if isinstance(coerced, list):
            raise RequestRefused([told(error, "BAD_USER_INPUT") for error in coerced])
        return coerced

    def _hides(self, viewer: Viewer | None) -> bool:
        """Whether an error keeps to itself which name of the schema comes near."""
        return viewer is None or not self.may_introspect(viewer)

    def _compile(self, prepared: Prepared, coerced: VariableValues, viewer: Viewer) -> Compiled:
        shape = (
            viewer.shape,
            tuple(shape_of(coerced.coerced.get(name), type) for name, type in prepared.types.items()),
        )
        if found := prepared.plans.get(shape):
            prepared.plans.move_to_end(shape)
            return found
        plan = Planner(self.schema, prepared.fragments, coerced, viewer).operation(prepared.operation)
        points = price(plan)
        if points > MOST_POINTS:
            raise ReadRefused(
                "LIMIT_EXCEEDED",
                f"the operation is priced at {points:,} points; at most {MOST_POINTS:,}: ask for smaller "
                "pages, or for less inside them",
            )
        served = frozenset(root.key for root in plan.roots if isinstance(root, ServedRead))
        describes = any(isinstance(root, ServedRead) and root.describes for root in plan.roots)
        statement: Statement | None = None
        columns: tuple[str, ...] = ()
        compiled_roots = [root for root in plan.roots if not isinstance(root, ServedRead)]
        if not served:
            statement = Writer(viewer.sight).statement(plan)
        elif compiled_roots:
            statement = Writer(viewer.sight).columns(plan, compiled_roots)
            columns = tuple(root.key for root in compiled_roots)
        constant = None
        if not prepared.types:
            constant = tuple(get_argument_values(*slot, coerced) for slot in plan.slots)
        readers = tuple(argument_reader(slot) for slot in plan.slots)
        compiled = Compiled(
            plan, statement, columns, served, points, describes, readers, constant, each_of(plan)
        )
        prepared.plans[shape] = compiled
        if len(prepared.plans) > SHAPES:
            prepared.plans.popitem(last=False)
        else:
            self._grown(prepared.characters)
        return compiled

    def _arguments(self, compiled: Compiled, coerced: VariableValues) -> Sequence[Mapping[str, Any]]:
        if compiled.constant is not None:
            return compiled.constant
        return [read(coerced) for read in compiled.arguments]

    # -- asking -------------------------------------------------------------------------------------------

    async def _fetch(self, text: str, values: Sequence[Any], sql: Sql | None) -> Any:
        if sql is not None:
            return await sql.fetchrow(text, *values)
        async with self.pool.acquire() as connection:
            return await connection.fetchrow(text, *values)

    async def _mixed(
        self,
        prepared: Prepared,
        compiled: Compiled,
        values: Sequence[Any],
        variables: Variables,
        viewer: Viewer,
        sql: Sql | None,
        purse: Purse | None,
    ) -> Answer:
        """The compiled roots from one statement, the served ones from the executor, in their order."""
        found: dict[str, bytes] = {}
        if compiled.statement is not None:
            row = await self._fetch(compiled.statement.text, values, sql)
            found.update(zip(compiled.columns, map(_bytes, row), strict=True))
        if compiled.only_describes and not prepared.types:
            result = await self._describe(prepared, compiled, viewer)
        elif sql is not None:
            result = await self._serve(prepared, compiled, variables, viewer, sql, purse)
        else:
            async with self.pool.acquire() as connection:
                result = await self._serve(prepared, compiled, variables, viewer, connection, purse)
        if result.data is None:
            errors = [told(error, "INTERNAL_ERROR") for error in result.errors or ()]
            return Answer(orjson.dumps({"data": None, "errors": errors}), 2, compiled.points, True)
        found.update({key: orjson.dumps(value) for key, value in result.data.items()})
        parts = [orjson.dumps(root.key) + b":" + found.get(root.key, b"null") for root in compiled.plan.roots]
        body = b'{"data":{' + b",".join(parts) + b"}"
        if result.errors:
            body += b',"errors":' + orjson.dumps([told(error, "INTERNAL_ERROR") for error in result.errors])
        return Answer(body + b"}", 2, compiled.points, bool(result.errors))

    async def _describe(self, prepared: Prepared, compiled: Compiled, viewer: Viewer) -> ExecutionResult:
        """What a document is told of the schema. The whole of it takes 160 ms, so it is kept."""
        name = prepared.operation.name
        key = (prepared.printed, name.value if name else "")
        found = self._described.get(key)
        if found is None:
            found = await self._serve(prepared, compiled, None, viewer, None)
            self._described[key] = found
            if len(self._described) > DESCRIPTIONS:
                self._described.popitem(last=False)
        else:
            self._described.move_to_end(key)
        return found

    async def _serve(
        self,
        prepared: Prepared,
        compiled: Compiled,
        variables: Variables,
        viewer: Viewer,
        sql: Sql | None,
        purse: Purse | None = None,
    ) -> ExecutionResult:
        coerced = self._variables(prepared, variables)
        planner = Planner(self.schema, prepared.fragments, coerced, viewer)
        chosen = planner.collect([prepared.operation.selection_set], "Query")
        fields = [node for key, nodes in chosen.items() if key in compiled.served for node in nodes]
        operation = OperationDefinitionNode(
            operation=OperationType.QUERY,
            name=NameNode(value="Served"),
            variable_definitions=prepared.operation.variable_definitions,
            directives=(),
            selection_set=SelectionSetNode(selections=tuple(fields)),
        )
        document = DocumentNode(definitions=(operation, *prepared.fragments.values()))
        result = execute(
            self.schema.core,
            document,
            context_value=Asking(viewer, sql, purse, store=self.store) if sql else None,
            variable_values=dict(variables or {}),
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        for error in result.errors or ():
            if error.original_error is not None and not isinstance(
                error.original_error, Refusal | GraphQLError
            ):
                raise error.original_error
        return result


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is None and len(operations) == 1:
        return operations[0]
    for operation in operations:
        if name is not None and operation.name and operation.name.value == name:
            return operation
    names = (
        ", ".join(operation.name.value for operation in operations if operation.name) or "none with a name"
    )
    asked = f"operationName is {name!r}" if name else f"there are {len(operations)} operations"
    raise refused("GRAPHQL_VALIDATION_FAILED", f"{asked}; name one that the document has: {names}")


def refused(code: str, text: str) -> RequestRefused:
    """A refusal of the whole request."""
    return RequestRefused([{"message": text, "extensions": {"code": code}}])


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
