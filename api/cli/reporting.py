"""How `ingest` and `validate` tell what became of the files."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.cli.output import print_json, print_rows, say
from api.cli.sending import Sent

_SHOWN = 20
_NOT_CHECKED = "schema_not_checked"
_SEVERITIES = ("fatal", "error", "warning", "info")


def report(sent: Sequence[Sent], *, as_json: bool, every_finding: bool) -> None:
    """A line for each file, the totals by kind, and the findings; as JSON all of it in one document."""
    states, counts = Counter(one.state for one in sent), _totals(sent)
    if as_json:
        print_json({"deliveries": [one.as_json() for one in sent], "states": dict(states), "totals": counts})
        return
    labels = _labels([one.file for one in sent])
    print_rows(
        ("file", "state", "format", "created", "changed", "unchanged", "withdrawn", "findings"),
        [_line(one, labels[one.file]) for one in sent],
    )
    if counts:
        columns = ("created", "changed", "unchanged", "withdrawn")
        print_rows(
            ("kind", *columns),
            [(kind, *(numbers.get(column, 0) for column in columns)) for kind, numbers in counts.items()],
        )
    _print_findings(sent, labels, every_finding)
    say(", ".join(f"{number} {state}" for state, number in states.most_common()))
    if any(f.get("code") == _NOT_CHECKED for one in sent for f in one.findings):
        say("schema: not checked. Install the XSDs with: python3 -m api schemas install --from FOLDER")


def _labels(files: Sequence[str]) -> dict[str, str]:
    """The files as they are called below the folder that holds them all, so that a name fits its column."""
    inside = os.path.commonpath(
        [os.path.dirname(os.path.abspath(file)) for file in files if file != "-"] or [os.getcwd()]
    )
    return {file: file if file == "-" else os.path.relpath(file, inside) for file in files}


def _line(one: Sent, label: str) -> tuple[Any, ...]:
    kinds = list(one.counts.values())
    numbers = [sum(kind.get(name, 0) for kind in kinds) or "" for name in ("created", "changed")]
    rest = [sum(kind.get(name, 0) for kind in kinds) or "" for name in ("unchanged", "withdrawn")]
    state = f"{one.state} (known)" if one.known and one.job_id is None else one.state
    return (label, state, one.format, *numbers, *rest, _in_words(one))


def _in_words(one: Sent) -> str:
    found = Counter(finding["severity"] for finding in one.findings)
    return ", ".join(f"{found[severity]} {severity}" for severity in _SEVERITIES if found[severity])


def _print_findings(sent: Sequence[Sent], labels: Mapping[str, str], every_finding: bool) -> None:
    for one in sent:
        told = [f for f in one.findings if every_finding or _is_worth_a_line(f)]
        if one.job_error:
            say(f"{one.file}: {one.job_error}")
        if not told:
            continue
        shown = told if every_finding else told[:_SHOWN]
        print_rows(
            ("severity", "line", "code", f"what is found in {labels[one.file]}"),
            [(f["severity"], f.get("line"), f["code"], _told(f)) for f in shown],
        )
        if len(told) > len(shown):
            say(f"… and {len(told) - len(shown)} more in {one.file}; --all-findings prints them")


def _is_worth_a_line(finding: dict[str, Any]) -> bool:
    """That no XSD judged is said once for all files."""
    return bool(finding["severity"] != "info" and finding["code"] != _NOT_CHECKED)


def _told(finding: dict[str, Any]) -> str:
    parts = [str(finding["text"])]
    if finding.get("fix"):
        parts.append(f"→ {finding['fix']}")
    if finding.get("path"):
        parts.append(f"at {finding['path']}")
    return "\n".join(parts)


def _totals(sent: Sequence[Sent]) -> dict[str, dict[str, int]]:
    totals: dict[str, Counter[str]] = {}
    for one in sent:
        for kind, numbers in one.counts.items():
            totals.setdefault(kind, Counter()).update(numbers)
    return {kind: dict(numbers) for kind, numbers in sorted(totals.items())}
