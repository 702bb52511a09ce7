"""The table of versions, told by exact namespace, and the reader of a document as one neutral message."""

from dataclasses import dataclass

from domain.adapters.ern import v3, v4
from domain.adapters.ern.common import all_codes, instant, title_kind, title_of, yes
from domain.adapters.ern.deals import deals_of
from domain.adapters.ern.guard import Opened, XmlRefused, line_of
from domain.adapters.ern.node import Node, Plain
from domain.adapters.ern.parties import Parties
from domain.deliveries.message import Header, Mention, Message, Purge
from domain.deliveries.parts import Code, Extra, Item, Term, Work

ROOTS = {
    "NewReleaseMessage": "new_release",
    "PurgeReleaseMessage": "purge_release",
}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of ERN: its number, its family, and the namespace of the XSD that judges it."""

    number: str
    family: int
    judged_by: str


def _namespace(digits: str) -> str:
    return f"http://ddex.net/xml/ern/{digits}"


VERSIONS: dict[str, Version] = {
    _namespace(digits): Version(number, family, _namespace(judge))
    for digits, number, family, judge in (
        ("37", "3.7", 3, "37"),
        ("371", "3.7.1", 3, "371"),
        ("38", "3.8", 3, "38"),
        ("381", "3.8.1", 3, "381"),
        ("382", "3.8.2", 3, "382"),
        ("383", "3.8.3", 3, "383"),
        ("41", "4.1", 4, "41"),
        ("411", "4.1.1", 4, "411"),
        ("42", "4.2", 4, "42"),
        ("43", "4.3", 4, "43"),
        # The XSD of 4.3.1 is not to be had; its messages are those of 4.3.2 under another namespace.
        ("431", "4.3.1", 4, "432"),
        ("432", "4.3.2", 4, "432"),
    )
}

# Which element names are anchors of what, in whichever element they stand.
_ANCHORS = {
    "ResourceReference": "resource",
    "ReleaseReference": "release",
    "PartyReference": "party",
    "BrandReference": "party",
    "MusicalWorkReference": "work",
    "CollectionReference": "collection",
    "CueSheetReference": "cue_sheet",
    "ChapterReference": "chapter",
    "VisibilityReference": "visibility",
    "TechnicalResourceDetailsReference": "technical",
    "RightShareReference": "right_share",
}
_MENTIONS = (
    ("RepresentativeImageReference", "resource"),
    ("ReleaseLabelReference", "party"),
    ("PartyAffiliateReference", "party"),
    ("RelatedPartyReference", "party"),
    ("ReleaseReference", "release"),
    ("ResourceReference", "resource"),
    ("PartyReference", "party"),
    ("WorkReference", "work"),
    ("CollectionReference", "collection"),
    ("CueSheetReference", "cue_sheet"),
    ("ChapterReference", "chapter"),
    ("VisibilityReference", "visibility"),
    ("TechnicalResourceDetailsReference", "technical"),
)
# These names end like references but are the sender's own words.
_NO_REFERENCES = frozenset({"DealReference", "TariffReference"})


def version_of(document: Opened) -> Version:
    """The version a document is written in; XmlRefused names the namespace given and those understood."""
    version = VERSIONS.get(document.namespace)
    if version is None:
        known = ", ".join(f"{namespace} ({known.number})" for namespace, known in VERSIONS.items())
        given = document.namespace or "no namespace"
        raise XmlRefused(
            "ern_version_unknown",
            f"{document.name} is in {given}; these are understood: {known}",
            line_of(document.root),
        )
    if document.name not in ROOTS:
        raise XmlRefused(
            "ern_message_unknown",
            f"{document.name} of ERN {version.number} is not taken; these are: {', '.join(ROOTS)}",
            line_of(document.root),
        )
    return version


def read(document: Opened) -> Message:
    """The document as one neutral message; XmlRefused when its version or kind is not understood."""
    version = version_of(document)
    plain = Plain(document.root)
    root = plain.root
    parties = Parties()
    # Reading takes nodes apart, so what looks over all of them comes first.
    anchors, mentions = _references(plain)
    own_values = _own_values(plain)
    header_node = root.one("MessageHeader")
    header = _header(header_node or Node("MessageHeader", "", root.line, root, 1), parties)
    if version.family == 4:
        v4.parties_of(root.one("PartyList"), parties)
        works: tuple[Work, ...] = ()
        resources = v4.resources_of(root.one("ResourceList"))
        releases = v4.releases_of(root.one("ReleaseList"), parties)
    else:
        works = v3.works_of(root.one("WorkList"), parties)
        resources = v3.resources_of(root.one("ResourceList"), parties)
        releases = v3.releases_of(root.one("ReleaseList"), parties)
    deal_list = root.one("DealList")
    deals, visibilities = deals_of(deal_list, parties) if deal_list is not None else ((), ())
    purged = root.one("PurgedRelease")
    purge = _purge(purged, version, parties) if purged is not None else None
    return Message(
        kind=ROOTS[document.name],
        namespace=document.namespace,
        family=version.family,
        header=header,
        profile=root.attribute("ReleaseProfileVersionId"),
        profile_variant=root.attribute("ReleaseProfileVariantVersionId"),
        business_profile=root.attribute("BusinessProfileVersionId"),
        schema_version=root.attribute("MessageSchemaVersionId"),
        avs_version=root.attribute("AvsVersionId"),
        language=root.attribute("LanguageAndScriptCode"),
        update_indicator=root.value("UpdateIndicator"),
        backfill=yes(root.value("IsBackfill")),
        works=works,
        resources=resources,
        releases=releases,
        deals=deals,
        visibilities=visibilities,
        purge=purge,
        anchors=anchors,
        mentions=mentions,
        terms=own_values,
        empty=tuple(Item(line=node.line, path=node.path) for node in plain.empty),
        extras=root.rest(),
        parties=parties.all(),
        line=root.line,
        path=root.path,
    )


def _own_values(plain: Plain) -> tuple[Term, ...]:
    return tuple(
        Term(
            # The list value stands in the element, or in an attribute such as LabelType.
            value="UserDefined" if "UserDefined" in node.attributes.values() else node.text,
            namespace=node.attributes.get("Namespace") or node.attributes.get("TypeNamespace"),
            user_value=node.attributes.get("UserDefinedValue"),
            line=node.line,
            path=node.path,
        )
        for node in plain.own_values
    )


def _references(plain: Plain) -> tuple[tuple[Mention, ...], tuple[Mention, ...]]:
    anchors: list[Mention] = []
    mentions: list[Mention] = []
    for node in plain.references:
        if node.name in _NO_REFERENCES:
            continue
        parent = node.parent.name if node.parent is not None else ""
        # A composite may hold an element of its own name: that inner one mentions.
        of = _ANCHORS.get(node.name)
        listing = anchors
        if of is None or parent == node.name:
            of = next((kind for suffix, kind in _MENTIONS if node.name.endswith(suffix)), None)
            listing = mentions
        if of is not None:
            listing.append(Mention(of=of, reference=node.text, by=parent, line=node.line, path=node.path))
    return tuple(anchors), tuple(mentions)


def _header(node: Node, parties: Parties) -> Header:
    sender = node.one("MessageSender")
    behalf = node.one("SentOnBehalfOf")
    created = node.value("MessageCreatedDateTime") or ""
    control = node.value("MessageControlType")
    sender_id, sender_name, sender_rest = _messaging(sender)
    behalf_id, behalf_name, behalf_rest = _messaging(behalf)
    named = [(sender_id, sender), (behalf_id, behalf)]
    recipients, recipients_rest = [], []
    for child in node.all("MessageRecipient"):
        code, name, rest = _messaging(child)
        recipients.append((code, name))
        named.append((code, child))
        recipients_rest += [Extra("MessageRecipient", children=rest)] if rest else []
    codes = tuple(
        Code(scheme="dpid", value=code, line=child.line, path=child.path)
        for code, child in named
        if code and child is not None
    )
    extras = [Extra("MessageSender", children=sender_rest)] if sender_rest else []
    extras += [Extra("SentOnBehalfOf", children=behalf_rest)] if behalf_rest else []
    return Header(
        message_id=node.value("MessageId") or "",
        sender=sender_id,
        created=instant(created),
        created_given=created,
        thread_id=node.value("MessageThreadId"),
        file_name=node.value("MessageFileName"),
        sender_name=sender_name,
        on_behalf_of=behalf_id or None,
        on_behalf_of_name=behalf_name,
        recipients=tuple(recipients),
        test=control == "TestMessage",
        control=control,
        codes=codes,
        extras=(*extras, *recipients_rest, *node.rest()),
        line=node.line,
        path=node.path,
    )


def _messaging(node: Node | None) -> tuple[str, str | None, tuple[Extra, ...]]:
    """A party of the header: its DPID as text, its name, and what else was said of it."""
    if node is None:
        return "", None, ()
    code = node.value("PartyId") or ""
    named = node.one("PartyName")
    full = named.value("FullName") if named is not None else None
    if named is not None and (named.children or named.kept or named.attributes):
        node.kept.append(named.extra())
    return code, full, node.rest()


def _purge(node: Node, version: Version, parties: Parties) -> Purge:
    codes = all_codes(node.all("ReleaseId"))
    titles = tuple(title_of(c, title_kind(c.attribute("TitleType"))) for c in node.all("Title"))
    credits = v3.credits_of(node, parties) if version.family == 3 else ()
    return Purge(
        codes=codes,
        titles=titles,
        credits=credits,
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )
