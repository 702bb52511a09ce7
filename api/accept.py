"""Content negotiation: which of the media types on offer an Accept header wants (RFC 9110 §12.5.1)."""

from collections.abc import Sequence


def preferred(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the header wants most; the first one when there is no header; None when none will do."""
    if not accept or not accept.strip():
        return offers[0]
    best: tuple[float, int, int] | None = None
    chosen: str | None = None
    for place, part in enumerate(accept.split(",")):
        name, _, parameters = part.strip().partition(";")
        quality = _quality(parameters)
        kind, _, subtype = name.strip().lower().partition("/")
        if quality <= 0:
            continue
        for offer in offers:
            offered, _, offered_subtype = offer.partition("/")
            if kind not in ("*", offered) or subtype not in ("*", offered_subtype):
                continue
            exactness = (kind != "*") + (subtype != "*")
            weight = (quality, exactness, -place)
            if best is None or weight > best:
                best, chosen = weight, offer
            break
    return chosen


def media_type(content_type: str | None) -> tuple[str, str]:
    """Media type and charset of a Content-Type header, in lower case; charset is utf-8 when not said."""
    name, *parameters = (content_type or "").split(";")
    charset = "utf-8"
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return name.strip().lower(), charset


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
