"""What a client may be registered with: exact redirect addresses (RFC 9700), and public keys (RFC 7517)."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from domain.inputs import Path
from domain.refusals import InputInvalid

MOST_REDIRECTS = 20
LONGEST_REDIRECT = 2_000
MOST_KEYS = 10
SHORTEST_RSA_BITS = 2_048
# Parameters of private and symmetric keys (RFC 7518 §6).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# What is kept of a public key.
_KEPT = frozenset({"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"})
LONGEST_VALUE = 2_000
_KINDS = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519",), "RSA": ()}
_PLAIN = re.compile(r"[!-~]+")


def redirect_uris_of(texts: Sequence[str], path: Path = ("redirect_uris",)) -> list[str]:
    """Redirect addresses that may be registered, as they are: they are compared letter by letter.

    Raises InputInvalid.
    """
    if len(texts) > MOST_REDIRECTS:
        raise InputInvalid(f"{len(texts)} redirect addresses were given; at most {MOST_REDIRECTS}", path=path)
    for place, text in enumerate(texts):
        if fault := _redirect_fault(text):
            raise InputInvalid(f"redirect address {text[:100]!r} {fault}", path=(*path, place))
    return list(dict.fromkeys(texts))


def _redirect_fault(text: str) -> str | None:
    """What is wrong with a redirect address (RFC 9700 §4.1, RFC 8252 §7.3)."""
    if len(text) > LONGEST_REDIRECT:
        return f"has {len(text)} characters; at most {LONGEST_REDIRECT}"
    if not _PLAIN.fullmatch(text):
        return "has characters that no address has; percent-encode them"
    if "*" in text:
        return "has a wildcard; give each address whole"
    if "#" in text:
        return "has a fragment, which an answer can't be put behind"
    if "\\" in text:
        return "has a backslash, which browsers read as a slash"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "can't be read as an address"
    if not host or parts.netloc.endswith(":"):
        return "names no host; https://app.example/callback would do"
    if "@" in parts.netloc:
        return "has a user name in it"
    if any(step in (".", "..") for step in parts.path.split("/")):
        return "has . or .. in its path"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return None
    return "is neither https nor http on this machine's own address (127.0.0.1, [::1], localhost)"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def jwks_of(given: Any, path: Path = ("jwks",)) -> dict[str, Any]:
    """A set of public keys that signatures of a client can be checked with. Raises InputInvalid."""
    keys = given.get("keys") if isinstance(given, Mapping) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise InputInvalid(
            f'jwks is not a set of keys; {{"keys": […]}} with 1 to {MOST_KEYS} public keys will do', path=path
        )
    for place, key in enumerate(keys):
        at: Path = (*path, "keys", place)
        if not isinstance(key, Mapping):
            raise InputInvalid("a key is no JSON object", path=at)
        if found := sorted(_PRIVATE & set(key)):
            raise InputInvalid(
                f"the key has {', '.join(found)}, which is private or secret; give its public half, and use "
                "another key: this one has been sent away",
                path=at,
            )
        for name in _KEPT & set(key):
            if not isinstance(key[name], str) or len(key[name]) > LONGEST_VALUE:
                raise InputInvalid(
                    f"the key's {name} is no text of at most {LONGEST_VALUE} characters", path=at
                )
        kind, curve = key.get("kty"), key.get("crv")
        if kind not in _KINDS:
            raise InputInvalid(f"the key's kty is {kind!r}; {', '.join(_KINDS)} will do", path=at)
        if _KINDS[kind] and curve not in _KINDS[kind]:
            raise InputInvalid(f"the key's crv is {curve!r}; {', '.join(_KINDS[kind])} will do", path=at)
        if key.get("use") not in (None, "sig"):
            raise InputInvalid(f"the key's use is {key['use']!r}; sig will do", path=at)
        if any(name.startswith("x5") for name in key):
            raise InputInvalid("the key carries certificates (x5…), which are not looked at", path=at)
    names = [key.get("kid") for key in keys]
    if len(keys) > 1 and (not all(isinstance(name, str) for name in names) or len(set(names)) < len(names)):
        raise InputInvalid("of several keys each needs a kid of its own", path=(*path, "keys"))
    kept = [{name: value for name, value in key.items() if name in _KEPT} for key in keys]
    _expect_readable(kept, path)
    return {"keys": kept}


def _expect_readable(keys: list[Any], path: Path) -> None:
    for place, key in enumerate(keys):
        at: Path = (*path, "keys", place)
        try:
            (read,) = KeySet.import_key_set({"keys": [dict(key)]}).keys
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputInvalid(f"the key can't be read: {type(error).__name__}", path=at) from None
        if isinstance(read, RSAKey) and read.public_key.key_size < SHORTEST_RSA_BITS:
            raise InputInvalid(
                f"the RSA key has {read.public_key.key_size} bits; at least {SHORTEST_RSA_BITS}", path=at
            )
