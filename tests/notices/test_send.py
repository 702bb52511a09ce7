"""Notices reach a real mail server and a real web server, once each, or it is said why not."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.access.addresses import is_public
from domain.adapters import webhooks
from domain.adapters.mail import SmtpMailer, SmtpServer, message_of
from domain.adapters.webhooks import WebhookPoster
from domain.notices.outlets import Mail, NeverSent, NotSent, Outlets
from domain.refusals import InputInvalid, Refusal
from tests.notices.conftest import SEALER, Told, house_of
from tests.notices.receivers import web_server
from tests.ports import free_port


async def test_a_notice_goes_to_every_channel_once(told: Told) -> None:
    _, secret = await told.channel("webhook", told.web.url)
    await told.channel("email", "ops@label.example")
    first = await told.tell("one", "Häuser\r\nBcc: x@y.example", "Line\n.\nand ünicode")
    again = await told.tell("one", "other words")
    assert (first.known, first.channels) == (False, 2)
    assert (again.known, again.channels, again.id) == (True, 2, first.id)
    assert await told.run() == ["done", "done"]
    assert await told.run() == []
    (mail,) = told.mail.mails
    assert mail["subject"] == "Häuser Bcc: x@y.example"
    assert mail["bcc"] is None
    assert (mail["from"], mail["to"], mail["x-to"]) == (
        "catalog@house.example",
        "ops@label.example",
        "ops@label.example",
    )
    assert mail["auto-submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == "Line\n.\nand ünicode\n"
    ((headers, body),) = told.web.calls
    said = json.loads(body)
    assert said["type"] == "notice.test"
    assert said["data"] == {"subject": "Häuser Bcc: x@y.example", "text": "Line\n.\nand ünicode", "n": 1}
    assert headers["webhook-id"] == str(first.id)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{first.id}.{headers['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{made}"
    assert [state for _, state, _ in await told.deliveries()] == ["sent", "sent"]


async def test_a_notice_is_taken_back_with_its_transaction(told: Told) -> None:
    await told.channel("webhook", told.web.url)
    with pytest.raises(RuntimeError):
        await _tell_and_fail(told)
    assert await told.run() == []
    assert await told.deliveries() == []


async def _tell_and_fail(told: Told) -> None:
    async with told.pool.acquire() as sql, sql.transaction():
        from domain.notices.notify import notify

        await notify(sql, told.viewer.organization_id, "notice.test", "s", "t", {}, "gone")
        raise RuntimeError("the command failed")


@pytest.mark.parametrize(
    ("kind", "fault", "said"),
    [
        ("email", "451", "answered 451"),
        ("email", "hang", "broke off|can't be reached"),
        ("email", "cut", "broke off|can't be reached"),
        ("webhook", "503", "answered 503"),
        ("webhook", "429", "answered 429"),
        ("webhook", "hang", "no answer within 1 s|ReadTimeout"),
        ("webhook", "cut", "can't be reached"),
    ],
)
async def test_what_may_pass_is_tried_again(told: Told, kind: str, fault: str, said: str) -> None:
    import re

    await told.channel(kind, "ops@label.example" if kind == "email" else told.web.url)
    (told.mail if kind == "email" else told.web).faults.append(fault)
    await told.tell()
    assert await told.run() == ["queued"]
    ((_, state, error),) = await told.deliveries()
    assert state == "waiting"
    assert error is not None
    assert re.search(said, error), error
    assert await told.run(again=True) == ["done"]
    assert await told.deliveries() == [(kind, "sent", None)]


async def test_who_asks_to_be_left_alone_is_and_it_costs_no_try(told: Told) -> None:
    await told.channel("webhook", told.web.url)
    told.web.faults += ["429 retry-after: 1800", "503 retry-after: 99999", "503 retry-after: soon"]
    await told.tell()
    waited = "select extract(epoch from run_at - clock_timestamp())::int as s, attempts, error_code from job"
    for least, most in ((1790, 2710), (3590, 5410)):
        assert await told.run(again=True) == ["queued"]
        (row,) = await told.pool.fetch(f"{waited} where owner_id = $1", told.viewer.organization_id)
        assert least <= row["s"] <= most, "as long as was asked, an hour at most, and a half by chance"
        assert (row["attempts"], row["error_code"]) == (0, "away")
        ((_, state, error),) = await told.deliveries()
        assert (state, "answered" in (error or "")) == ("waiting", True)
    assert await told.run(again=True) == ["queued"]
    (row,) = await told.pool.fetch(f"{waited} where owner_id = $1", told.viewer.organization_id)
    assert (row["attempts"], row["error_code"]) == (1, "fault"), "what says no time is a failure"
    assert await told.run(again=True) == ["done"]
    assert len(told.web.calls) == 4


@pytest.mark.parametrize("kind", ["email", "webhook"])
async def test_what_fails_three_times_is_a_dead_letter_that_can_be_begun_anew(told: Told, kind: str) -> None:
    await told.channel(kind, "ops@label.example" if kind == "email" else told.web.url)
    (told.mail if kind == "email" else told.web).faults.extend(["451" if kind == "email" else "500"] * 3)
    await told.tell()
    assert [await told.run(again=True) for _ in range(3)] == [["queued"], ["queued"], ["dead"]]
    ((_, state, error),) = await told.deliveries()
    assert state == "failed"
    assert error is not None
    assert ("451" if kind == "email" else "500") in error
    job = await told.pool.fetchval(
        "select id from job where owner_id = $1 and state = 'dead'", told.viewer.organization_id
    )
    await told.do("retry_job", job_id=str(job))
    assert await told.run() == ["done"]
    assert await told.deliveries() == [(kind, "sent", None)]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("email", "550"), ("email", "nobody"), ("webhook", "410"), ("webhook", "302 http://127.0.0.1:1/")],
)
async def test_what_the_other_side_will_not_have_is_not_tried_again(
    told: Told, kind: str, fault: str
) -> None:
    address = {"nobody": "nobody@label.example"}.get(fault, "ops@label.example")
    await told.channel(kind, address if kind == "email" else told.web.url)
    if fault != "nobody":
        (told.mail if kind == "email" else told.web).faults.append(fault)
    await told.tell()
    assert await told.run() == ["failed"]
    ((_, state, error),) = await told.deliveries()
    assert state == "refused"
    assert error is not None
    assert (told.mail.tried if kind == "email" else len(told.web.calls)) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_to_a_server_that_listens(told: Told, status: int) -> None:
    await told.channel("webhook", told.web.url)
    async with web_server() as inside:
        told.web.faults.append(f"{status} {inside.url}")
        await told.tell()
        assert await told.run() == ["failed"]
        assert (len(told.web.calls), inside.calls, inside.connections) == (1, [], 0)
    assert (await told.deliveries())[0][1] == "refused"


async def test_one_channel_that_is_away_keeps_no_other_waiting(told: Told) -> None:
    await told.channel("webhook", told.web.url)
    await told.channel("email", "ops@label.example")
    told.web.faults.append("503")
    await told.tell()
    assert sorted(await told.run()) == ["done", "queued"]
    assert len(told.mail.mails) == 1
    assert await told.run(again=True) == ["done"]
    assert len(told.mail.mails) == 1


async def test_of_an_endless_answer_little_is_read(told: Told) -> None:
    await told.channel("webhook", told.web.url)
    told.web.faults.append("flood")
    await told.tell()
    assert await told.run() == ["done"]
    assert told.web.sent < 32 << 20


async def test_what_is_not_set_up_is_said(told: Told, tmp_path: Path) -> None:
    nowhere = await told.tell()
    assert nowhere.channels == 0
    told.house = house_of(told.pool, tmp_path, Outlets(sealer=SEALER))
    await told.channel("email", "ops@label.example")
    await told.channel("webhook", told.web.url)
    await told.tell()
    assert await told.run() == ["done", "done"]
    (mail, webhook) = await told.deliveries()
    assert mail[:2] == ("email", "unset")
    assert "CATALOGRAPH_SMTP_HOST" in (mail[2] or "")
    assert webhook[:2] == ("webhook", "unset")


async def test_a_server_that_can_not_encrypt_gets_nothing(told: Told) -> None:
    server = SmtpServer("127.0.0.1", "catalog@house.example", told.mail.port, "starttls", patience_s=1)
    with pytest.raises((NotSent, NeverSent)):
        await SmtpMailer(server).send(Mail("1", "ops@label.example", "s", "t"))
    assert told.mail.tried == 0


async def test_nobody_listening_is_tried_again(told: Told) -> None:
    port = free_port()
    with pytest.raises(NotSent, match=r"can't be reached|broke off"):
        await SmtpMailer(SmtpServer("127.0.0.1", "a@b.example", port, "none", patience_s=1)).send(
            Mail("1", "ops@label.example", "s", "t")
        )
    async with WebhookPoster(private=True, patience_s=1) as poster:
        with pytest.raises(NotSent, match="can't be reached"):
            await poster.post(f"http://127.0.0.1:{port}/", {}, b"{}")


@pytest.mark.parametrize(
    "given",
    [
        {"to": "a@b.example\r\nBcc: c@d.example"},
        {"subject": "a\nb"},
        {"subject": "a\rb"},
        {"subject": "a\0b"},
        {"id": "1>\r\nX: y"},
        {"sender": "a@b.example\r\nX: y"},
    ],
)
def test_a_header_takes_no_second_line(given: dict[str, str]) -> None:
    usual = {"id": "1", "to": "a@b.example", "subject": "s", "sender": "c@d.example"} | given
    sender = usual.pop("sender")
    with pytest.raises(NeverSent, match="control character"):
        message_of(Mail(text="t", **usual), sender)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
    ],
)
async def test_no_address_of_our_own_network_is_posted_to(address: str) -> None:
    given = ipaddress.ip_address(address)
    assert not is_public(given)
    host = f"[{address}]" if given.version == 6 else address
    async with WebhookPoster(patience_s=1) as poster:
        with pytest.raises(NeverSent, match="no public address"):
            await poster.post(f"https://{host}/", {}, b"{}")


def test_public_addresses_are_public() -> None:
    for address in ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"):
        assert is_public(ipaddress.ip_address(address))


async def test_a_name_is_resolved_once_and_the_answer_is_held_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads outside when it is judged and inside when it is used (DNS rebinding)."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    original = loop.getaddrinfo

    async def answer(host: Any, port: Any, **more: Any) -> Any:
        if host == "rebind.example":
            asked.append(host)
            address = "1.1.1.1" if len(asked) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        asked.append(str(host))
        return await original(host, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", answer, raising=False)
    poster = WebhookPoster(patience_s=1)
    assert str(await poster._resolve("rebind.example", 443)) == "1.1.1.1"
    with pytest.raises(NeverSent, match=r"127\.0\.0\.1"):
        await poster.post("https://rebind.example/", {}, b"{}")
    assert asked == ["rebind.example", "rebind.example"]


async def test_a_name_that_moves_inside_reaches_nobody_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Live: two servers on one port, of which the first counts as outside; TLS is judged by the name."""
    name, offers = "rebind.example", ["127.0.0.1"]
    served, trusted = certificate(name, tmp_path)
    monkeypatch.setattr(webhooks, "is_public", lambda address: str(address) == "127.0.0.1")
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(web_server(served))
        inside = await stack.enter_async_context(web_server(served, "127.0.0.2", outside.port))
        loop = asyncio.get_running_loop()
        asked: list[str] = []

        async def answer(host: Any, port: Any, **more: Any) -> Any:
            if host != name:  # an address that was judged, on its way to the socket
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
            asked.append(host)
            found = list(offers)
            offers[:] = ["127.0.0.2"]  # whoever asks once more is led inside
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

        monkeypatch.setattr(loop, "getaddrinfo", answer, raising=False)
        poster = await stack.enter_async_context(WebhookPoster(patience_s=5))
        poster._http = httpx2.AsyncClient(verify=trusted, trust_env=False, follow_redirects=False)
        url = f"https://{name}:{outside.port}/hook"
        await poster.post(url, {}, b"{}")
        ((headers, body),) = outside.calls
        assert (headers["host"], body, asked) == (f"{name}:{outside.port}", b"{}", [name])
        for offered in (["127.0.0.2"], ["127.0.0.1", "127.0.0.2"]):
            offers[:] = offered
            with pytest.raises(NeverSent, match=r"127\.0\.0\.2"):
                await poster.post(url, {}, b"{}")
        assert (len(outside.calls), outside.connections, inside.connections) == (1, 1, 0)


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side and a client's side of a certificate for a name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    serves = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serves.load_cert_chain(pem)
    return serves, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "https://", "https:///x"),
        *("https://user:pass@hooks.example/", "https://hooks.example/#x", "https://hooks.example:0/"),
        *("https://hooks.example/\r\nX: y", "gopher://x", "https://[::1", "https://hööks.example/"),
    ],
)
async def test_an_address_is_https_and_nothing_else(url: str) -> None:
    async with WebhookPoster(patience_s=1) as poster:
        with pytest.raises(NeverSent):
            await poster.post(url, {}, b"{}")


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        *(("email", bad) for bad in ("x", "a@b\r\nBcc: c@d", "a b@c.example", "a@", "@b", "a@b..c", "")),
        *(("webhook", bad) for bad in ("x", "ftp://h/", "https://", "https://h/\n", "https://u@h/")),
        ("pigeon", "a@b.example"),
    ],
)
async def test_what_is_no_address_makes_no_channel(told: Told, kind: str, address: str) -> None:
    with pytest.raises(InputInvalid):
        await told.channel(kind, address)


