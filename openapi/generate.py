"""Prints `openapi/openapi.json`, `openapi/schema.graphql`, `docs/access.md`: `python -m openapi.generate`.

The files are committed, so that a change of the interface is seen in review; a test says when they are
stale, and when a change would break a caller.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLNonNull, GraphQLSchema, print_schema

from domain.access.scopes import needs
from domain.command import STREAMED, Command
from domain.inputs import camel
from domain.refusals import Refusal
from graph.mutations import input_name, payload_name
from graph.schema import graphql_schema
from graph.schema import schema as whole_schema
from graph.words import word_of_input
from openapi.access import PLACE, access_bytes
from openapi.routes import ReadRoute, WriteRoute, read_routes, write_routes
from openapi.shapes import (
    PAGE,
    PROBLEM,
    Components,
    Schema,
    argument_schema,
    hint_schema,
    input_schema,
    output_schema,
    page_schema,
)

HERE = Path(__file__).parent
VERSION = "0.1.0"

_ID: dict[str, Any] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Its id, or its UUID.",
    "schema": {"type": "string"},
}
_SHARED: dict[str, Any] = {
    "Fields": {
        "name": "fields",
        "in": "query",
        "description": "Only these fields, by commas and dotted; id and version always come.",
        "schema": {"type": "array", "items": {"type": "string"}},
        "style": "form",
        "explode": False,
    },
    "Include": {
        "name": "include",
        "in": "query",
        "description": "Lists to add, by commas and dotted: titles,media.tracks.",
        "schema": {"type": "array", "items": {"type": "string"}},
        "style": "form",
        "explode": False,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A word of the caller's own. The same key and body give the first answer again, byte "
        "by byte and with Idempotency-Replayed: true, for 7 days. Another body is refused with 422, a copy "
        "that comes before the first has ended with 409. A key counts for one caller of one organization.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "IdempotencyKeyNeeded": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "As above; this route makes or starts something, so it is not done without one.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag that was read; 412 when the thing has changed since.",
        "schema": {"type": "string"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that is known; 304 when it still holds.",
        "schema": {"type": "string"},
    },
    "Reason": {
        "name": "X-Reason",
        "in": "header",
        "description": "Why, for the audit trail.",
        "schema": {"type": "string"},
    },
}
_PROBLEM_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_HEADERS: dict[str, Any] = {
    "ETag": {"description": "Version and hash, a strong validator.", "schema": {"type": "string"}},
    "Link": {"description": "The next page (RFC 8288).", "schema": {"type": "string"}},
    "Replayed": {
        "description": "true: this is what the first request with this idempotency key was answered.",
        "schema": {"const": "true"},
    },
    "ChangeSet": {"description": "The change set that holds the write.", "schema": {"type": "string"}},
}
_FIXED = {
    400: "The request is malformed.",
    401: "There is no token, or not a valid one.",
    403: "The token lacks the scope.",
    404: "No such thing, or one that the caller may not see.",
    406: "None of the media types asked for can be given.",
    413: "The body is too large.",
    415: "The body is in another media type.",
    422: "A value that can't be used.",
    500: "A fault of ours.",
    503: "Something that the answer needs is not there at the moment.",
}


def openapi_document(schema: GraphQLSchema) -> dict[str, Any]:
    """The OpenAPI 3.1 document of every REST route."""
    components = Components()
    components.schemas.update({"Problem": PROBLEM, "Page": PAGE})
    paths: dict[str, dict[str, Any]] = {}
    for read in read_routes(schema):
        paths.setdefault(read.path, {})["get"] = _read(read, components)
    for write in write_routes():
        path = "/" + "/".join(_step(part) for part in write.path.split("/")[1:])
        paths.setdefault(path, {})[write.method.lower()] = _write(write, schema, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Catalograph",
            "version": VERSION,
            "summary": "The system of record for recorded music.",
            "description": "Printed from the GraphQL schema and the declared commands; /graphql has more.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/v1"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "parameters": _SHARED,
            "headers": _HEADERS,
            "responses": {**_problems(), "NotModified": {"description": "It is as the caller knows it."}},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token (JWT), or an API key.",
                },
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def openapi_bytes(schema: GraphQLSchema) -> bytes:
    """The document as it is served."""
    return orjson.dumps(openapi_document(schema), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def laid_out(value: Any, width: int = 110) -> bytes:
    """The document as it is committed: what fits on a line stands on one, for a third less room."""

    def lines(value: Any, indent: int, before: int) -> str:
        flat = json.dumps(value, ensure_ascii=False)
        if indent + before + len(flat) <= width or not isinstance(value, dict | list) or not value:
            return flat
        pad = " " * (indent + 2)
        if isinstance(value, dict):
            named = [(f"{json.dumps(name, ensure_ascii=False)}: ", inner) for name, inner in value.items()]
            inside = [pad + name + lines(inner, indent + 2, len(name) + 1) for name, inner in named]
            first, last = "{", "}"
        else:
            inside = [pad + lines(inner, indent + 2, 1) for inner in value]
            first, last = "[", "]"
        return f"{first}\n" + ",\n".join(inside) + f"\n{' ' * indent}{last}"

    return (lines(value, 0, 0) + "\n").encode()


def sdl(schema: GraphQLSchema) -> str:
    """The schema as it is committed."""
    return print_schema(schema) + "\n"


def _read(route: ReadRoute, components: Components) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [_ID] if route.by_id else []
    for parameter in route.parameters:
        described = {"description": parameter.description} if parameter.description else {}
        shape = argument_schema(parameter.type)
        form = {"style": "form", "explode": False} if shape.get("type") == "array" else {}
        parameters.append(
            {
                "name": parameter.name,
                "in": "query",
                "required": parameter.required,
                **described,
                "schema": shape,
                **form,
            }
        )
    parameters += _parameters(*(("Fields", "Include") if route.selects else ()), "IfNoneMatch")
    headers: dict[str, Any] = {"ETag": _shared("headers", "ETag")}
    if route.shape == "page":
        body = page_schema(route.item, components)
        headers["Link"] = _shared("headers", "Link")
    elif route.shape == "list":
        body = {
            "type": "object",
            "properties": {"items": {"type": "array", "items": output_schema(route.item, components)}},
            "required": ["items"],
        }
    else:
        body = output_schema(route.item, components)
        body = next((option for option in body.get("anyOf", []) if "$ref" in option), body)
    answers: dict[str, Any] = {
        "200": {
            "description": "What was asked for.",
            "headers": headers,
            "content": {"application/json": {"schema": body}},
        },
        "304": _shared("responses", "NotModified"),
    }
    return {
        "operationId": route.operation_id,
        "summary": route.summary,
        "tags": [route.path.split("/")[1]],
        "parameters": parameters,
        "responses": {**answers, **_refusals({400, 401, 403, 404, 406, 422, 500, 503})},
    }


def _write(route: WriteRoute, schema: GraphQLSchema, components: Components) -> dict[str, Any]:
    command = route.command
    hints = command.hints
    in_path = frozenset(route.in_path)
    parameters: list[dict[str, Any]] = [
        _parameter(camel(name), "path", command, hint_schema(hints[name], components))
        for name in route.in_path
    ]
    key = "IdempotencyKeyNeeded" if command.needs_key else "IdempotencyKey"
    parameters += _parameters(key, *(() if "reason" in hints else ("Reason",)))
    leave_out = in_path
    if "expected_version" in hints:
        parameters += _parameters("IfMatch")
    if route.method == "DELETE":
        leave_out = frozenset(hints)
    if route.raw:
        parameters += [
            _parameter(camel(name), "query", command, hint_schema(hint, components))
            for name, hint in hints.items()
            if name not in in_path and name != route.raw
        ]
    elif route.method != "DELETE":
        parameters += _parameters("Fields", "Include") if is_entity(command, schema) else []
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "summary": command.summary,
        "description": needs(command.scope),
        "tags": [route.path.split("/")[1]],
        "parameters": parameters,
        "responses": {**_written(route, schema, components), **_refusals(_statuses(command))},
    }
    if body := _request_body(route, leave_out, components):
        operation["requestBody"] = body
    return operation


def _parameter(name: str, place: str, command: Command, schema: Schema) -> dict[str, Any]:
    """A field of a command's input that does not stand in the body."""
    about = word_of_input(input_name(command.ask), name, schema.get("description"))
    said = {"description": about} if about else {}
    needed = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, **needed, **said, "schema": schema}


