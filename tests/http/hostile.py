"""Requests that nobody sends in good faith, by name: what is sent, and what must come of it.

OK: legal, so it is answered; small in what it asks, whatever it looks like.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import get_introspection_query

OK = "OK"
LIMIT, PARSE, VALIDATION = "LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
INPUT, BAD = "BAD_USER_INPUT", "BAD_REQUEST"


@dataclass(frozen=True)
class Hostile:
    """One request. body: the JSON text of the POST. code: the first error's, or OK."""

    name: str
    body: bytes
    code: str


def _times(count: int, part: str, glue: str = " ") -> str:
    return glue.join(part.replace("#", str(n)) for n in range(count))


def _fragments(count: int, inside: str, on: str = "Release") -> str:
    return " ".join(
        f"fragment F{n} on {on} {{ {inside.replace('#', str(n)).replace('@', str(n + 1))} }}"
        for n in range(count)
    )


def _nodes(inside: str) -> str:
    return f"{{ releases {{ nodes {{ {inside} }} }} }}"


_TYPES = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"
_OF_TYPE = "{ __schema { types { " + "ofType { " * 40 + "name " + "} " * 43

DOCUMENTS: dict[str, tuple[str, str]] = {
    # aliases
    "aliases of one field": (_nodes(_times(31, "a#: title")), LIMIT),
    "aliases of a field that is not there": (_nodes(_times(500, "a#: nothing")), LIMIT),
    "aliases of a root field": ("{ " + _times(21, "a#: releases { totalCount }") + " }", LIMIT),
    "aliases of __typename": ("{ " + _times(400, "a#: __typename") + " }", LIMIT),
    "aliases with arguments": ("{ " + _times(100, 'a#: release(id: "x#") { id }') + " }", LIMIT),
    "aliases by a fragment spread often": (
        "{ " + "...F " * 20 + "} fragment F on Query { " + _times(10, "a#: __typename") + " }",
        LIMIT,
    ),
    "aliases at every level": (
        "{ a: releases { b: nodes { " + _times(30, "c#: title") + " } } }",
        LIMIT,
    ),
    "one alias for two fields": (_nodes("a: title a: id"), VALIDATION),
    "aliases that collide in fragments": (
        _nodes("...F0 ...F1") + " fragment F0 on Release { a: title } fragment F1 on Release { a: id }",
        VALIDATION,
    ),
    # mutations in numbers
    "mutations by alias": (
        "mutation { " + _times(50, 'm#: createWork(input: {title: "x"}) { __typename }') + " }",
        LIMIT,
    ),
    "passwords by alias": (
        "mutation { " + _times(31, 'm#: logIn(email: "a", password: "#") { __typename }') + " }",
        LIMIT,
    ),
    "mutation of what is not there": ("mutation { dropEverything { ok } }", VALIDATION),
    # fragments
    "too many fragments": (_nodes("...F0") + _fragments(51, "id"), LIMIT),
    "one fragment defined again and again": (_nodes("...F") + " fragment F on Release { id }" * 200, LIMIT),
    "fragments that double": (
        _nodes("...F0") + _fragments(40, "...F@ ...F@") + " fragment F40 on Release { id }",
        LIMIT,
    ),
    "fragments that grow tenfold": (
        _nodes("...F0") + _fragments(8, "...F@ " * 10) + " fragment F8 on Release { id }",
        LIMIT,
    ),
    "a chain of fragments": (
        _nodes("...F0") + _fragments(49, "...F@") + " fragment F49 on Release { id }",
        OK,
    ),
    "a fragment in itself": (_nodes("...F") + " fragment F on Release { ...F }", VALIDATION),
    "a circle of two": (
        _nodes("...A") + " fragment A on Release { ...B } fragment B on Release { ...A }",
        VALIDATION,
    ),
    "a circle of fifty": (
        _nodes("...F0") + _fragments(49, "...F@") + " fragment F49 on Release { ...F0 }",
        VALIDATION,
    ),
    "circles of everybody with everybody": (
        _nodes("...F0") + _fragments(30, _times(30, "...F#")),
        LIMIT,
    ),
    "a circle through fields": (
        _nodes("...A") + " fragment A on Release { tracks { recording { tracks(first: 1) { nodes { release "
        "{ ...A } } } } } }",
        VALIDATION,
    ),
    "a circle that nobody spreads": ("{ __typename } fragment A on Query { ...A }", VALIDATION),
    "unused fragments": ("{ __typename } " + _fragments(50, "id"), VALIDATION),
    "unused fragments that double": (
        "{ __typename } " + _fragments(40, "...F@ ...F@") + " fragment F40 on Release { id }",
        LIMIT,
    ),
    "a fragment on a union's stranger": (
        '{ search(query: "x") { nodes { ... on Query { __typename } } } }',
        VALIDATION,
    ),
    "fragments on every member of a union": (
        '{ search(query: "x") { nodes { '
        + "... on Release { title } ... on Artist { name } " * 300
        + "} } }",
        LIMIT,
    ),
    "fragments on unions inside each other": (
        '{ search(query: "x") { nodes { ' + "... on Release { " * 45 + "id" + " }" * 45 + " } } }",
        OK,
    ),
    "a fragment on a scalar": ("{ ...F } fragment F on String { id }", VALIDATION),
    "spreads of what is missing": (_nodes(_times(300, "...M#")), VALIDATION),
    "inline fragments inside each other": ("{ " + "... { " * 300 + "__typename" + " }" * 301, LIMIT),
    # overlapping fields
    "400 overlapping fragments": (
        _nodes(_times(400, "...F#")) + _fragments(400, "title id version"),
        LIMIT,
    ),
    "50 overlapping fragments": (
        _nodes(_times(50, "...F#")) + _fragments(50, "title title id id version version genre"),
        LIMIT,
    ),
    "40 overlapping fragments, as many as may be": (
        _nodes(_times(40, "...F#")) + _fragments(40, "title id"),
        OK,
    ),
    "one field a thousand times": (_nodes("title " * 1_000), LIMIT),
    "one field a hundred times": (_nodes("title " * 99), OK),
    "objects that are repeated": ("{ " + "releases { nodes { title } } " * 200 + "}", LIMIT),
    "objects that are repeated inside repeated ones": (
        "{ " + ("releases { " + "nodes { title } " * 12 + "} ") * 12 + "}",
        LIMIT,
    ),
    "fields with different arguments": (
        _nodes(_times(60, "tracks { recording { tracks(first: #) { nodes { id } } } }")),
        LIMIT,
    ),
    "pairs that all conflict": (_nodes(_times(70, "x: history(first: #) { totalCount }")), LIMIT),
    "pairs that conflict, as many as may be": (
        _nodes(_times(30, "x: history(first: #) { totalCount }")),
        VALIDATION,
    ),
    # directives
    "directives on one field": ("{ __typename " + "@skip(if: false) " * 51 + "}", LIMIT),
    "directives that are not there": ("{ __typename " + _times(200, "@a#") + " }", LIMIT),
    "directives on the operation": ("query " + "@a " * 60 + "{ __typename }", LIMIT),
    "directives on variables": ("query ($a: Int " + "@a " * 60 + ") { __typename }", LIMIT),
    "directives on a fragment": ("{ ...F } fragment F on Query " + "@a " * 60 + "{ __typename }", LIMIT),
    "directives by a fragment spread often": (
        "{ " + "...F " * 30 + "} fragment F on Query { __typename @skip(if: false) @include(if: true) }",
        LIMIT,
    ),
    "everything skipped": ("{ __typename @skip(if: true) }", OK),
    "one directive repeated": ("{ __typename @skip(if: true) @skip(if: true) }", VALIDATION),
    "directives without their argument": ("{ __typename " + "@include " * 50 + "}", VALIDATION),
    # depth and brackets
    "13 levels": ("{ a " * 13 + "}" * 13, LIMIT),
    "a thousand levels": ("{ a " * 900 + "}" * 900, LIMIT),
    "levels by fragments": (
        "{ ...F0 }" + _fragments(20, "a { ...F@ }", "Query") + " fragment F20 on Query { a }",
        LIMIT,
    ),
    "a list of lists of lists": ("{ releases(first: " + "[" * 900 + "]" * 900 + ") { totalCount } }", LIMIT),
    "an object of objects": (
        "{ releases(filter: " + "{a: " * 300 + "1" + "}" * 300 + ") { totalCount } }",
        LIMIT,
    ),
    "a type of lists": ("query ($a: " + "[" * 900 + "ID" + "]" * 900 + ") { __typename }", LIMIT),
    "brackets that never close": ("{" * 2_000, LIMIT),
    "brackets that never opened": ("}" * 1_900, PARSE),
    # size
    "tokens": ("{ " + "a " * 20_000 + "}", LIMIT),
    "tokens in a list": ("{ nodes(ids: [" + '"a" ' * 2_500 + "]) { id } }", LIMIT),
    "commas": ("{ __typename " + "," * 60_000 + "}", OK),
    "a comment of 64 KB": ("{ __typename } #" + "x" * 70_000, LIMIT),
    "comments": ("# x\n" * 15_000 + "{ __typename }", OK),
    "a string of 64 KB": ('{ search(query: "' + "x" * 66_000 + '") { totalCount } }', LIMIT),
    "a string of 60 KB": ('{ releases(after: "' + "x" * 60_000 + '") { totalCount } }', "BAD_CURSOR"),
    "a block string of quotes": (
        '{ releases(after: """' + '" ' * 25_000 + '""") { totalCount } }',
        "BAD_CURSOR",
    ),
    "a block string of backslashes": (
        '{ releases(after: """' + "\\" * 60_000 + '""") { totalCount } }',
        PARSE,
    ),
    "a block string of lines": (
        '{ releases(after: """' + "\n " * 25_000 + '""") { totalCount } }',
        "BAD_CURSOR",
    ),
    "a string that never ends": ('{ releases(after: "' + "\\\\" * 30_000, PARSE),
    "a block string that never ends": ('{ releases(after: """' + '\\"""' * 15_000, PARSE),
    "a name of 60 KB": ("{ " + "a" * 60_000 + " }", VALIDATION),
    "an integer of 60 KB": ("{ releases(first: 1" + "0" * 60_000 + ") { totalCount } }", VALIDATION),
    "an integer for an id": ("{ release(id: 1" + "0" * 60_000 + ") { id } }", INPUT),
    "a float of 60 KB": ("{ releases(first: 1." + "0" * 60_000 + ") { totalCount } }", VALIDATION),
    "a float beyond floats": ("{ releases(first: 1e999999999) { totalCount } }", VALIDATION),
    "characters of four bytes": ("{ __typename } #" + "\U0001f3b5" * 17_000, LIMIT),
    "many operations": (_times(51, "query Q# { __typename }"), LIMIT),
    "one operation again and again": ("query Q { __typename } " * 50, VALIDATION),
    # what is no GraphQL
    "nothing but spaces": (" " * 60_000, BAD),
    "nothing but a comment": ("# nothing", PARSE),
    "a NUL": ("{ \x00 }", PARSE),
    "a NUL in a string": ('{ releases(after: "\x00") { totalCount } }', "BAD_CURSOR"),
    "a byte order mark": ("\ufeff{ __typename }", OK),
    "byte order marks": ("\ufeff" * 20_000 + "{ __typename }", OK),
    "a direction override": ("{ \u202e__typename }", PARSE),
    "a letter that looks like another": ("{ __typen\u0430me }", PARSE),
    "half a surrogate pair": ('{ releases(after: "\\ud800") { totalCount } }', PARSE),
    "a code point that is none": ('{ releases(after: "\\u{110000}") { totalCount } }', PARSE),
    "a code point of many digits": (
        '{ releases(after: "\\u{' + "0" * 60_000 + '41}") { totalCount } }',
        PARSE,
    ),
    "spaces that are none": ("{\u00a0__typename }", PARSE),
    "SQL": ("select * from release; --", PARSE),
    "a schema": ("type Query { a: Int }", VALIDATION),
    "an extension of the schema": ("extend type Query { a: Int } { __typename }", VALIDATION),
    "a subscription": ("subscription { everything }", VALIDATION),
    # arguments and variables of a document
    "arguments that are not there": ("{ releases(" + _times(300, "a#: 1") + ") { totalCount } }", VALIDATION),
    "one argument again and again": ("{ releases(" + "first: 1 " * 300 + ") { totalCount } }", VALIDATION),
    "variables that are not used": ("query (" + _times(300, "$a#: Int") + ") { __typename }", VALIDATION),
    "one variable again and again": ("query (" + "$a: Int " * 300 + ") { __typename }", VALIDATION),
    "variables of types that are not there": (
        "query (" + _times(300, "$a#: T#") + ") { __typename }",
        VALIDATION,
    ),
    "variables that nobody declared": (_nodes(_times(30, "a#: title @skip(if: $v#)")), VALIDATION),
    "names that come near others": (_nodes(_times(60, "titl#")), VALIDATION),
    "a page beyond all pages": ("{ releases(first: 2147483647) { totalCount } }", "PAGE_TOO_LARGE"),
    "pages inside pages": (
        "{ releases(first: 100) { nodes { tracks { recording { tracks(first: 100) { nodes { recording { "
        "tracks(first: 100) { nodes { id } } } } } } } } } }",
        LIMIT,
    ),
    "ids by the hundred": ("{ nodes(ids: [" + '"a" ' * 101 + "]) { id } }", "TOO_MANY"),
    # introspection
    "introspection once": (get_introspection_query(), OK),
    "introspection many times": (
        "{ " + _times(21, "a#: __schema { types { name fields { name } } }") + " }",
        LIMIT,
    ),
    "introspection that goes round": (_TYPES, LIMIT),
    "introspection that goes round in fragments": (
        "{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...B } } } "
        "fragment B on __Type { fields { type { ...C } } } fragment C on __Type { fields { type { name } } }",
        LIMIT,
    ),
    "introspection that goes round by interfaces": (
        "{ __schema { types { possibleTypes { fields { name } } } } }",
        LIMIT,
    ),
    "introspection by aliases": ("{ __schema { a: types { name } b: types { name } } }", LIMIT),
    "introspection twice": ("{ a: __schema { types { name } } b: __schema { types { name } } }", LIMIT),
    "introspection of what is inside": (_OF_TYPE, LIMIT),
    "every type by name": ("{ " + _times(21, '__type(name: "T#") { name }') + " }", VALIDATION),
    "introspection beside a read": ("{ __schema { queryType { name } } releases { totalCount } }", OK),
    "introspection of a mutation": ("mutation { __schema { queryType { name } } }", VALIDATION),
    # floods of what costs nothing
    "__typename a thousand times": ("{ " + "__typename " * 1_000 + "}", LIMIT),
    "__typename at each level": (
        "{ __typename releases { __typename nodes { __typename tracks { __typename "
        "recording { __typename } } } } }",
        OK,
    ),
}


