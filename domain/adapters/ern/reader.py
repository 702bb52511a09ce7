"""The reader of ERN deliveries: guard, detection, judgement by XSD, and the neutral message."""

from domain.adapters.ern.guard import DEFAULT_CAPS, Caps, Opened, XmlRefused, parse
from domain.adapters.ern.judge import judge
from domain.adapters.ern.read import read, version_of
from domain.adapters.schemas import SchemaStore
from domain.deliveries.check import Examined
from domain.deliveries.findings import Finding


class ErnReader:
    """Reads ERN messages; the schemas may be missing, and the report then says so."""

    def __init__(self, schemas: SchemaStore | None = None, caps: Caps = DEFAULT_CAPS) -> None:
        self.schemas = schemas
        self.caps = caps

    def examine(self, raw: bytes) -> Examined:
        """The message of these bytes, and what the guard and the XSD found in them."""
        document: Opened | None = None
        try:
            document = parse(raw, self.caps)
            version = version_of(document)
        except XmlRefused as refusal:
            namespace = document.namespace or None if document is not None else None
            return Examined(namespace, None, None, (_refused(refusal),), None)
        verdict = judge(document, version, self.schemas)
        return Examined(
            document.namespace, version.number, verdict.judged_by, verdict.findings, read(document)
        )


def _refused(refusal: XmlRefused) -> Finding:
    column = f", column {refusal.column}" if refusal.column else ""
    return Finding(
        code=refusal.code,
        rule="the delivery is a message that can be read",
        severity="fatal",
        text=refusal.text + column,
        line=refusal.line,
    )
