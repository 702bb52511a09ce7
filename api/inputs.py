"""What a REST caller sends: query parameters, JSON bodies, raw bytes and multipart forms."""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import orjson
from graphql import GraphQLEnumType, GraphQLList, GraphQLNonNull
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from api.accept import media_type
from api.middleware import capped, read_body
from api.problems import Problem
from api.services import Services
from domain.inputs import camel, snake
from openapi.routes import Parameter, WriteRoute

JSON_TYPES = ("application/json", "application/merge-patch+json")
RAW_TYPES = ("application/xml", "text/xml", "application/octet-stream", "application/zip")
FORM = "multipart/form-data"

Given = dict[str, list[str]]


def selection(request: Request, selects: bool) -> tuple[tuple[str, ...], tuple[str, ...], Given]:
    """`fields` and `include` where they mean something, and every other query parameter."""
    given: Given = {}
    for name, value in request.query_params.multi_items():
        given.setdefault(name, []).append(value)
    if not selects:
        return (), (), given
    return _names(given.pop("fields", [])), _names(given.pop("include", [])), given


def parameters(known: Sequence[Parameter], given: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], Any]:
    """The value of each query parameter by the argument that it fills. Raises Problem 400."""
    by_name = {parameter.name: parameter for parameter in known}
    refuse_unknown(given, [*by_name, "fields", "include"])
    for parameter in known:
        if parameter.required and parameter.name not in given:
            raise _bad("BAD_USER_INPUT", parameter.name, f"{parameter.name} is missing")
    return {
        by_name[name].path: _typed(name, by_name[name].type, list(texts)) for name, texts in given.items()
    }


def refuse_unknown(given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise Problem 400 for the first parameter that is not known."""
    for name in given:
        if name not in known:
            there = ", ".join(known) or "none"
            raise _bad("UNKNOWN_PARAMETER", name, f"{name!r} is no parameter here; there are {there}")


async def body_of(request: Request, route: WriteRoute, rest: Given, services: Services) -> dict[str, Any]:
    """The command's input as the caller gave it, whatever form it came in. Raises Problem."""
    if route.raw is None:
        refuse_unknown(rest, ())
        return await _json_body(request, services.body_limit)
    hints = route.command.hints
    named = [camel(name) for name in hints if name != route.raw and name not in route.in_path]
    refuse_unknown(rest, named)
    given = {name: _from_text(hints[snake(name)], name, texts) for name, texts in rest.items()}
    kind, _ = media_type(request.headers.get("content-type"))
    if kind == FORM:
        return {**await _form(request, route, services.upload_limit), **given}
    if kind not in RAW_TYPES:
        raise _media_type(kind, [*RAW_TYPES, FORM])
    content = await read_body(request, services.upload_limit)
    return {**given, camel(route.raw): content}


async def _json_body(request: Request, largest: int) -> dict[str, Any]:
    body = await read_body(request, largest)
    if not body:
        return {}
    kind, charset = media_type(request.headers.get("content-type"))
    if kind not in JSON_TYPES or charset != "utf-8":
        raise _media_type(kind, JSON_TYPES)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem("BAD_REQUEST", f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Problem("BAD_REQUEST", f"the body is a JSON {type(document).__name__}; an object is asked for")
    return document


async def _form(request: Request, route: WriteRoute, largest: int) -> dict[str, Any]:
    """A multipart form: one file part for the bytes, text parts for the other fields."""
    assert route.raw is not None
    hints = route.command.hints
    parser = MultiPartParser(request.headers, capped(request.stream(), largest), max_files=1, max_fields=20)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise Problem("BAD_REQUEST", f"the form can't be read: {error}") from None
    given: dict[str, Any] = {}
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                given[camel(route.raw)] = await value.read()
                if "file_name" in hints and value.filename:
                    given.setdefault("fileName", value.filename)
            elif snake(name) in hints and snake(name) != route.raw:
                given[camel(snake(name))] = _from_text(hints[snake(name)], name, [value])
            else:
                raise Problem("UNKNOWN_FIELD", f"the form has a part {name!r}, which is no field here")
    finally:
        await form.close()
    return given


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def _typed(name: str, type_: Any, texts: list[str]) -> Any:
    """A parameter's text as the value that its GraphQL type takes."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(inner, GraphQLList):
        return [_typed(name, inner.of_type, [part]) for text in texts for part in text.split(",") if part]
    if len(texts) > 1:
        raise _bad("BAD_USER_INPUT", name, f"{name} is given {len(texts)} times; once will do")
    text = texts[0]
    if isinstance(inner, GraphQLEnumType):
        found = next((value for value in inner.values if value.lower() == text.lower()), None)
        if found is None:
            raise _bad(
                "BAD_USER_INPUT", name, f"{name} is {text!r}; one of {', '.join(inner.values)} will do"
            )
        return found
    return _scalar(name, inner.name, text)


def _scalar(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "Int":
            return int(text)
        if kind == "Float":
            return float(text)
    except ValueError:
        raise _bad("BAD_USER_INPUT", name, f"{name} is {text!r}; a number is asked for") from None
    if kind == "Boolean":
        if text.lower() not in ("true", "false"):
            raise _bad("BAD_USER_INPUT", name, f"{name} is {text!r}; true or false will do")
        return text.lower() == "true"
    return text


def _from_text(hint: Any, name: str, texts: Sequence[str]) -> Any:
    """A command's field that came as text, as JSON would have it."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _from_text(get_args(hint)[0], name, texts)
    if origin in (Union, types.UnionType):
        return _from_text(get_args(hint)[0], name, texts)
    if origin is list:
        return [_from_text(get_args(hint)[0], name, [part]) for text in texts for part in text.split(",")]
    kinds = {int: "Int", float: "Float", bool: "Boolean"}
    return _scalar(name, kinds.get(hint, "String"), texts[-1])


def _media_type(kind: str, known: Sequence[str]) -> Problem:
    said = f"the body is {kind}" if kind else "the body has no Content-Type"
    return Problem("UNSUPPORTED_MEDIA_TYPE", f"{said}; {' or '.join(known)} will do")


def _bad(code: str, name: str, detail: str) -> Problem:
    return Problem(code, detail, errors=[{"code": code, "detail": detail, "parameter": name}])
