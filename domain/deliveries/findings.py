"""What a check finds: one finding for each fault, with the line and path where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fatal", "error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("fatal", "error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a delivery.

    code: stable, for programs. rule: the rule as a sentence, or the layer that found it. text: what was
    given; fix: what would do, where that can be said.
    """

    code: str
    rule: str
    severity: Severity
    text: str
    line: int | None = None
    path: str | None = None
    fix: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether a delivery with this finding is not applied.

        An error breaks a rule of the standard and goes back to the sender; what was said is still applied,
        as the sender's statement. Only fatal findings leave nothing that could be.
        """
        return self.severity == "fatal"


def accepted(findings: Iterable[Finding]) -> bool:
    """Whether nothing among the findings stands against applying the delivery."""
    return not any(finding.refuses for finding in findings)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst first, then as they stand in the document."""
    return tuple(
        sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.line or 0, f.code, f.path or ""))
    )