def _request_body(
    route: WriteRoute, leave_out: frozenset[str], components: Components
) -> dict[str, Any] | None:
    if route.form is not None:
        found = frozenset(route.command.hints) - frozenset(route.form)
        fields = input_schema(route.command.ask, components, found)["properties"]
        file: Schema = {"type": "string", "format": "binary", "description": "The bytes, of any type."}
        shape: Schema = {"type": "object", "properties": {**fields, "file": file}, "required": ["file"]}
        return {"required": True, "content": {"multipart/form-data": {"schema": shape}}}
    if route.raw:
        raw: Schema = {"type": "string", "format": "binary", "description": "The bytes of one message."}
        form = {"type": "object", "properties": {route.raw: raw}, "required": [route.raw]}
        return {
            "required": True,
            "content": {
                "application/xml": {"schema": raw},
                "application/octet-stream": {"schema": raw},
                "multipart/form-data": {"schema": form},
            },
        }
    shape = input_schema(route.command.ask, components, leave_out)
    if not shape["properties"]:
        return None
    media = "application/merge-patch+json" if route.method == "PATCH" else "application/json"
    content = {"application/json": {"schema": shape}, media: {"schema": shape}}
    return {"required": bool(shape.get("required")) or route.method == "PATCH", "content": content}


def _written(route: WriteRoute, schema: GraphQLSchema, components: Components) -> dict[str, Any]:
    command = route.command
    if route.method == "DELETE":
        gone = {"Idempotency-Replayed": _shared("headers", "Replayed")}
        return {"204": {"description": "It is deleted; a tombstone stays.", "headers": gone}}
    parts: list[Schema] = []
    if is_entity(command, schema):
        parts.append(output_schema(GraphQLNonNull(schema.type_map[_type_name(command)]), components))
    if command.value is not None:
        parts.append(_value_schema(command, components))
    body = parts[0] if len(parts) == 1 else {"allOf": parts} if parts else {"type": "object"}
    answer = {
        "description": "What the command did.",
        "headers": {
            "ETag": _shared("headers", "ETag"),
            "X-Change-Set": _shared("headers", "ChangeSet"),
            "Idempotency-Replayed": _shared("headers", "Replayed"),
        },
        "content": {"application/json": {"schema": body}},
    }
    answers = {str(success_status(command)): answer}
    if command.finds:
        answers["200"] = {**answer, "description": "It was there before; nothing was made."}
    return answers


