"""The first layer of a check: lxml judges a message by its XSD, xmlschema explains each fault."""

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lxml import etree

from domain.adapters.ern.guard import Opened, line_of, prolog_end, tree
from domain.adapters.ern.read import Version
from domain.adapters.schemas import Compiled, SchemaStore
from domain.deliveries.findings import Finding

if TYPE_CHECKING:
    from xmlschema import XMLSchema
    from xmlschema.validators.exceptions import XMLSchemaValidationError

RULE = "the message is valid by the XSD of its version"
MAX_FINDINGS = 200
# xmlschema walks in Python; beyond this size only lxml's own words are given.
MAX_EXPLAINED_BYTES = 8 * 1024 * 1024
_ROOT_TAG = re.compile(rb"""<(?![!?])[^\s/>]+(?:[^>"']|"[^"]*"|'[^']*')*>""")
_PREFIX = re.compile(r"(?<=/)(?:\{[^}]*\}|[\w.\-]+:)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the XSD says. judged_by: the namespace of the schema that judged, or None when none is there."""

    judged_by: str | None
    findings: tuple[Finding, ...]


def judge(document: Opened, version: Version, store: SchemaStore | None) -> Verdict:
    """Every fault of a message against its XSD; without an XSD nothing is judged, and that is said."""
    schema = store.load(version.judged_by) if store is not None else None
    if schema is None:
        return Verdict(None, (_not_checked(version),))
    notes: tuple[Finding, ...] = ()
    root = document.root
    if version.judged_by != document.namespace:
        root = _mapped(document, version.judged_by)
        notes = (
            Finding(
                "schema_judged_by_another",
                RULE,
                "info",
                f"there is no XSD of {version.number}; the message was judged by that of {version.judged_by}",
                line=line_of(document.root),
            ),
        )
    with schema.lock:
        if schema.schema.validate(root):
            return Verdict(version.judged_by, notes)
        plain = [_from_lxml(entry) for entry in cast("Iterable[etree._LogEntry]", schema.schema.error_log)]
    explained = list(_explained(schema, root)) if len(document.utf8) <= MAX_EXPLAINED_BYTES else []
    # lxml is the judge: when xmlschema has no words for its verdict, the judge's own stand.
    return Verdict(version.judged_by, (*notes, *_at_most(explained or plain)))


def _not_checked(version: Version) -> Finding:
    return Finding(
        "schema_not_checked",
        RULE,
        "warning",
        f"schema: not checked, because no XSD for {version.judged_by} is installed",
        fix="install the XSDs: schemas install --from FOLDER",
    )


def _mapped(document: Opened, namespace: str) -> etree._Element:
    """The document with the namespace of its root changed, for a schema of another name.

    Only the root's start tag is touched: children carry no namespace, and text stays as it is.
    """

    def renamed(tag: re.Match[bytes]) -> bytes:
        return tag[0].replace(document.namespace.encode(), namespace.encode())

    head = prolog_end(document.utf8)
    return tree(document.utf8[:head] + _ROOT_TAG.sub(renamed, document.utf8[head:], count=1))


def _at_most(findings: list[Finding]) -> Iterator[Finding]:
    yield from findings[:MAX_FINDINGS]
    if len(findings) > MAX_FINDINGS:
        yield Finding(
            "schema_more_faults",
            RULE,
            "info",
            f"and {len(findings) - MAX_FINDINGS} further faults of the XSD",
        )


def _plain_path(path: str | None) -> str | None:
    """A path without prefixes and namespaces, as all findings have it."""
    return _PREFIX.sub("", path) if path else None


def _from_lxml(entry: etree._LogEntry) -> Finding:
    return Finding(
        "schema_invalid", RULE, "fatal", entry.message, line=entry.line, path=_plain_path(entry.path)
    )


_explaining = threading.Lock()
_explainers: "dict[str, XMLSchema]" = {}


def _explainer(path: Path) -> "XMLSchema":
    """xmlschema's form of a schema: built once, in one to three seconds, when the first fault needs it."""
    # Loaded by the first fault as well: a cloud function that sees none starts sooner without it.
    import xmlschema

    # The name is made of the content, and so is the same in every folder that it is installed in.
    with _explaining:
        if path.name not in _explainers:
            _explainers[path.name] = xmlschema.XMLSchema(str(path), allow="local")
        return _explainers[path.name]


def _explained(schema: Compiled, root: etree._Element) -> Iterator[Finding]:
    for error in _explainer(schema.path).iter_errors(root):
        yield _from_xmlschema(error)


def _from_xmlschema(error: "XMLSchemaValidationError") -> Finding:
    from xmlschema.validators.exceptions import XMLSchemaChildrenValidationError

    text = error.reason or error.message
    line, path = error.sourceline, error.path
    element = error.elem
    if isinstance(error, XMLSchemaChildrenValidationError) and element is not None:
        children = [child for child in element if isinstance(child.tag, str)]
        if error.index < len(children):
            # The fault is the child, not the element that holds it.
            child = children[error.index]
            line = getattr(child, "sourceline", line)
            same = [other for other in children if other.tag == child.tag]
            path = f"{path}/{child.tag}" + (f"[{same.index(child) + 1}]" if len(same) > 1 else "")
    return Finding("schema_invalid", RULE, "fatal", text, line=line, path=_plain_path(path))
