"""Those who are told, for real: an HTTP server, a mail server, and certificates for both."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from medq_node.ports import free_port
from tests.conftest import require_program


@dataclass
class Hook:
    """A webhook's server. ``status`` is what it answers, ``location`` where a redirect leads."""

    port: int
    tls: bool = False
    status: int = 200
    location: str | None = None
    hangs: threading.Event = field(default_factory=threading.Event)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """With a path as secret as that of a chat server's hook."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/hooks/T0KEN-IN-PATH?key=T0KEN-IN-QUERY"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.posts]

    def settings(self, **more: Any) -> dict[str, Any]:
        """As it stands in a node's configuration."""
        return {"kind": "webhook", "url": self.url, **more}


@contextmanager
def running_hook(port: int | None = None, certificate: Certificate | None = None) -> Iterator[Hook]:
    """A server that takes POSTs on loopback, until the block ends."""
    hook = Hook(port or free_port(), tls=certificate is not None)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.raw.append(f"{self.requestline}\n{self.headers}".encode() + body)
            hook.posts.append((self.path, json.loads(body)))
            while hook.hangs.is_set() and not ended.wait(0.05):
                pass
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", hook.port), Handler)
    if certificate is not None:
        server.socket = certificate.context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hook
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """A mail server and what it took. ``refuses`` are recipients that it doesn't know."""

    port: int
    refuses: set[str] = field(default_factory=set)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found

    def settings(self, **more: Any) -> dict[str, Any]:
        """As it stands in a node's configuration."""
        return {
            "kind": "email",
            "host": "127.0.0.1",
            "port": self.port,
            "sender": "medq@hospital.example",
            "recipients": ["ct@hospital.example"],
            **more,
        }

    async def handle_RCPT(  # noqa: N802 - named after the SMTP command
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.envelopes.append(envelope)
        return "250 taken"

    def login(self, _server: SMTP, _session: Session, *rest: object) -> AuthResult:
        *_, data = rest
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"PASSW0RD", handled=False)


@contextmanager
def running_mail_server(
    certificate: Certificate | None = None, login: bool = False
) -> Iterator[Mailbox]:
    """An SMTP server on loopback, until the block ends; offers STARTTLS with a certificate."""
    box = Mailbox(free_port())
    options: dict[str, Any] = {"server_hostname": "mail.hospital.example"}
    if certificate is not None:
        options |= {"tls_context": certificate.context(), "require_starttls": True}
    if login:
        options |= {"authenticator": box.login, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificate(folder: Path, name: str = "IP:127.0.0.1") -> Certificate:
    """With OpenSSL; ``name`` is its Subject Alternative Name."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
         "-addext", f"subjectAltName={name}", "-keyout", made.key, "-out", made.certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made
