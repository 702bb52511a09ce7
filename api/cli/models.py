"""`models list | report | promote | rollback | add | edit | decide | history | permit`: models that hear."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.client import answered
from api.cli.output import AsJson, Refused, print_json, print_rows, say

if TYPE_CHECKING:
    from api.cli.sending import Server

Named = Annotated[str, typer.Argument(metavar="MODEL", help="Its id, or its name as openai/gpt-audio-mini.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Price = Annotated[float | None, typer.Option(help="US dollars for a million tokens.")]
_MODEL = "id provider model promptVersion codeVersion role roleSince textInUsd audioInUsd outUsd"
_MODELS = f"{{ models {{ {_MODEL} }} }}"
_ASKED = f"{{ models {{ {_MODEL} }} modelReport(days: 366) {{ model {{ id }} calls }} }}"
_REPORT = f"""query($days: Int, $everybody: Boolean) {{ modelReport(days: $days, everybody: $everybody) {{
  model {{ {_MODEL} }} calls failed errorRate errors {{ error count }} latencyP50Ms latencyP95Ms latencyP99Ms
  answers served confidence unsure confidenceSteps personAgreement comparedWithPersons embeddedAgreement
  comparedWithEmbedded costUsd costPerAnswerUsd }} }}"""
_HISTORY = "{ modelDecisions(first: 50) { id kind fromModel toModel why evidence madeBy madeAt } }"
_SHOWN = " .:-=+*#%@"


def register(app: typer.Typer) -> None:
    """Hang `models` off the command line."""
    models = typer.Typer(
        no_args_is_help=True, help="Language models that hear: who is asked, and how they fare."
    )
    models.command(name="list")(listed)
    for verb in (report, promote, rollback, add, edit, decide, history, permit):
        models.command()(verb)
    app.add_typer(models, name="models")


def listed(as_json: AsJson = False) -> None:
    """Print the models, the champion first, and how often your organization had each asked in a year."""
    data = _server().query(_ASKED)
    calls = {one["model"]["id"]: one["calls"] for one in data["modelReport"]}
    found = [one | {"calls": calls.get(one["id"], 0)} for one in data["models"]]
    if as_json:
        print_json(found)
        return
    print_rows(
        ("role", "model", "version", "$/1M text, audio, out", "asked", "since", "id"),
        [
            (
                one["role"],
                _name(one),
                _version(one),
                _prices(one),
                _asked(one),
                one["roleSince"][:10],
                one["id"],
            )
            for one in found
        ],
    )
    if not found:
        say(
            "none: a worker makes those known, when it starts, that its settings give an endpoint or a key "
            "(.env.example)"
        )


def report(
    days: Annotated[int, typer.Option(help="How many days back.", min=1, max=366)] = 30,
    everybody: Annotated[bool, typer.Option(help="Of all organizations; for the operator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print how each model fares: latency, confidence, agreement, errors and cost."""
    found = _server().query(_REPORT, days=days, everybody=everybody)["modelReport"]
    if as_json:
        print_json(found)
        return
    print_rows(
        (
            "model",
            "role",
            "calls",
            "errors",
            "p50/p95/p99 ms",
            "answers",
            "confidence",
            "< 0.7",
            "agrees",
            "$",
            "$ each",
        ),
        [_line(one) for one in found],
    )
    for one in found:
        if one["errors"]:
            told = ", ".join(f"{error['count']} {error['error']}" for error in one["errors"])
            say(f"{_name(one['model'])} {_version(one['model'])}: {told}")
    if not found:
        say("no model was asked; docs/enrichment.md says how one is set up")


def promote(model: Named, reason: Reason, as_json: AsJson = False) -> None:
    """Make a model champion; the champion before becomes the challenger."""
    _order("POST", f"/v1/models/{_id(model)}/promote", {"reason": reason}, as_json)


def rollback(reason: Reason, as_json: AsJson = False) -> None:
    """Make the champion before the last change champion again."""
    _order("POST", "/v1/model-rollbacks", {"reason": reason}, as_json)


def add(
    provider: Annotated[str, typer.Argument(help="qwen or openai.")],
    model: Annotated[str, typer.Argument(help="What it is called there.")],
    role: Annotated[str, typer.Option(help="challenger or fallback.")] = "challenger",
    text_in: Price = None,
    audio_in: Price = None,
    out: Price = None,
    as_json: AsJson = False,
) -> None:
    """Add a model to be asked at a provider's endpoint."""
    prices = {"textIn": text_in, "audioIn": audio_in, "out": out}
    _order("POST", "/v1/models", {"provider": provider, "model": model, "role": role, **prices}, as_json)


