"""E-mail: one message over SMTP (RFC 5321), with STARTTLS (RFC 3207) and a login where set."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime

from medq_node.errors import NoticeError
from medq_node.notify.message import Message
from medq_node.notify.peer import connect_only, why


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server and who is written to. ``timeout_s`` bounds each wait.

    With ``starttls`` nothing is said in clear, and the certificate must be trusted by this machine
    and name ``host``. Without ``username`` nobody logs in.
    """

    host: str
    port: int
    starttls: bool
    username: str | None
    password: str | None = field(repr=False)
    sender: str
    recipients: tuple[str, ...]
    timeout_s: float

    def tell(self, message: Message) -> str | None:
        """Send it; see ``Target``."""
        mail = self._mail(message)
        try:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
            try:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.username is not None and self.password is not None:
                    server.login(self.username, self.password)
                refused = server.send_message(mail)
                # It has the message: what it says to a good-bye changes nothing.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
            finally:
                server.close()
        except smtplib.SMTPException as error:
            raise NoticeError(f"{self} {_said(error)}") from None
        except (OSError, UnicodeError) as error:
            raise NoticeError(f"{self} took no mail: {why(error)}") from error
        return f"{self} refused {len(refused)} of the recipients" if refused else None

    def reach(self) -> float:
        """TCP only; see ``Target``."""
        return connect_only(self.host, self.port, self.timeout_s)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def _mail(self, message: Message) -> EmailMessage:
        """The same Message-ID whenever it is sent again: mail programs can tell."""
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = format_datetime(message.noticed_at)
        mail["Message-ID"] = f"<{message.id}@{self.sender.rpartition('@')[2]}>"
        # RFC 3834: no out-of-office answers to this.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.text}\n", cte="7bit")
        return mail


def _said(error: smtplib.SMTPException) -> str:
    """What the server did, without its words: they may quote what was sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"refused the login ({error.smtp_code}): check username and password"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "refused every recipient"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"refused the sender ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "hung up"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "offers no STARTTLS, or no login that we know"
    return f"took no mail: {type(error).__name__}"
