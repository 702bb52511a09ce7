"""The planted callbacks: partners, what they said, and where releases stand with them."""

from tests.factories import EMOJI, OURS, QUOTES, THEIRS, Planter, instant


async def callbacks(planter: Planter) -> None:
    """A full and a bare row of each kind for ours, one of each for theirs."""
    for name, owner, full in (("full", OURS, True), ("bare", OURS, False), ("theirs", THEIRS, True)):
        at = {"created_at": instant(6)}
        more = {
            "previous_secret_sealed": b"sealed",
            "previous_secret_until": instant(9),
            "refused": 3,
            "last_refusal": "callback_unsigned",
            "last_refused_at": instant(8),
            "disabled_at": instant(9),
            "created_by": "user:tests",
        }
        partner = await planter.plant(
            "callback_partner",
            f"callback partner {name}",
            owner,
            name=f"{name} {EMOJI}",
            slug=f"slug-{name}",
            mapping={"word_path": "type", "delivered": [QUOTES]},
            secret_sealed=b"sealed",
            **at,
            **(more if full else {}),
        )
        distribution = await planter.plant(
            "distribution",
            f"distribution {name}",
            owner,
            partner_id=partner,
            subject=f"partner:{name}",
            release_id=planter.next_id() if full else None,
            reference_scheme="partner",
            reference=QUOTES,
            state="taken_down",
            state_at=instant(7),
            updated_at=instant(8),
            **at,
        )
        read = {
            "state": "applied",
            "word": QUOTES,
            "meaning": "delivered",
            "error": EMOJI,
            "distribution_id": distribution,
            "occurred_at": instant(6),
            "settled_at": instant(8),
            "is_test": True,
        }
        for place, values in enumerate((read, {**read, "occurred_at": instant(5)}) if full else ({},)):
            await planter.plant(
                "callback_event",
                f"callback event {name} {place}",
                owner,
                partner_id=partner,
                event_id=f"e-{place}",
                body=f'{{"type": "{EMOJI}"}}'.encode(),
                body_sha256="ab" * 32,
                size_bytes=20,
                sent_at=instant(7),
                received_at=instant(7),
                **values,
            )
