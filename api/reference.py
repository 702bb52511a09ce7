"""The pages of docs/ that are printed from the code: errors and the limits of a GraphQL request."""

import importlib
import json
import pkgutil
from itertools import groupby
from pathlib import Path

import domain
import jobs
from api.problems import table
from api.protocol import MOST_HEAD, MOST_HEADERS
from api.settings import CHECKOUT
from domain.alerts.rules import RULES
from graph.conditions import MOST_VALUES
from graph.limits import LIMITS
from graph.schema import LARGEST_PAGE

ERRORS = CHECKOUT / "docs" / "errors.md"
LIMITS_PAGE = CHECKOUT / "docs" / "limits.md"
ALERT_RULES = CHECKOUT / "docs" / "alerts.rules.yml"
BEGIN = "<!-- GraphQL requests: printed from graph/limits.py by `python3 -m api openapi` -->"
END = "<!-- end of GraphQL requests -->"

_ERRORS_HEAD = """# Error codes

<!-- Printed from api/problems.py by `python3 -m api openapi`; change it there. -->

A code stays; the text beside it may change. The same codes come through every door:

- **REST** answers `application/problem+json` (RFC 9457): `code`, `title`, `status`, `detail` (what was
  given and what would do), `instance`, `requestId`, and `errors` with a JSON Pointer or a parameter where
  one value is at fault. Its `type` is `/problems/CODE`, where the server describes the code.
- **GraphQL** tells a refused command as data: `userErrors { code message path details }` of its payload.
  What can't be answered at all stands in `errors`, the code in `extensions.code`. Under
  `application/graphql-response+json` the HTTP status is the one below where there is no data; under
  `application/json` it is 200 for every well-formed request. What fails before GraphQL begins (no token, a
  body in another media type) is told as by REST.
- **The command line** prints code and text on standard error and exits with 1, for a fault with 3.
- **The token endpoints** speak OAuth's own words (RFC 6749 §5.2: `error`, `error_description`).

A fault of ours is `INTERNAL_ERROR`, whatever it was: the answer holds a request id (also in
`X-Request-Id`) that finds it in the log, and nothing else of it.
"""


_LIMITS_HEAD = """## GraphQL requests

Judged before the document is validated; bytes, tokens and nesting before it is parsed. One more than the
figure is refused with `LIMIT_EXCEEDED`, naming the limit and the figure. They are the same for everybody, and
no setting changes them. A document that was let in is remembered, and pays nothing the next time.

| Limit | At most | What is counted |
| --- | ---: | --- |
"""
_LIMITS_FOOT = f"""
- One request is one operation: there are no batches. Send several requests over one connection.
- Below `__schema` and `__type` there are no aliases, no second `__schema`, and no list of a type inside
  another (`fields` inside `fields`). The introspection queries of tools keep to that.
- The documents behind REST may be deeper: `include` and `fields` take 8 steps.
- The line and the headers of any request: {MOST_HEAD:,} bytes, {MOST_HEADERS} headers.
- Introspection is for who is signed in, for administrators of the installation, or for nobody: the system
  setting `introspection` (`signed_in`, `operator`, `off`). `/schema.graphql` is open to all.
- A page has {LARGEST_PAGE} rows at most, a list of values in a filter {MOST_VALUES:,}.
"""


def printed_docs() -> dict[Path, bytes]:
    """Each page and what should stand in it."""
    return {
        ERRORS: errors_page().encode(),
        LIMITS_PAGE: limits_page().encode(),
        ALERT_RULES: alert_rules().encode(),
    }


def alert_rules() -> str:
    """The alert rules as Prometheus reads them, with the bounds that nobody has changed."""
    parts = [
        "# Printed from domain/alerts/rules.py by `python3 -m api openapi`; change it there.\n"
        "groups:\n  - name: catalograph\n    rules:\n"
    ]
    for name, rule in sorted(RULES.items()):
        alert = "Catalograph" + "".join(word.capitalize() for word in name.split("_"))
        parts.append(
            f"      - alert: {alert}\n"
            f"        expr: {json.dumps(rule.expression)}\n"
            + (f"        for: {rule.for_s:g}s\n" if rule.for_s else "")
            + f"        keep_firing_for: {rule.clear_for_s:g}s\n"
            f"        labels: {{severity: {rule.severity}, rule: {name}}}\n"
            f"        annotations: {{summary: {json.dumps(rule.summary)}}}\n"
        )
    return "".join(parts)


def errors_page() -> str:
    """Every code by its status, with an anchor of its own."""
    for room in (domain, jobs):  # a refusal is known once its module is loaded
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)
    parts = [_ERRORS_HEAD]
    rows = sorted((status, code, meaning) for code, (status, meaning) in table().items())
    for status, group in groupby(rows, key=lambda row: row[0]):
        parts.append(f"\n## {status}\n")
        parts += [f"\n### {code}\n\n{meaning}\n" for _, code, meaning in group]
    return "".join(parts)


def limits_page() -> str:
    """The page as it is, with its part on GraphQL requests anew."""
    before, after = "# Limits\n\n", "\n"
    if LIMITS_PAGE.exists():
        text = LIMITS_PAGE.read_text()
        before, after = f"{text.rstrip()}\n\n", "\n"
        if BEGIN in text and END in text:
            before, after = text[: text.index(BEGIN)], text[text.index(END) + len(END) :]
    return before + limits_part() + after


def limits_part() -> str:
    """What a GraphQL request may be at most."""
    rows = [f"| `{name}` | {figure:,} | {said} |\n" for name, figure, said in LIMITS.table()]
    return f"{BEGIN}\n{_LIMITS_HEAD}{''.join(rows)}{_LIMITS_FOOT}{END}"
