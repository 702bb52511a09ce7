"""Mail by SMTP (RFC 5321): one connection for each message, within a time."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from domain.adapters.outside import FAULTS, Outside
from domain.notices.outlets import Mail, NeverSent, NotSent
from domain.ports import OutsideAway
from domain.row import utc_now

_FAULTS = (*FAULTS, aiosmtplib.SMTPException)
PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class SmtpServer:
    """A server that takes mail. security: starttls, tls or none; port 0: the usual one of it."""

    host: str
    sender: str
    port: int = 0
    security: str = "starttls"
    user: str = ""
    password: str = ""
    patience_s: float = 20.0


class SmtpMailer:
    """Hands each message to the server. A server that is told to encrypt and can't gets nothing."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._outside = Outside("the mail server", server.patience_s, faults=_FAULTS)

    async def send(self, mail: Mail) -> None:
        """Return when the server has taken it. Raises NotSent, NeverSent."""
        message = message_of(mail, self._server.sender)
        try:
            await self._outside.call(lambda: self._hand_over(message, mail.to))
        except OutsideAway as away:
            # Tenants read this: where the server is stands in the log.
            raise NotSent("the mail server can't be reached at the moment") from away

    async def _hand_over(self, message: EmailMessage, to: str) -> None:
        """One conversation; what the server said in it is an answer, whatever it was."""
        server = self._server
        try:
            await aiosmtplib.send(
                message,
                sender=_bare(server.sender),
                recipients=[to],
                hostname=server.host,
                port=server.port or PORTS[server.security],
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                username=server.user or None,
                password=server.password or None,
                timeout=server.patience_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0].code, error.recipients[0].message) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotSent(f"the mail server did not let us in: {error.code}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _verdict(error.code, error.message) from error


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The message as it goes out. Raises NeverSent where a header would hold more than one line."""
    for name, value in (("to", mail.to), ("subject", mail.subject), ("from", sender), ("id", mail.id)):
        if any(not c.isprintable() for c in value):
            raise NeverSent(f"the mail's {name} has a line end or another control character in it")
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = f"<{mail.id}@{_bare(sender).rpartition('@')[2]}>"
    # RFC 3834 §5: nobody's absence note answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _bare(address: str) -> str:
    return address.rpartition("<")[2].rstrip("> ")


def _verdict(code: int, text: str) -> Exception:
    said = f"the mail server answered {code} {' '.join(str(text).split())}"[:300]
    return NeverSent(said) if 500 <= code < 600 else NotSent(said)