def edit(
    model: Named,
    role: Annotated[str | None, typer.Option(help="challenger, fallback or retired.")] = None,
    text_in: Price = None,
    audio_in: Price = None,
    out: Price = None,
    as_json: AsJson = False,
) -> None:
    """Give a model another role, or other prices."""
    said = {"role": role, "textIn": text_in, "audioIn": audio_in, "out": out}
    _order("PATCH", f"/v1/models/{_id(model)}", said, as_json)


def decide(
    policy: Annotated[str, typer.Option(help="off (only tell), propose or apply.")] = "off",
    as_json: AsJson = False,
) -> None:
    """Judge the challenger now; it also happens each day."""
    _order("POST", "/v1/model-decisions", {"policy": policy}, as_json)


def history(as_json: AsJson = False) -> None:
    """Print what was decided about who is champion."""
    server = _server()
    found = server.query(_HISTORY)["modelDecisions"]
    if as_json:
        print_json(found)
        return
    names = {one["id"]: _name(one) for one in server.query(_MODELS)["models"]}
    print_rows(
        ("at", "what", "model", "instead of", "by", "why"),
        [
            (
                one["madeAt"],
                one["kind"],
                names.get(one["toModel"], one["toModel"]),
                names.get(one["fromModel"] or "", one["fromModel"]),
                one["madeBy"],
                one["why"],
            )
            for one in found
        ],
    )


def permit(
    outside: Annotated[
        bool | None, typer.Option("--outside/--no-outside", help="Send public recordings out of the house.")
    ] = None,
    private: Annotated[
        bool | None, typer.Option("--private/--no-private", help="Send private recordings, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what models outside of the house may be sent of your recordings; without options, print it."""
    if outside is None and private is None:
        terms = _server().query("{ modelPermission { paidModels centsPerDay outside privateToo } }")
        found = terms["modelPermission"]
        if as_json:
            print_json(found)
        else:
            print_rows(("field", "value"), found.items())
        return
    _order("PATCH", "/v1/model-permission", {"outside": outside, "privateToo": private}, as_json)


def _line(one: dict[str, Any]) -> tuple[Any, ...]:
    latency = [one[f"latencyP{share}Ms"] for share in (50, 95, 99)]
    steps = one["confidenceSteps"]
    drawn = "".join(_SHOWN[-(-9 * step // max(1, *steps))] for step in steps)
    agrees = [
        f"{one[value]:.2f} ({who} {one[count]})"
        for who, value, count in (
            ("persons", "personAgreement", "comparedWithPersons"),
            ("taggers", "embeddedAgreement", "comparedWithEmbedded"),
        )
        if one[value] is not None
    ]
    return (
        f"{_name(one['model'])}\n{_version(one['model'])}",
        one["model"]["role"],
        one["calls"],
        f"{one['errorRate']:.1%}" if one["errorRate"] is not None else "",
        "/".join(str(ms) for ms in latency) if latency[0] is not None else "",
        one["answers"],
        f"{one['confidence']:.2f} |{drawn}|" if one["confidence"] is not None else "",
        one["unsure"],
        "\n".join(agrees),
        f"{one['costUsd']:.4f}",
        f"{one['costPerAnswerUsd']:.5f}" if one["costPerAnswerUsd"] is not None else "",
    )


def _name(one: dict[str, Any]) -> str:
    return f"{one['provider']}/{one['model']}"


def _version(one: dict[str, Any]) -> str:
    return f"{one['promptVersion']}+{one['codeVersion']}"


def _asked(one: dict[str, Any]) -> str:
    """How often your organization had it asked in a year; our own taggers are not asked over a network."""
    if one["role"] == "embedded":
        return ""
    return f"{one['calls']:,} times" if one["calls"] else "not yet"


def _prices(one: dict[str, Any]) -> str:
    given = [one[name] for name in ("textInUsd", "audioInUsd", "outUsd")]
    return "not said" if given[0] is None else ", ".join(f"{price:g}" for price in given)


def _id(model: str) -> str:
    """The id of a model that is named as `provider/model`, in its newest version; an id is itself."""
    if "/" not in model:
        return model
    found = [one for one in _server().query(_MODELS)["models"] if _name(one) == model]
    asked = [one for one in found if one["role"] != "retired"] or found
    if not asked:
        raise Refused(f"There is no model {model}; `models list` prints them.")
    return str(asked[0]["id"])


def _order(method: str, path: str, said: dict[str, Any], as_json: bool) -> None:
    given = {name: value for name, value in said.items() if value is not None}
    body = answered(_server().ask(method, path, json=given))
    if as_json:
        print_json(body)
    else:
        shown = {name: value for name, value in body.items() if value not in (None, [], {})}
        print_rows(("field", "value"), shown.items())


def _server() -> "Server":
    from api.cli.sending import Server

    return Server()
