"""What a request may ask at most, judged before its document is validated.

Validation compares the fields of one response name in pairs, and fragments multiply what they are spread
into, so a short document can ask for a long judgement. The text is scanned before it is parsed, and what
was parsed is counted in one walk; both stop at the first number that is too high.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from graph.problems import ReadRefused


def _most(figure: int, said: str) -> int:
    """A limit with its description, which docs/limits.md prints."""
    made: int = field(default=figure, metadata={"said": said})
    return made


@dataclass(frozen=True)
class Limits:
    """The most of each."""

    bytes: int = _most(64 * 1024, "of the document's text, in UTF-8")
    tokens: int = _most(2_000, "of the document; comments and commas are none")
    nesting: int = _most(50, "brackets of any kind inside each other")
    operations: int = _most(50, "operations in one document")
    fragments: int = _most(50, "fragment definitions, and fragments spread inside each other")
    depth: int = _most(12, "levels of selections, the root's fields being the first")
    introspection: int = _most(20, "levels of selections below `__schema` and `__type`")
    roots: int = _most(20, "response names at the root of one operation")
    aliases: int = _most(30, "with every fragment written out where it is spread")
    directives: int = _most(50, "with every fragment written out where it is spread")
    fields: int = _most(2_000, "fields and spreads, with every fragment written out where it is spread")
    repeats: int = _most(5_000, "pairs of fields that stand under one response name of one object")
    values: int = _most(20_000, "values in the variables: of lists, of objects, and single ones")
    value_depth: int = _most(16, "lists and objects of the variables inside each other")
    body: int = _most(1024 * 1024, "bytes of a GraphQL request's body, variables and all")

    def table(self) -> Iterator[tuple[str, int, str]]:
        """Each limit: its name, its figure, and what it counts."""
        for one in fields(self):
            yield one.name, getattr(self, one.name), one.metadata["said"]


LIMITS = Limits()
# The stored documents behind REST go as deep as `include` does, and name each page's parts by aliases.
OURS = replace(LIMITS, depth=25, aliases=200)

# What describes the schema is multiplied by the schema's size with each list of a type inside another,
# and with each alias of one. No tool asks for either.
_DESCRIBING = frozenset({"__schema", "__type"})
_OF_A_TYPE = frozenset({"fields", "inputFields", "interfaces", "possibleTypes", "enumValues"})

# The fragments that a selection stands in.
Open: TypeAlias = frozenset[str]
Selection: TypeAlias = tuple[SelectionSetNode, Open]

# One lexical token (GraphQL §2.1), or what lies between two. What is no token at all counts as one, and is
# for the parser to tell.
_LEXICAL = re.compile(
    r"(?P<between>(?:[ \t\r\n,\ufeff]++|#[^\r\n]*+)++)"
    r'|"""(?:[^"\\]++|\\(?:""")?|"(?!""))*+(?:""")?|"(?:[^"\\\r\n]++|\\.)*+"?'
    r"|[_A-Za-z][_A-Za-z0-9]*+|-?[0-9][0-9A-Za-z.+-]*+|\.\.\.|(?s:.)"
)
_JSON_BRACKET = re.compile(rb'"(?:[^"\\\\]++|\\\\.)*+"|[\[{]', re.DOTALL)
_OPENING, _CLOSING = frozenset("{[("), frozenset("}])")


def parsed(text: str, limits: Limits = LIMITS) -> DocumentNode:
    """The document, if it keeps to the limits.

    Raises ReadRefused: LIMIT_EXCEEDED, and GraphQLError where the text is not GraphQL.
    """
    scan(text, limits)
    document = parse(text)
    check(document, limits)
    return document


def scan(text: str, limits: Limits = LIMITS) -> None:
    """Raise ReadRefused where the text is too long to be parsed: the parser takes 7 µs for a token."""
    size = len(text)
    if size <= limits.bytes and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    _expect(size, limits.bytes, "bytes")
    tokens = nesting = 0
    for found in _LEXICAL.finditer(text):
        if found.lastgroup:
            continue
        tokens += 1
        if tokens > limits.tokens:
            raise _too_many(f"more than {limits.tokens:,}", limits.tokens, "tokens")
        token = found[0]
        if token in _OPENING:
            nesting += 1
            _expect(nesting, limits.nesting, "brackets inside each other")
        elif token in _CLOSING:
            nesting -= 1


def check(document: DocumentNode, limits: Limits = LIMITS) -> None:
    """Raise ReadRefused where a document asks for more than one request may."""
    defined = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    _expect(len(defined), limits.fragments, "fragments")
    fragments = {node.name.value: node for node in defined}
    walk = _Walk(fragments, limits)
    _expect(len(document.definitions) - len(defined), limits.operations, "operations")
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            walk.directives += len(node.directives or ())
            for variable in node.variable_definitions or ():
                walk.directives += len(variable.directives or ())
            walk.root(node.selection_set)
        elif isinstance(node, FragmentDefinitionNode):
            walk.directives += len(node.directives or ())
    _expect(walk.directives, limits.directives, "directives")
    # A fragment that no operation spreads is validated all the same.
    for name in sorted(fragments.keys() - walk.spread):
        if name not in walk.spread:
            walk.level([(fragments[name].selection_set, frozenset({name}))], 1)


