"""What a document may be at most, judged before it is validated.

Validation compares the fields of one response name in pairs, and fragments multiply what they are spread
into, so a short document can ask for a long judgement. Everything here is counted in one walk that stops at
the first number that is too high.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from graph.problems import ReadRefused


@dataclass(frozen=True)
class Limits:
    """The most of each.

    fields: with every fragment written out where it is spread. repeats: pairs of fields that stand under
    one response name of one object; validation compares each of them.
    """

    characters: int = 64 * 1024
    tokens: int = 4_000
    fragments: int = 50
    aliases: int = 200
    directives: int = 200
    depth: int = 25
    fields: int = 5_000
    repeats: int = 5_000


LIMITS = Limits()

# The fragments that a selection stands in.
Open: TypeAlias = frozenset[str]
Selection: TypeAlias = tuple[SelectionSetNode, Open]


def parsed(text: str, limits: Limits = LIMITS) -> DocumentNode:
    """The document, if it keeps to the limits.

    Raises ReadRefused: LIMIT_EXCEEDED, and GraphQLError where the text is not GraphQL.
    """
    _expect(len(text), limits.characters, "characters")
    try:
        document = parse(text, max_tokens=limits.tokens)
    except GraphQLError as error:
        if "tokens. Parsing aborted" in error.message:
            raise _too_many(f"more than {limits.tokens:,}", limits.tokens, "tokens") from None
        raise
    check(document, limits)
    return document


def check(document: DocumentNode, limits: Limits = LIMITS) -> None:
    """Raise ReadRefused where a document asks for more than one request may."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    _expect(len(fragments), limits.fragments, "fragments")
    walk = _Walk(fragments, limits)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            walk.directives += len(node.directives or ())
            walk.level([(node.selection_set, frozenset())], 1)
    # A fragment that no operation spreads is validated all the same.
    for name in sorted(fragments.keys() - walk.spread):
        if name not in walk.spread:
            walk.level([(fragments[name].selection_set, frozenset({name}))], 1)


class _Walk:
    """Counts what a document holds, response name by response name."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], limits: Limits) -> None:
        self.fragments = fragments
        self.limits = limits
        self.spread: set[str] = set()
        self.aliases = self.directives = self.fields = self.repeats = 0

    def level(self, selections: Iterable[Selection], depth: int) -> None:
        """Count the fields of one object and, below each response name, of the next."""
        _expect(depth, self.limits.depth, "levels")
        found: dict[str, list[tuple[FieldNode, Open]]] = {}
        for selection, opened in selections:
            self._collect(selection, opened, 0, found)
        for nodes in found.values():
            self.repeats += len(nodes) * (len(nodes) - 1) // 2
            _expect(self.repeats, self.limits.repeats, "repeated fields to compare")
            below = [(node.selection_set, opened) for node, opened in nodes if node.selection_set]
            if below:
                self.level(below, depth + 1)

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
    return ReadRefused("LIMIT_EXCEEDED", f"the document has {count} {what}; at most {most:,}")
