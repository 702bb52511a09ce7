"""A document as plain nodes that are used up while they are read: what is left over is kept as extras."""

from __future__ import annotations

from typing import cast

from lxml import etree

from domain.deliveries.parts import Extra


class Node:
    """One element: its own text, attributes and children by name. Reading takes a part away.

    path and line say where it stands; the path is made when asked for.
    """

    __slots__ = ("_path", "attributes", "children", "index", "kept", "line", "name", "parent", "text")

    def __init__(self, name: str, text: str, line: int, parent: Node | None, index: int) -> None:
        self.name = name
        self.text = text
        self.line = line
        self.parent = parent
        self.index = index
        self.attributes: dict[str, str] = {}
        self.children: dict[str, list[Node]] = {}
        self.kept: list[Extra] = []
        self._path: str | None = None

    @property
    def path(self) -> str:
        """Where it stands, as an XPath of local names; positions count from 1 where there are several."""
        if self._path is None:
            above = "" if self.parent is None else self.parent.path
            self._path = f"{above}/{self.name}[{self.index}]" if self.index else f"{above}/{self.name}"
        return self._path

    def all(self, name: str) -> list[Node]:
        """Every child of that name, taken away."""
        return self.children.pop(name, [])

    def one(self, name: str) -> Node | None:
        """The first child of that name, taken away; further ones stay and so become extras."""
        found = self.children.get(name)
        if not found:
            return None
        if len(found) == 1:
            del self.children[name]
            return found[0]
        return found.pop(0)

    def value(self, name: str) -> str | None:
        """The text of the first child of that name, or None when it is missing or empty.

        Attributes that nobody asked for are kept, so that none is lost.
        """
        found = self.one(name)
        if found is None:
            return None
        if found.attributes:
            self.kept.append(found.extra())
        return found.text or None

    def values(self, name: str) -> tuple[str, ...]:
        """The texts of all children of that name, without empty ones."""
        return tuple(child.text for child in self.all(name) if child.text)

    def attribute(self, name: str) -> str | None:
        """An attribute, taken away."""
        return self.attributes.pop(name, None)

    def marks(self) -> tuple[tuple[str, str], ...]:
        """The attributes that are left, taken away."""
        if not self.attributes:
            return ()
        left, self.attributes = self.attributes, {}
        return tuple(left.items())

    def rest(self) -> tuple[Extra, ...]:
        """Whatever has not been taken: left-over attributes (as @name) and children, whole."""
        if not self.attributes and not self.children and not self.kept:
            return ()
        attributes = tuple(Extra(f"@{name}", value) for name, value in self.attributes.items())
        children = tuple(child.extra() for kids in self.children.values() for child in kids)
        return attributes + tuple(self.kept) + children

    def extra(self) -> Extra:
        """The node as it came, with everything that is left in it."""
        return Extra(
            self.name,
            self.text,
            tuple(self.attributes.items()),
            tuple(child.extra() for kids in self.children.values() for child in kids),
        )


class Plain:
    """A document as nodes, and what a look over every element found on the way.

    empty: elements that hold nothing. terms: elements with a value of the sender's own.
    references: elements whose name ends in Reference and that hold a text.
    """

    def __init__(self, root: etree._Element) -> None:
        self.empty: list[Node] = []
        self.own_values: list[Node] = []
        self.references: list[Node] = []
        self.root = self._node(root, None, 0)

    def _node(self, element: etree._Element, parent: Node | None, index: int) -> Node:
        # The one loop over every element of every delivery: it is written for speed.
        text = element.text
        name = _local(element.tag)
        node = Node(name, text.strip() if text else "", cast("int", element.sourceline), parent, index)
        if pairs := cast("list[tuple[str, str]]", element.items()):
            node.attributes = attributes = {key: value for key, value in pairs if key[0] != "{"}
            if "UserDefinedValue" in attributes:
                self.own_values.append(node)
        children = node.children
        for child in element:
            key = _local(child.tag)
            same = children.get(key)
            if same is None:
                children[key] = [self._node(child, node, 0)]
            else:
                same[0].index = 1
                same.append(self._node(child, node, len(same) + 1))
        if not children:
            if not node.text:
                self.empty.append(node)
            elif name.endswith("Reference"):
                self.references.append(node)
            elif node.text == "UserDefined" and "UserDefinedValue" not in node.attributes:
                self.own_values.append(node)
        return node


def _local(tag: str) -> str:
    return tag if tag[0] != "{" else tag[tag.index("}") + 1 :]