def check_json(body: bytes, limits: Limits = LIMITS) -> None:
    """Raise ReadRefused where JSON holds more objects and lists than variables may, before they are made.

    An empty object is two bytes of text and sixty-four in memory.
    """
    if body.count(b"{") + body.count(b"[") <= limits.values:
        return
    count = 0
    for found in _JSON_BRACKET.finditer(body):
        count += not found[0].startswith(b'"')
        if count > limits.values:
            raise _refused(
                f"the body has more than {count - 1:,} lists and objects; at most {limits.values:,}"
            )


def check_values(variables: Mapping[str, Any], limits: Limits = LIMITS) -> None:
    """Raise ReadRefused where variables hold more than one request may: plain ones cost next to nothing."""
    level: list[Any] = [value for value in variables.values() if type(value) in (dict, list)]
    if not level:
        return
    count, depth = len(variables), 0
    while level:
        depth += 1
        if depth > limits.value_depth:
            raise _refused(f"the variables have more than {depth - 1} levels; at most {limits.value_depth}")
        below: list[Any] = []
        for value in level:
            count += len(value)
            if count > limits.values:
                raise _refused(f"the variables have {count:,} values or more; at most {limits.values:,}")
            below += [
                inner
                for inner in (value.values() if type(value) is dict else value)
                if type(inner) in (dict, list)
            ]
        level = below


class _Walk:
    """Counts what a document holds, response name by response name."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], limits: Limits) -> None:
        self.fragments = fragments
        self.limits = limits
        self.spread: set[str] = set()
        self.aliases = self.directives = self.fields = self.repeats = 0

    def root(self, selection: SelectionSetNode) -> None:
        """Count one operation. What describes the schema is deeper by nature, and has limits of its own."""
        found = self._fields([(selection, frozenset())])
        _expect(len(found), self.limits.roots, "fields at the root")
        schemas = 0
        for nodes in found.values():
            names = {node.name.value for node, _ in nodes}
            schemas += "__schema" in names
            _expect(schemas, 1, "descriptions of the whole schema")
            self._below(nodes, 1, 0 if names <= _DESCRIBING else None)

    def level(self, selections: Iterable[Selection], depth: int, lists: int | None = None) -> None:
        """Count the fields of one object and, below each response name, of the next.

        lists: below what describes the schema, how many lists of a type this stands in.
        """
        _expect(depth, self.limits.depth if lists is None else self.limits.introspection, "levels")
        aliases = self.aliases
        found = self._fields(selections)
        if lists is not None:
            _expect(self.aliases - aliases, 0, "aliases below __schema or __type")
        for nodes in found.values():
            self._below(nodes, depth, lists)

    def _below(self, nodes: list[tuple[FieldNode, Open]], depth: int, lists: int | None) -> None:
        self.repeats += len(nodes) * (len(nodes) - 1) // 2
        _expect(self.repeats, self.limits.repeats, "repeated fields to compare")
        if lists is not None and any(node.name.value in _OF_A_TYPE for node, _ in nodes):
            lists += 1
            _expect(lists, 1, "lists of a type inside each other below __schema or __type")
        below = [(node.selection_set, opened) for node, opened in nodes if node.selection_set]
        if below:
            self.level(below, depth + 1, lists)

    def _fields(self, selections: Iterable[Selection]) -> dict[str, list[tuple[FieldNode, Open]]]:
        found: dict[str, list[tuple[FieldNode, Open]]] = {}
        for selection, opened in selections:
            self._collect(selection, opened, 0, found)
        return found

    def _collect(
        self,
        selection: SelectionSetNode,
        opened: Open,
        nesting: int,
        found: dict[str, list[tuple[FieldNode, Open]]],
    ) -> None:
        """The fields of a selection, fragments written out."""
        _expect(nesting, self.limits.fragments, "fragments inside each other")
        for node in selection.selections:
            self.directives += len(node.directives or ())
            _expect(self.directives, self.limits.directives, "directives")
            # A fragment counts as a field, so that spreads of nothing but spreads come to an end as well.
            self.fields += 1
            _expect(self.fields, self.limits.fields, "fields")
            if isinstance(node, FieldNode):
                self.aliases += node.alias is not None
                _expect(self.aliases, self.limits.aliases, "aliases")
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append((node, opened))
            elif isinstance(node, InlineFragmentNode):
                self._collect(node.selection_set, opened, nesting + 1, found)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                self.spread.add(name)
                # What is missing, or goes round in a circle, is for validation to tell.
                if name in self.fragments and name not in opened:
                    inner = self.fragments[name].selection_set
                    self._collect(inner, opened | {name}, nesting + 1, found)


def _expect(count: int, most: int, what: str) -> None:
    if count > most:
        raise _too_many(f"{count:,}", most, what)


def _too_many(count: str, most: int, what: str) -> ReadRefused:
    return _refused(f"the document has {count} {what}; at most {most:,}")


def _refused(text: str) -> ReadRefused:
    return ReadRefused("LIMIT_EXCEEDED", text)
