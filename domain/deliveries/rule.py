"""What a rule is: a sentence, as a function from the message to every place where it is broken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from domain.deliveries.findings import Finding, Severity
from domain.deliveries.message import Message
from domain.deliveries.parts import Item


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a rule is broken. code: only where it differs from the rule's own."""

    text: str
    at: Item | None = None
    fix: str | None = None
    severity: Severity | None = None
    code: str | None = None


Rule = Callable[[Message], Iterator[Finding]]
RULES: list[Rule] = []


def rule(
    code: str, severity: Severity, *, kinds: tuple[str, ...] = ("new_release",)
) -> Callable[[Callable[[Message], Iterator[Fault]]], Rule]:
    """Make a function a rule; its name is the sentence. A fault may say another code and severity."""

    def declare(test: Callable[[Message], Iterator[Fault]]) -> Rule:
        sentence = test.__name__.replace("_", " ")

        def findings(message: Message) -> Iterator[Finding]:
            if message.kind not in kinds:
                return
            for fault in test(message):
                yield Finding(
                    code=fault.code or code,
                    rule=sentence,
                    severity=fault.severity or severity,
                    text=fault.text,
                    line=fault.at.line or None if fault.at is not None else None,
                    path=fault.at.path or None if fault.at is not None else None,
                    fix=fault.fix,
                )

        findings.__name__ = test.__name__
        findings.__doc__ = test.__doc__
        RULES.append(findings)
        return findings

    return declare
