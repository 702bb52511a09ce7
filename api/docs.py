"""Pages for people: GraphiQL, Swagger UI and the list of problem codes, all from local files.

The scripts come out of the installed wheels, so the pages work with the network off. Each page carries a
content security policy with a nonce of its own; nothing outside this server may be loaded.
"""

import html
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from api.accept import preferred
from api.pages import page, tag
from api.problems import Problem, table

_GRAPHIQL = "graphene_django_graphiql_static"
_SWAGGER = "swagger_ui"

# The same for everybody, until the next release.
_SOON_OLD = {"Cache-Control": "public, max-age=300"}

_FIRST_QUERY = """# Ctrl-Enter runs the query. Paste a token above; `catalograph token` makes one.
{
  releases(first: 5) {
    nodes { title identifiers { scheme value } media { tracks { position title isrc } } }
  }
}
"""

_GRAPHIQL_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Catalograph: GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/graphiql/graphiql.min.css">
<style nonce="{nonce}">
  html, body {{ height: 100%; margin: 0; overflow: hidden; font-family: system-ui, sans-serif; }}
  body {{ display: flex; flex-direction: column; }}
  #access {{ display: flex; gap: .6rem; align-items: center; padding: .4rem .8rem; }}
  #token {{ flex: 1; font-family: monospace; }}
  #editor {{ flex: 1; min-height: 0; }}
</style>
</head>
<body>
<div id="access"><label for="token">Token</label><input id="token" type="password" autocomplete="off"
  placeholder="access token"><a href="/docs">REST</a></div>
<div id="editor"></div>
<script src="/static/graphiql/react.production.min.js"></script>
<script src="/static/graphiql/react-dom.production.min.js"></script>
<script src="/static/graphiql/graphiql.min.js"></script>
<script src="/static/graphiql/graphql-ws.min.js"></script>
<script nonce="{nonce}">
  const token = document.getElementById('token');
  token.value = sessionStorage.getItem('catalograph-token') || '';
  const ask = (params, options) => fetch('/graphql', {{
    method: 'POST',
    headers: {{
      'Content-Type': 'application/json',
      'Accept': 'application/graphql-response+json, application/json;q=0.9',
      ...(token.value ? {{ 'Authorization': 'Bearer ' + token.value.trim() }} : {{}}),
      ...((options && options.headers) || {{}}),
    }},
    body: JSON.stringify(params),
  }}).then(answer => answer.json());
  const socket = graphqlWs.createClient({{
    url: location.origin.replace(/^http/, 'ws') + '/graphql',
    connectionParams: () => token.value ? {{ authorization: 'Bearer ' + token.value.trim() }} : {{}},
  }});
  const follow = params => ({{
    subscribe: observer => ({{ unsubscribe: socket.subscribe(params, observer) }}),
  }});
  const follows = (params, options) => Boolean(options && options.documentAST)
    && options.documentAST.definitions.some(one => one.operation === 'subscription'
      && (!params.operationName || (one.name && one.name.value === params.operationName)));
  const draw = () => ReactDOM.render(
    React.createElement(GraphiQL, {{
      key: token.value, defaultQuery: {first_query}, shouldPersistHeaders: false,
      fetcher: (params, options) => follows(params, options) ? follow(params) : ask(params, options),
    }}),
    document.getElementById('editor'));
  token.addEventListener('change', () => {{
    sessionStorage.setItem('catalograph-token', token.value.trim());
    draw();
  }});
  draw();
</script>
</body>
</html>
"""

_SWAGGER_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Catalograph: REST</title>
<link rel="icon" type="image/png" href="/static/swagger/favicon-32x32.png">
<link rel="stylesheet" href="/static/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/static/swagger/swagger-ui-bundle.js"></script>
<script nonce="{nonce}">
  SwaggerUIBundle({{
    url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout', persistAuthorization: false,
  }});
</script>
</body>
</html>
"""


def graphiql(request: Request) -> Response:
    """The GraphiQL page."""
    return _page(_GRAPHIQL_PAGE, first_query=_script_text(_FIRST_QUERY))


def docs_routes(openapi: Callable[[], bytes], graphql_sdl: Callable[[], str]) -> list[BaseRoute]:
    """/docs, /openapi.json, /schema.graphql, /problems and the static files behind the pages."""

    async def swagger(request: Request) -> Response:
        return _page(_SWAGGER_PAGE)

    async def document(request: Request) -> Response:
        return Response(openapi(), 200, _SOON_OLD, "application/json")

    async def schema(request: Request) -> Response:
        return Response(graphql_sdl(), 200, _SOON_OLD, "text/plain")

    async def home(request: Request) -> Response:
        return RedirectResponse("/docs")

    return [
        Route("/", home, methods=["GET"]),
        Route("/docs", swagger, methods=["GET"]),
        Route("/openapi.json", document, methods=["GET"]),
        Route("/schema.graphql", schema, methods=["GET"]),
        Route("/problems", _problems, methods=["GET"]),
        Route("/problems/{code}", _problem, methods=["GET"]),
        Mount("/static/graphiql", StaticFiles(directory=_folder(_GRAPHIQL, "static", _GRAPHIQL))),
        Mount("/static/swagger", StaticFiles(directory=_folder(_SWAGGER, "static"))),
    ]


async def _problems(request: Request) -> Response:
    if _for_people(request):
        shown = [
            tag("section", tag("h2", f"{code} ({status})", id=code), tag("p", meaning))
            for code, (status, meaning) in table().items()
        ]
        return page("Error codes", *shown)
    return JSONResponse([_described(code) for code in table()], 200, _SOON_OLD)


async def _problem(request: Request) -> Response:
    code = request.path_params["code"]
    if code not in table():
        raise Problem("NOT_FOUND", f"no problem has the code {code!r}; /problems lists them")
    if _for_people(request):
        return RedirectResponse(f"/problems#{code}", 303)
    return JSONResponse(_described(code), 200, _SOON_OLD)


def _for_people(request: Request) -> bool:
    return preferred(request.headers.get("accept"), ("application/json", "text/html")) == "text/html"


def _described(code: str) -> dict[str, object]:
    status, meaning = table()[code]
    return {"type": f"/problems/{code}", "code": code, "status": status, "title": meaning}


def _folder(package: str, *parts: str) -> Path:
    """A folder of files inside an installed package, found without importing what the package imports."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None, f"{package} is not installed as files"
    return Path(spec.origin).parent.joinpath(*parts)


def _page(template: str, **values: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; "
        # The editors set style attributes of elements; style elements need the nonce like scripts do.
        f"style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
    }
    return HTMLResponse(template.format(nonce=html.escape(nonce), **values), headers=headers)


def _script_text(text: str) -> str:
    """A JavaScript string that can stand inside a script element."""
    escaped = text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${").replace("<", "\\x3c")
    return f"`{escaped}`"
