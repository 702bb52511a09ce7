"""Parties of a message: those of its list, and those named in place, each once."""

from domain.adapters.ern.common import name_of, party_codes
from domain.adapters.ern.node import Node
from domain.deliveries.parts import Code, Extra, Name, Party


class Parties:
    """Collects parties while a message is read; a party named in place gets a reference of its own."""

    def __init__(self) -> None:
        self._listed: list[Party] = []
        self._names: dict[str, str] = {}
        self._inline: dict[tuple[tuple[Code, ...], tuple[Name, ...], tuple[Extra, ...]], Party] = {}

    def listed(self, node: Node, reference: str = "PartyReference") -> None:
        """Take a party of the message's party list."""
        own = node.value(reference) or ""
        codes, names = _said(node)
        party = Party(
            reference=own, codes=codes, names=names, extras=node.rest(), line=node.line, path=node.path
        )
        self._listed.append(party)
        self._names.setdefault(own, party.name)

    def named(self, node: Node, *, whole: bool = False) -> str:
        """The reference of the party that PartyId and PartyName in this node name.

        whole: what else the node says belongs to the party as well, such as a service's trading name.
        """
        codes, names = _said(node)
        extras = node.rest() if whole else ()
        known = self._inline.get((codes, names, extras))
        if known is not None:
            return known.reference
        reference = f"inline-{len(self._inline) + 1}"
        party = Party(
            reference=reference, codes=codes, names=names, extras=extras, line=node.line, path=node.path
        )
        self._inline[(codes, names, extras)] = party
        self._listed.append(party)
        self._names[reference] = party.name
        return reference

    def name(self, reference: str) -> str | None:
        """What the party of that reference is called."""
        return self._names.get(reference)

    def all(self) -> tuple[Party, ...]:
        """Every party, in the order met."""
        return tuple(self._listed)


def _said(node: Node) -> tuple[tuple[Code, ...], tuple[Name, ...]]:
    ids = (*node.all("PartyId"), *node.all("BrandId"))
    names = (*node.all("PartyName"), *node.all("BrandName"))
    codes = tuple(code for child in ids for code in party_codes(child))
    return codes, tuple(name_of(child) for child in names)
