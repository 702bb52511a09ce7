"""Pages for people: HTML put together from tags, so that a text can never become markup.

They carry no script and load nothing, so they work with the network off and under the strictest policy.
"""

import html
import secrets
from collections.abc import Sequence

from starlette.responses import HTMLResponse

_VOID = {"br", "hr", "input", "meta"}
_STYLE = (
    "body{margin:0;background:#f4f4f2;color:#1c1c1a;font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:34rem;margin:8vh auto;padding:1.5rem 2rem;background:#fff;border:1px solid #dcdcd6;"
    "border-radius:8px}h1{font-size:1.35rem;margin:0 0 1rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}"
    "label{display:block;margin:.9rem 0 .2rem}input,select{box-sizing:border-box;width:100%;padding:.5rem;"
    "font:inherit;border:1px solid #8a8a84;border-radius:4px}input[type=checkbox]{width:auto}"
    "button{margin:1.1rem .5rem 0 0;padding:.5rem 1.1rem;font:inherit;color:#fff;background:#1f4e8c;border:0;"
    "border-radius:4px;cursor:pointer}button.plain{color:#1c1c1a;background:#e4e4de}"
    "small{display:block;color:#5a5a55}.said{padding:.6rem .9rem;border-left:4px solid #1f4e8c;"
    "background:#eef3fa}.wrong{border-color:#a4262c;background:#fbeeee}"
    "table{width:100%;border-collapse:collapse}td,th{padding:.35rem .5rem .35rem 0;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #e4e4de}td button{margin:0}code{overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#1a1a19;color:#eee}main{background:#242422;"
    "border-color:#3a3a36}input,select{background:#1a1a19;color:#eee}small{color:#b0b0a8}"
    ".said{background:#1d2a3a}.wrong{background:#3a2222}button.plain{color:#eee;background:#44443f}"
    "td,th{border-color:#3a3a36}a{color:#8ab4f0}}"
)

# The answer to a form may lead outside only where its page says so.
TO_US = ("'self'",)


class Html(str):
    """Text that is markup already. Only `tag` and `join` make it; whatever else is shown is escaped."""

    __slots__ = ()


def tag(element: str, /, *inside: str | None, **attributes: str | bool | None) -> Html:
    """An element. Plain texts inside are escaped; None and False attributes are left out.

    A trailing underscore of an attribute's name goes (`class_`, `for_`), others become hyphens.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(value, quote=True)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    opened = f"<{element}{written}>"
    return Html(opened if element in _VOID else f"{opened}{join(*inside)}</{element}>")


def join(*parts: str | None) -> Html:
    """Parts one after the other; plain texts are escaped, None is nothing."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts if part))


def field(
    name: str,
    label: str,
    *,
    type: str = "text",
    value: str | None = None,
    autocomplete: str | None = None,
    hint: str | None = None,
    required: bool = True,
    longest: int | None = None,
) -> Html:
    """A labelled input."""
    return join(
        tag("label", label, for_=name),
        tag(
            "input",
            id=name,
            name=name,
            type=type,
            value=value,
            autocomplete=autocomplete,
            required=required,
            maxlength=str(longest) if longest else None,
        ),
        tag("small", hint) if hint else None,
    )


def hidden(name: str, value: str) -> Html:
    """A value that goes with a form unseen."""
    return tag("input", type="hidden", name=name, value=value)


def button(label: str, *, name: str | None = None, value: str | None = None, plain: bool = False) -> Html:
    """What sends a form. name, value: told with it, where a form has several."""
    return tag("button", label, type="submit", name=name, value=value, class_="plain" if plain else None)


def form(action: str, *inside: str | None, csrf: str) -> Html:
    """A form that is posted to one of our paths. csrf: the token that its endpoint expects."""
    return tag("form", hidden("csrf", csrf), *inside, method="post", action=action)


def said(text: str | None, *, wrong: bool = False) -> Html | None:
    """A message above a form, read out by screen readers; None for none."""
    return tag("p", text, class_="said wrong" if wrong else "said", role="alert") if text else None


def page(
    title: str,
    *inside: str | None,
    status: int = 200,
    form_action: Sequence[str] | None = TO_US,
) -> HTMLResponse:
    """A whole page under a policy that lets nothing in but its own style.

    form_action: where its forms may lead, redirects included (CSP `form-action`); None says nothing of
    it, for a form whose answer leads on to an OAuth client.

    The referrer stays inside this origin: an address may hold an invitation's token. It is not switched
    off, because browsers then send `Origin: null` with forms, and the origin is what tells ours apart.
    """
    nonce = secrets.token_urlsafe(16)
    body = join(
        tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("title", f"{title} · Catalograph"),
                tag("style", Html(_STYLE), nonce=nonce),
            ),
            tag("body", tag("main", tag("h1", title), *inside)),
            lang="en",
        )
    )
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'"
    if form_action is not None:
        policy += f"; form-action {' '.join(form_action)}"
    return HTMLResponse(
        "<!doctype html>\n" + body,
        status,
        {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
        },
    )
