"""The JSON text of single values, as SQL, and how pieces of text are put together."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from graph.bind import Column, Expression, GlobalId, GraphType, sql_type
from graph.globalid import global_id

# From a table and an alias to the condition that the viewer may see the row.
Sees: TypeAlias = Callable[[str, str], str]


class Seen:
    """What `{sees:recording r}` stands for: the condition that the viewer may see the recording r."""

    def __init__(self, sees: Sees) -> None:
        self._sees = sees

    def __format__(self, asked: str) -> str:
        table, alias = asked.split()
        return self._sees(table, alias)


def leaf(
    t: GraphType,
    name: str,
    binding: Column | GlobalId | Expression,
    alias: str,
    sees: Sees,
    **given: str,
) -> str:
    """SQL for a value as JSON text. given: what stands for an expression's arguments."""
    if isinstance(binding, GlobalId):
        return f"'\"'||{global_id(binding.kind, f'{alias}.id')}||'\"'"
    if isinstance(binding, Column):
        value = f"{alias}.{binding.name}"
        nullable = bool(t.table.columns[binding.name].nullable)
        text = _json(value, sql_type(t.table, binding.name))
    else:
        value = f"({binding.sql.format(p=alias, sees=Seen(sees), **given)})"
        nullable = True
        annotation = str(t.annotations[name])
        known = (kind for kind, sign in (("boolean", "bool"), ("int", "int")) if sign in annotation)
        text = _json(value, next(known, "text"))
    return f"coalesce({text}, 'null')" if nullable else text


def _json(value: str, type: str) -> str:
    if type in ("int", "float8", "boolean", "jsonb"):
        return f"{value}::text"
    if type == "uuid":
        return f"'\"'||{value}||'\"'"
    if type in ("bigint", "numeric"):
        return f"'\"'||{value}||'\"'"
    return f"to_json({value})::text"


def literal(text: str) -> str:
    """A quoted SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def unwild(text: str) -> str:
    """SQL for a text in which LIKE finds no wildcards. text: SQL."""
    for sign in ("\\", "%", "_"):
        text = f"replace({text}, '{sign}', '\\{sign}')"
    return text


def joined(parts: Sequence[str]) -> str:
    """Concatenation, with literals that touch made one."""
    merged: list[str] = []
    for part in parts:
        plain = part.startswith("'") and part.endswith("'") and part.count("'") % 2 == 0 and "||" not in part
        before = merged[-1] if merged else ""
        if plain and before.startswith("'") and before.endswith("'") and "||" not in before:
            merged[-1] = before[:-1] + part[1:]
        else:
            merged.append(part)
    return "||".join(merged)