def _value_schema(command: Command, components: Components) -> Schema:
    assert command.value is not None
    body = input_schema(command.value, components, name=payload_name(command))
    return {key: value for key, value in body.items() if key != "additionalProperties"}


def success_status(command: Command) -> int:
    """The status of a command that was done: 201 made, 202 will be done by a job, 204 gone, 200 else."""
    if command.method == "DELETE":
        return 204
    if command.returns in ("delivery", "job"):
        return 202
    made = command.name.startswith("create_") or command.name in STREAMED
    return 201 if command.method == "POST" and made else 200


def is_entity(command: Command, schema: GraphQLSchema) -> bool:
    """Whether the command's answer is a thing that the schema can read."""
    return _type_name(command) in schema.type_map


def _type_name(command: Command) -> str:
    return "".join(part[:1].upper() + part[1:] for part in command.returns.split("_"))


def _statuses(command: Command) -> set[int]:
    given: set[type[Refusal]] = set(command.refuses)
    return {400, 401, 404, 406, 413, 415, 500, 503, *(refusal.status for refusal in given)}


def _parameters(*names: str) -> list[dict[str, Any]]:
    return [_shared("parameters", name) for name in names]


def _shared(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _refusals(statuses: set[int]) -> Mapping[str, Any]:
    return {str(status): _shared("responses", f"Problem{status}") for status in sorted(statuses)}


def _problems() -> dict[str, Any]:
    """One shared response for each status that any code has."""
    statuses = {*_FIXED, *(status for command in write_routes() for status in _statuses(command.command))}
    return {
        f"Problem{status}": {
            "description": _FIXED.get(status, "The command was refused."),
            "content": _PROBLEM_CONTENT,
        }
        for status in sorted(statuses)
    }


def _step(part: str) -> str:
    return "{" + camel(part[1:-1]) + "}" if part.startswith("{") else part


def printed() -> dict[Path, bytes]:
    """Each committed file and what should stand in it."""
    schema = graphql_schema()
    return {
        HERE / "openapi.json": laid_out(openapi_document(schema)),
        HERE / "schema.graphql": sdl(schema).encode(),
        PLACE: access_bytes(whole_schema()),
    }


if __name__ == "__main__":
    for path, content in printed().items():
        path.write_bytes(content)
        sys.stdout.write(f"{path.relative_to(HERE.parent)}: {len(content):,} bytes\n")
