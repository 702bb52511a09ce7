"""How a field of the graph is read: column, one, many, values, expression, served.

A graph type is a class over a table. Each line says the field's name, its type, and how it is read; the
Strawberry type, the compiled SQL and the executor's resolvers are all made from that one line. Nothing
is readable that has no scope, and no table that has no row policy.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Float, Integer, Numeric, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from domain.access.policy import POLICIES
from domain.access.scopes import Access, Scope
from domain.kinds import table_of

if TYPE_CHECKING:
    from graph.sql import Writer

T = TypeVar("T")

# What is kept of secrets. Nobody reads it, filters by it or orders by it: the schema is not built then.
_SECRET = re.compile(r"(?:\b|_)hash\b")

# A list that is read page by page; the annotation names what stands in it.
Page: TypeAlias = list[T]


@dataclass(frozen=True)
class Column:
    """A column of the table, as it is."""

    name: str = ""
    scope: Scope | Access | None = None


@dataclass(frozen=True)
class GlobalId:
    """The entity's global id."""

    kind: str
    scope: Scope | Access | None = None


@dataclass(frozen=True)
class Made:
    """A row that stands in no table: the statement works it out, from what it is asked.

    sql: a sub-select of one row or none, from the writer, the alias of the row it belongs to, the slot of the
    arguments, and as much of them as the plan may depend on. takes: each argument's type and what it is.
    points: what working it out costs. places: how many rows its lists have, as the price counts them.
    """

    sql: Callable[["Writer", str, int, Mapping[str, Any]], str]
    takes: Mapping[str, tuple[Any, str]]
    points: int
    places: Callable[[Mapping[str, Any]], int]


@dataclass(frozen=True)
class One:
    """The row of another table that a column points at; null when it may not be seen.

    by: this table's column. key: the other table's, its id unless said. type: the graph type's name, or ''
    for the union of all kinds. made: where the row stands in no table.
    """

    type: str
    by: str
    key: str = "id"
    scope: Scope | Access | None = None
    made: Made | None = None


@dataclass(frozen=True)
class Many:
    """Rows of another table that belong to this one, in order.

    where: SQL over {t} (the other table's alias) and {p} (this one's). order: SQL over {t}. A paged list
    is a Relay connection; others come whole, because they are short by nature. rows: SQL over {t} and {p} of
    what is read in place of a table.
    """

    type: str
    where: str
    order: tuple[str, ...]
    paged: bool = False
    scope: Scope | Access | None = None
    rows: str = ""


@dataclass(frozen=True)
class Takes:
    """An argument of an expression. name: what the SQL calls it; extract: its value from all arguments."""

    annotation: Any
    name: str
    cast: str
    extract: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Expression:
    """A value that SQL works out: over {p}, this row's alias.

    What it reads of other tables it reads under their row rules: `{sees:recording r}` is the condition that
    the viewer may see the recording r. With arguments it may name {viewer}, the viewer's organization, and
    {bounds}, the territories it is limited to or null. signs: it is a link of `graph.signing`.
    """

    sql: str
    scope: Scope | Access | None = None
    takes: Mapping[str, Takes] = field(default_factory=dict)
    about: str = ""
    signs: bool = False