async def test_channels_are_known_counted_switched_tried_and_deleted(told: Told) -> None:
    id, _ = await told.channel("email", "ops@label.example")
    with pytest.raises(Refusal) as known:
        await told.channel("email", "ops@label.example")
    assert known.value.code == "notice_channel_known"
    await told.do("edit_notice_channel", id=id, disabled=True)
    assert (await told.tell()).channels == 0
    await told.do("test_notice_channel", id=id)
    assert await told.run() == ["done"]
    assert told.mail.mails[0]["subject"] == "A trial notice"
    await told.do("edit_notice_channel", id=id, disabled=False)
    await told.tell()
    await told.do("delete_notice_channel", id=id)
    assert await told.run() == ["done"]
    assert len(told.mail.mails) == 1
    assert (await told.deliveries())[-1] == ("email", "refused", "the channel was deleted")
    for number in range(20):
        await told.channel("email", f"ops{number}@label.example")
    with pytest.raises(Refusal) as full:
        await told.channel("email", "one.more@label.example")
    assert full.value.code == "notice_channels_full"


async def test_nobody_else_reaches_a_channel(told: Told, pool: Any) -> None:
    id, _ = await told.channel("email", "ops@label.example")
    import dataclasses

    other = await pool.fetchval("insert into organization (name, slug) values ('o', $1) returning id", id)
    told.viewer = dataclasses.replace(told.viewer, organization_id=other)
    for name, more in (
        ("edit_notice_channel", {"disabled": True}),
        ("delete_notice_channel", {}),
        ("test_notice_channel", {}),
    ):
        with pytest.raises(Refusal) as refused:
            await told.do(name, id=id, **more)
        assert refused.value.code == "not_found"


async def test_a_secret_of_another_key_is_said_and_not_tried_again(told: Told, tmp_path: Path) -> None:
    from api.sealing import AnswerSealer

    await told.channel("webhook", told.web.url)
    assert told.house.outlets.poster is not None
    other = Outlets(None, told.house.outlets.poster, AnswerSealer(b"another key" * 4))
    told.house = house_of(told.pool, tmp_path, other)
    await told.tell()
    assert await told.run() == ["failed"]
    assert (await told.deliveries())[0][1] == "refused"
    assert told.web.calls == []
