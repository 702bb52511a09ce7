"""The check of a delivery: the guard and the XSD by a reader, then our own rules. Nothing is written."""

from dataclasses import dataclass
from typing import Any, Protocol

from domain.deliveries import rules
from domain.deliveries.findings import SEVERITIES, Finding, accepted, in_order
from domain.deliveries.message import Message


@dataclass(frozen=True, slots=True)
class Examined:
    """What a reader made of the bytes: which version they are, what judged them, and the message if any."""

    namespace: str | None
    version: str | None
    schema_checked: str | None
    findings: tuple[Finding, ...]
    message: Message | None


class Reader(Protocol):
    """Reads the bytes of a delivery; whatever is wrong with them becomes findings, never an exception."""

    def examine(self, raw: bytes) -> Examined:
        """The message behind the guard, judged by its schema where one is there."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check.

    schema_checked: the namespace of the XSD that judged, or None for *schema: not checked*.
    message: what was read, also of a message that is not accepted; None when nothing could be read.
    """

    accepted: bool
    namespace: str | None
    version: str | None
    schema_checked: str | None
    findings: tuple[Finding, ...]
    message: Message | None

    def counts(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        return {
            severity: sum(finding.severity == severity for finding in self.findings)
            for severity in SEVERITIES
        }

    def summary(self) -> dict[str, Any]:
        """The report in numbers, as JSON."""
        message = self.message
        return {
            "accepted": self.accepted,
            "version": self.version,
            "namespace": self.namespace,
            "schema": self.schema_checked or "not checked",
            "findings": self.counts(),
            "kind": message.kind if message else None,
            "releases": len(message.releases) if message else 0,
            "resources": len(message.resources) if message else 0,
            "deals": len(message.deals) if message else 0,
        }


def check(raw: bytes, reader: Reader) -> Report:
    """Every finding about a delivery, from every layer, worst first."""
    examined = reader.examine(raw)
    own = rules.judge(examined.message) if examined.message is not None else ()
    findings = in_order((*examined.findings, *own))
    return Report(
        accepted=examined.message is not None and accepted(findings),
        namespace=examined.namespace,
        version=examined.version,
        schema_checked=examined.schema_checked,
        findings=findings,
        message=examined.message,
    )