def _body(**members: Any) -> bytes:
    return orjson.dumps(members)


def _deep(levels: int) -> str:
    return "[" * levels + "]" * levels


_WITH = '{"query":"query ($f: ReleaseFilter) { releases(filter: $f) { totalCount } }","variables":'

BODIES: dict[str, tuple[bytes, str]] = {
    "a batch": (b"[" + b",".join([b'{"query":"{ __typename }"}'] * 1_000) + b"]", BAD),
    "a batch of one": (b'[{"query":"{ __typename }"}]', BAD),
    "an empty batch": (b"[]", BAD),
    "documents in a list": (b'{"query":["{ __typename }","{ __typename }"]}', BAD),
    "members twice": (b'{"query":"{ a }","query":"{ __typename }"}', OK),
    "lists inside each other as the body": (b"[" * 500_000, LIMIT),
    "lists inside each other as the body, fewer": (b"[" * 20_000, BAD),
    "variables as a list": (b'{"query":"{ __typename }","variables":[1]}', BAD),
    "variables as text": (b'{"query":"{ __typename }","variables":"{}"}', BAD),
    "variables that nobody asks for": (
        _body(query="{ __typename }", variables={f"v{n}": n for n in range(19_000)}),
        OK,
    ),
    "variables by the ten thousand": (
        _body(query="{ __typename }", variables={"a": [0] * 20_001}),
        LIMIT,
    ),
    "variables of empty lists": (_body(query="{ __typename }", variables={"a": [[]] * 20_001}), LIMIT),
    "variables of empty objects": (_body(query="{ __typename }", variables={"a": [{}] * 20_001}), LIMIT),
    "variables in small lists": (
        _body(query="{ __typename }", variables={f"v{n}": [0] * 100 for n in range(250)}),
        LIMIT,
    ),
    "variables of 17 levels": (
        ('{"query":"{ __typename }","variables":{"f":' + _deep(17) + "}}").encode(),
        LIMIT,
    ),
    "variables of 900 levels": (
        ('{"query":"{ __typename }","variables":{"f":' + _deep(900) + "}}").encode(),
        LIMIT,
    ),
    "variables of 9000 levels": (
        ('{"query":"{ __typename }","variables":{"f":' + _deep(9_000) + "}}").encode(),
        BAD,
    ),
    "a variable of another type": ((_WITH + '{"f":7}}').encode(), INPUT),
    "a variable with members that are not there": (
        (_WITH + '{"f":{' + ",".join(f'"n{n}":1' for n in range(2_000)) + "}}}").encode(),
        INPUT,
    ),
    "a variable with a long list": (
        (_WITH + '{"f":{"ids":[' + ",".join(['"x"'] * 5_000) + "]}}}").encode(),
        "TOO_MANY",
    ),
    "a number beyond numbers": (b'{"query":"{ __typename }","variables":{"a":1e999}}', BAD),
    "a number of many digits": (
        b'{"query":"query ($n: Int) { releases(first: $n) { totalCount } }","variables":{"n":'
        + b"9" * 5_000
        + b"}}",
        BAD,
    ),
    "bytes that are no UTF-8": (b'{"query":"{ \xff\xfe }"}', BAD),
    "UTF-16": ('{"query":"{ __typename }"}'.encode("utf-16"), BAD),
    "half a surrogate pair in the JSON": (b'{"query":"{ \\ud800 }"}', BAD),
    "a NUL in the JSON": (b'{"query":"{ \\u0000 }"}', PARSE),
    "an operation that is not there": (_body(query="{ __typename }", operationName="Nobody"), VALIDATION),
    "an operation's name of 60 KB": (_body(query="{ __typename }", operationName="x" * 60_000), VALIDATION),
    "extensions without end": (
        _body(query="{ __typename }", extensions={"persistedQuery": {"x": [0] * 100_000}}),
        OK,
    ),
    "a hash without a document": (
        _body(extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}),
        BAD,
    ),
    "a document of 900 KB": (_body(query="{ " + "a " * 450_000 + "}"), LIMIT),
    "objects by the hundred thousand": (
        b'{"query":"{ __typename }","variables":{"a":[' + b",".join([b'{"":0}'] * 140_000) + b"]}}",
        LIMIT,
    ),
}

HOSTILE = [
    *(Hostile(name, _body(query=document), code) for name, (document, code) in DOCUMENTS.items()),
    *(Hostile(name, body, code) for name, (body, code) in BODIES.items()),
]
