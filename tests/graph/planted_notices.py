"""The planted notices and alerts: channels, what was told, what became of it, what was out of bounds."""

from tests.factories import EMOJI, LINES, OURS, QUOTES, THEIRS, Planter, instant


async def notices(planter: Planter) -> None:
    """A full and a bare row of each kind for ours, one of each for theirs."""
    for name, owner, full in (("full", OURS, True), ("bare", OURS, False), ("theirs", THEIRS, True)):
        at = {"created_at": instant(6)}
        channel = await planter.plant(
            "notice_channel",
            f"notice channel {name}",
            owner,
            kind="webhook" if full else "email",
            address=f"https://hooks.example/{name}" if full else "a@b.example",
            **at,
            **({"secret_sealed": b"sealed", "disabled_at": instant(9), "created_by": QUOTES} if full else {}),
        )
        notice = await planter.plant(
            "notice",
            f"notice {name}",
            owner,
            kind="notice.test",
            subject=EMOJI if full else "bare",
            text=LINES if full else "",
            data={"words": [QUOTES]} if full else {},
            unique_key=f"key {name}",
            channels=2 if full else 0,
            **at,
        )
        if not full:
            continue
        for place, (state, there) in enumerate((("sent", channel), ("refused", None))):
            more = {"sent_at": instant(7)} if state == "sent" else {"error": QUOTES}
            await planter.plant(
                "notice_delivery",
                f"notice delivery {name} {place}",
                owner,
                notice_id=notice,
                channel_id=there,
                kind="webhook",
                state=state,
                **at,
                **more,
            )


async def alerts(planter: Planter) -> None:
    """Alerts: one that fires, one that is over, one that only threatens, and one of theirs."""
    times = {"fired_at": instant(7), "calm_since": instant(8)}
    for name, owner, state, more in (
        ("firing", OURS, "firing", times),
        ("over", OURS, "cleared", {**times, "cleared_at": instant(9)}),
        ("pending", OURS, "pending", {}),
        ("theirs", THEIRS, "firing", times),
    ):
        given = {"value": 0.1, "threshold": 1e-7, "since": instant(6), **more}
        await planter.plant("alert", f"alert {name}", owner, rule=f"rule {name}", state=state, **given)
