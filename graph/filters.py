"""What root lists can be filtered and ordered by."""

from typing import Any

from graph.scalars import DPID, ICPN, ISNI, ISRC, ISWC, GRid

# Entities whose artist credit names the parent.
CREDITED = (
    "{t}.artist_credit_id in (select n.artist_credit_id from artist_credit_name n where n.artist_id = {p}.id)"
)
_SCALARS: dict[str, Any] = {
    "isrc": ISRC,
    "iswc": ISWC,
    "upc": ICPN,
    "grid": GRid,
    "isni": ISNI,
    "licensee_dpid": DPID,
    "sender_dpid": DPID,
}


def natural(*columns: str) -> dict[str, tuple[Any, str]]:
    """Filters by columns that name things: one value or a list of them."""
    return {name: (_SCALARS.get(name, str), f"{{t}}.{name} = any({{v}})") for name in columns}


def orders(*columns: str) -> dict[str, tuple[str, str]]:
    """Orders of content: by id, by instant, and by the columns named, folded and never null."""
    return {
        "id": ("{t}.id", "uuid"),
        "created_at": ("{t}.created_at", "timestamptz"),
        "updated_at": ("{t}.updated_at", "timestamptz"),
        **{
            name: (
                f"catalog_fold({{t}}.{name})" if name in ("title", "name") else f"coalesce({{t}}.{name}, '')",
                "text",
            )
            for name in columns
        },
    }


def plain_orders(*instants: str) -> dict[str, tuple[str, str]]:
    """Orders of rows that are no content: by id and by instants."""
    return {"id": ("{t}.id", "uuid"), **{name: (f"{{t}}.{name}", "timestamptz") for name in instants}}
