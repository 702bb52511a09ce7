"""The outside OpenID provider: Authlib's client over an HTTP client that follows nothing and reads little."""

import asyncio
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import orjson
from authlib.common.security import generate_token
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from joserfc.errors import JoseError

from api.settings import Settings, is_loopback
from domain.ports import Dependency, OutsideAway, TryLater

SCOPES = "openid email profile"
# Signatures that only the provider can make; what a shared secret or nobody signed is no proof.
_ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
_AGAIN_S = 5.0
_LARGEST = 256 << 10
_METADATA_LIVES_S = 3600.0
_LEEWAY_S = 60
_ERROR = re.compile(r"[a-z_]{1,60}")
_LONGEST_SUBJECT = 255


class ProviderFault(Exception):
    """The provider can't be asked at the moment, or does not answer as OpenID providers do.

    retry_after_s: when it is worth while to try again.
    """

    def __init__(self, text: str, retry_after_s: float = _AGAIN_S) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class ProviderRefused(Exception):
    """What came back does not prove who somebody is; the text says why, without anything secret."""


@dataclass(frozen=True)
class Begun:
    """One log-in that was begun: where to lead the browser, and what the answer must fit."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Outside:
    """Who somebody is at the provider. email: only where the provider says it is verified."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


class Provider:
    """The provider that the settings name. away: ends waiting for it, and leaves it alone when it fails."""

    def __init__(self, settings: Settings, away: Dependency) -> None:
        self.issuer = settings.oidc_issuer
        self.name = settings.oidc_name or urlsplit(self.issuer).netloc
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret.get_secret_value()
        self._redirect_uri = f"{settings.issuer}/auth/oidc/callback"
        self._metadata: dict[str, Any] = {}
        self._known_until = 0.0
        self._loading: asyncio.Task[dict[str, Any]] | None = None
        # Made once: loading the certificates takes a tenth of a second. Proxies of the environment lead
        # outside; a provider on this machine is not asked through them. `away` alone ends the waiting.
        client = httpx2.AsyncClient(
            timeout=None, follow_redirects=False, trust_env=not is_loopback(self.issuer)
        )
        self._http = _Http(client, away)

    async def __aenter__(self) -> "Provider":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._loading:
            self._loading.cancel()
        await self._http.close()

    async def begin(self) -> Begun:
        """Where to send the browser to log in. Raises ProviderFault."""
        metadata = await self._load()
        verifier, nonce = generate_token(64), generate_token(32)
        url, state = self._client(metadata).create_authorization_url(
            metadata["authorization_endpoint"],
            state=generate_token(32),
            code_verifier=verifier,
            nonce=nonce,
        )
        return Begun(url, state, nonce, verifier)

    async def finish(self, query: str, begun: Begun) -> Outside:
        """Who the provider says it is, from the query that it sent the browser back with.

        Raises ProviderRefused, ProviderFault.
        """
        given = _parameters(query)
        if not hmac.compare_digest(given.get("state", "").encode(), begun.state.encode()):
            raise ProviderRefused("the answer does not belong to a log-in begun in this browser")
        metadata = await self._load()
        # RFC 9207: an answer of another provider is not taken for this one's.
        named = given.get("iss")
        must = metadata.get("authorization_response_iss_parameter_supported") is True
        if named != self.issuer and (named is not None or must):
            raise ProviderRefused("the answer is of another provider")
        if "error" in given:
            error = given["error"] if _ERROR.fullmatch(given["error"]) else "an error"
            raise ProviderRefused(f"{self.name} answered {error}")
        if not given.get("code"):
            raise ProviderRefused("the answer has no code")
        try:
            token = await self._client(metadata).fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=given["code"],
                code_verifier=begun.verifier,
            )
        except OAuth2Error as error:
            told = error.error if error.error and _ERROR.fullmatch(error.error) else "an error"
            raise ProviderRefused(f"{self.name} did not take the code: {told}") from None
        except ValueError:
            raise ProviderFault("the token endpoint's answer is no token") from None
        return await self._identity(metadata, token, begun.nonce)

    async def _identity(self, metadata: dict[str, Any], token: Mapping[str, Any], nonce: str) -> Outside:
        if not isinstance(token.get("id_token"), str):
            raise ProviderRefused("the provider gave no ID token")
        checked = _IdTokens(self._http, metadata, self._client_id)
        expected = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client_id},
            "sub": {"essential": True},
        }
        try:
            claims = await checked.parse_id_token(token, nonce, claims_options=expected, leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProviderRefused(f"the ID token can't be accepted ({type(error).__name__})") from None
        if claims.get("nonce") != nonce or claims["iss"] != self.issuer:
            raise ProviderRefused("the ID token is of another log-in")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise ProviderRefused("the ID token names nobody")
        told: Mapping[str, Any] = claims
        if "email" not in claims and metadata.get("userinfo_endpoint") and token.get("access_token"):
            told = await self._http.json(
                "GET",
                self._endpoint(metadata, "userinfo_endpoint"),
                headers={"Authorization": f"Bearer {token['access_token']}"},
            )
            if told.get("sub") != subject:
                raise ProviderRefused("the provider's user info is of somebody else")
        email, name = told.get("email"), told.get("name")
        verified = told.get("email_verified") is True and isinstance(email, str)
        return Outside(
            self.issuer, subject, email if verified else None, name if isinstance(name, str) else None
        )

    async def _load(self) -> dict[str, Any]:
        """The provider's metadata (OpenID Connect Discovery §4), read once an hour for all who wait."""
        if time.monotonic() < self._known_until:
            return self._metadata
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._read())
            # Whoever asked may be gone by the time that it fails.
            self._loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._loading)

    async def _read(self) -> dict[str, Any]:
        found = await self._http.json("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise ProviderFault("its metadata names another issuer than CATALOGRAPH_OIDC_ISSUER")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._endpoint(found, name)
        supported = found.get("id_token_signing_alg_values_supported") or ["RS256"]
        found["id_token_signing_alg_values_supported"] = [one for one in _ALGORITHMS if one in supported]
        if not found["id_token_signing_alg_values_supported"]:
            raise ProviderFault("it signs ID tokens in no way that is accepted here")
        self._metadata, self._known_until = found, time.monotonic() + _METADATA_LIVES_S
        return found

    def _endpoint(self, metadata: Mapping[str, Any], name: str) -> str:
        url = metadata.get(name)
        if not isinstance(url, str) or not (
            url.startswith("https://") or (is_loopback(self.issuer) and is_loopback(url))
        ):
            raise ProviderFault(f"its metadata has no {name} that can be trusted")
        return url

    def _client(self, metadata: Mapping[str, Any]) -> "_Client":
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in methods or "client_secret_post" not in methods
        secret_method = "client_secret_basic" if basic else "client_secret_post"
        return _Client(
            self._http,
            self._client_id,
            self._client_secret or None,
            token_endpoint_auth_method=secret_method if self._client_secret else "none",
            scope=SCOPES,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )


class _Http:
    """JSON over HTTP, with an end to waiting and to reading. Raises ProviderFault.

    What only reads is tried again; a code can be redeemed once.
    """

    def __init__(self, client: httpx2.AsyncClient, away: Dependency) -> None:
        self._client = client
        self._away = away

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """The JSON object that a successful answer holds."""
        status, body = await self.ask(method, url, **more)
        if status != 200:
            raise ProviderFault(f"{urlsplit(url).path} answered {status}")
        return _object(body, url)

    async def ask(self, method: str, url: str, **more: Any) -> tuple[int, bytes]:
        """Status and body of an answer that is the provider's, whatever it says."""
        try:
            return await self._away.call(lambda: self._ask(method, url, **more), repeat=method == "GET")
        except OutsideAway as away:
            raise ProviderFault(f"it can't be reached ({away.reason})", away.retry_after_s) from None
        except httpx2.InvalidURL as error:
            raise ProviderFault(f"it can't be reached ({type(error).__name__})") from None

    async def _ask(self, method: str, url: str, **more: Any) -> tuple[int, bytes]:
        path = urlsplit(url).path
        try:
            async with self._client.stream(method, url, **more) as answer:
                if answer.status_code >= 500 or answer.status_code == 429:
                    later = answer.headers.get("retry-after")
                    raise TryLater.by_header(f"{path} answered {answer.status_code}", later)
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _LARGEST:
                        raise ProviderFault(f"{path} answered more than {_LARGEST} bytes")
                return answer.status_code, body
        except httpx2.HTTPError as error:
            raise ConnectionError(type(error).__name__) from None


class _Client(OAuth2Client):  # type: ignore[misc]
    """Authlib's OAuth 2 client, whose token request goes over our HTTP client."""

    async def _fetch_token(
        self, url: str, body: str = "", headers: Any = None, auth: Any = None, method: str = "POST"
    ) -> Any:
        url, sent, body = auth.prepare(method, url, dict(headers), body)
        status, content = await self.session.ask(method, url, content=body.encode(), headers=sent)
        return self.parse_response_token(_Answer(status, content, url))


@dataclass(frozen=True)
class _Answer:
    """As much of a response as Authlib looks at."""

    status_code: int
    content: bytes
    url: str

    def json(self) -> dict[str, Any]:
        return _object(self.content, self.url)

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise ProviderFault(f"{urlsplit(self.url).path} answered {self.status_code}")


class _IdTokens(AsyncOpenIDMixin):  # type: ignore[misc]
    """Authlib's check of ID tokens, with keys fetched over our HTTP client."""

    def __init__(self, http: _Http, metadata: dict[str, Any], client_id: str) -> None:
        self.client_id = client_id
        self.server_metadata = metadata
        self._own_http = http

    async def load_server_metadata(self) -> dict[str, Any]:
        """What discovery gave; keys that were fetched are kept in it."""
        return self.server_metadata

    async def fetch_jwk_set(self, force: bool = False) -> Any:
        """The provider's public keys."""
        if force or "jwks" not in self.server_metadata:
            found = await self._own_http.json("GET", self.server_metadata["jwks_uri"])
            keys = [key for key in found.get("keys", []) if isinstance(key, dict) and key.get("kty") != "oct"]
            self.server_metadata["jwks"] = {"keys": keys}
        return self.server_metadata["jwks"]


def _object(body: bytes, url: str) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ProviderFault(f"{urlsplit(url).path} answered something else than a JSON object")
    return found


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise ProviderRefused("the answer can't be read") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise ProviderRefused("the answer says something twice")
    return dict(pairs)
