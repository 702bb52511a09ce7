"""`alerts` and `notices`: what is out of bounds, and what the organization was told."""

from typing import Annotated, Any

import typer

from api.cli.output import AsJson, print_json, print_rows

Limit = Annotated[int, typer.Option(help="How many, newest first.", min=1, max=100)]
_ALERTS = """query($n: Int!, $state: [String!]) {
  alerts(first: $n, orderBy: SINCE_DESC, filter: {state: $state}) {
    nodes { rule state value threshold since firedAt clearedAt } } }"""
_RULES = "{ alertRules { name threshold forS disabled summary } }"
_NOTICES = """query($n: Int!) {
  notices(first: $n, orderBy: CREATED_AT_DESC) {
    nodes { id kind subject text channels createdAt
      outcomes(first: 20) { nodes { kind state error sentAt } } } } }"""


def register(app: typer.Typer) -> None:
    """Hang both off the command line."""
    app.command()(alerts)
    app.command()(notices)


def alerts(
    every: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules instead.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Print the alerts of the installation; `edit-alert-rule` sets their bounds."""
    if rules:
        _show(_ask(_RULES)["alertRules"], ("name", "threshold", "forS", "disabled", "summary"), as_json)
        return
    columns = ("rule", "state", "value", "threshold", "since", "firedAt", "clearedAt")
    found = _ask(_ALERTS, n=limit, state=None if every else ["pending", "firing"])
    _show(found["alerts"]["nodes"], columns, as_json)


def notices(limit: Limit = 20, as_json: AsJson = False) -> None:
    """Print what the organization was told, and what became of it at each channel."""
    nodes = _ask(_NOTICES, n=limit)["notices"]["nodes"]
    if as_json:
        print_json(nodes)
        return
    print_rows(
        ("created", "kind", "subject", "sent"),
        [(node["createdAt"], node["kind"], node["subject"], _sent(node)) for node in nodes],
    )


def _sent(node: dict[str, Any]) -> str:
    if not node["channels"]:
        return "nowhere: no channel is set up"
    return ", ".join(
        f"{one['kind']} {one['state']}" + (f" ({one['error']})" if one["error"] else "")
        for one in node["outcomes"]["nodes"]
    )


def _ask(document: str, **variables: Any) -> dict[str, Any]:
    from api.cli.sending import Server

    return Server().query(document, **variables)


def _show(nodes: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json(nodes)
        return
    print_rows(columns, [tuple(node[column] for column in columns) for node in nodes])