@dataclass(frozen=True)
class Served:
    """A field that SQL can't produce; the executor asks this function. Root fields only.

    scope: has to be said; the schema is not built otherwise. points: what it costs, or that by the arguments,
    of which lists count by the next power of two.
    """

    ask: Callable[..., Awaitable[Any]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope | Access | None = None
    points: int | Callable[[Mapping[str, Any]], int] = 10


Binding: TypeAlias = Column | GlobalId | One | Many | Expression


def column(name: str = "", *, scope: Scope | Access | None = None) -> Any:
    """This field is the column of the same (or the given) name."""
    return Column(name, scope)


def one(type: str, by: str, *, key: str = "id", scope: Scope | Access | None = None) -> Any:
    """This field is the row that a column points at."""
    return One(type, by, key, scope)


def made(type: str, how: Made) -> Any:
    """This field is a row that the statement works out."""
    return One(type, "", made=how)


def many(
    type: str,
    where: str,
    *order: str,
    paged: bool = False,
    scope: Scope | Access | None = None,
    rows: str = "",
) -> Any:
    """This field is a list of rows that belong to this one."""
    return Many(type, where, order, paged, scope, rows)


def expression(
    sql: str,
    *,
    scope: Scope | Access | None = None,
    takes: Mapping[str, Takes] | None = None,
    about: str = "",
    signs: bool = False,
) -> Any:
    """This field is worked out by SQL, from arguments where it takes any."""
    return Expression(sql, scope, takes or {}, about, signs)


@dataclass(frozen=True)
class GraphType:
    """A graph type and how each of its fields is read.

    filters: argument name → SQL condition over {t} and {v}, a list of the column's values, with `{sees:…}`
    where it reads other tables.
    orders: order name → (SQL over {t}, its PostgreSQL type).
    views: further root pages: name → (SQL condition over {t}, what it is).
    """

    name: str
    model: type[SQLModel]
    table: Table
    scope: Scope | Access
    doc: str
    annotations: Mapping[str, Any]
    bindings: Mapping[str, Binding]
    plural: str = ""
    label: str = ""
    filters: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    orders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    views: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The table's name, which is what global ids call the type."""
        return self.table.name

    @property
    def is_node(self) -> bool:
        """Whether the type has a global id."""
        return isinstance(self.bindings.get("id"), GlobalId)

    @property
    def one_name(self) -> str:
        """The root field that reads one."""
        return self.name[0].lower() + self.name[1:]

    def scope_of(self, name: str) -> Scope | Access:
        """What a token needs to read a field, beside the scope of the type."""
        return self.bindings[name].scope or self.scope


TYPES: dict[str, GraphType] = {}


def graph_type(
    *,
    of: type[SQLModel],
    scope: Scope | Access,
    name: str = "",
    plural: str = "",
    label: str = "",
    filters: Mapping[str, tuple[Any, str]] | None = None,
    orders: Mapping[str, tuple[str, str]] | None = None,
    views: Mapping[str, tuple[str, str]] | None = None,
) -> Callable[[type[T]], type[T]]:
    """Declare a graph type over a table. `plural` makes it readable from the root, `views` parts of it."""

    def declare(cls: type[T]) -> type[T]:
        table = table_of(of)
        assert table.name in POLICIES, f"{table.name} has no row policy"
        annotations = {
            key: value
            for base in reversed(cls.__mro__)
            for key, value in vars(base).get("__annotations__", {}).items()
        }
        bindings: dict[str, Binding] = {}
        for key, annotation in annotations.items():
            binding = getattr(cls, key, None)
            assert isinstance(binding, Column | GlobalId | One | Many | Expression), (
                f"{cls.__name__}.{key} does not say how it is read"
            )
            if isinstance(binding, Column):
                binding = replace(binding, name=binding.name or key)
                assert binding.name in table.columns, f"{table.name} has no column {binding.name}"
                nullable = bool(table.columns[binding.name].nullable)
                assert nullable <= _allows_none(annotation), f"{cls.__name__}.{key} may be null"
                assert not _SECRET.search(binding.name), f"{cls.__name__}.{key} would show {binding.name}"
                if key == "id" and plural:
                    binding = GlobalId(table.name, binding.scope)
            if isinstance(binding, Expression):
                assert not _SECRET.search(binding.sql), f"{cls.__name__}.{key} would show a secret's hash"
            if isinstance(binding, One):
                assert _allows_none(annotation), f"{cls.__name__}.{key} may be invisible: make it nullable"
            bindings[key] = binding
        asked = [sql for _, sql in (filters or {}).values()] + [sql for sql, _ in (orders or {}).values()]
        for condition in asked:
            assert not _SECRET.search(condition), f"{cls.__name__} could be asked about a secret's hash"
        known = name or cls.__name__.removesuffix("Node")
        assert known not in TYPES, f"{known} is declared twice"
        TYPES[known] = GraphType(
            name=known,
            model=of,
            table=table,
            scope=scope,
            doc=unwrapped(cls.__doc__ or ""),
            annotations=annotations,
            bindings=bindings,
            plural=plural,
            label=label,
            filters=dict(filters or {}),
            orders=dict(orders or {}),
            views=dict(views or {}),
        )
        return cls

    return declare


def unwrapped(text: str) -> str:
    """A docstring as readers of the schema get it: its paragraphs, each on one line."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _allows_none(annotation: Any) -> bool:
    return type(None) in get_args(annotation) or "None" in str(annotation)


def sql_type(table: Table, name: str) -> str:
    """The PostgreSQL type of a column, for casting parameters."""
    kind = table.columns[name].type
    if isinstance(kind, ARRAY):
        return "text[]"
    for python, sql in (
        (Uuid, "uuid"),
        (Boolean, "boolean"),
        (BigInteger, "bigint"),
        (Integer, "int"),
        (DateTime, "timestamptz"),
        (Float, "float8"),
        (Numeric, "numeric"),
        (JSONB, "jsonb"),
    ):
        if isinstance(kind, python):
            return sql
    return "text"
