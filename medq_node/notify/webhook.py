"""A webhook: one POST of a JSON object over HTTP/1.1 (RFC 9110), success is any 2xx.

The path of its URL often holds a token, so that no error and no log line may show more of it than
the host. No redirect is followed: it could lead anywhere. No proxy is used.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from medq_node import __version__
from medq_node.errors import NoticeError
from medq_node.notify.message import Message
from medq_node.notify.peer import connect_only, why


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL in its parts; ``resource`` is path and query. ``timeout_s`` bounds each wait.

    With ``tls`` the certificate must be trusted by this machine and name ``host``.
    """

    tls: bool
    host: str
    port: int
    resource: str = field(repr=False)
    timeout_s: float

    def tell(self, message: Message) -> None:
        """POST it; see ``Target``."""
        body = json.dumps(message.as_json()).encode("ascii")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"MedQ-Node/{__version__}",
            "Connection": "close",
        }
        connection = self._connection()
        try:
            connection.request("POST", self.resource, body, headers)
            status = connection.getresponse().status
        except (OSError, UnicodeError) as error:
            raise NoticeError(f"{self} took no POST: {why(error)}") from error
        except HTTPException as error:
            # The library's own words may quote the URL or the answer.
            raise NoticeError(f"{self} answered no HTTP: {type(error).__name__}") from None
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise NoticeError(f"{self} answered {status}{_hint(status)}")

    def reach(self) -> float:
        """TCP only; see ``Target``."""
        return connect_only(self.host, self.port, self.timeout_s)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def _connection(self) -> HTTPConnection:
        if not self.tls:
            return HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        context = ssl.create_default_context()
        return HTTPSConnection(self.host, self.port, timeout=self.timeout_s, context=context)


def _hint(status: int) -> str:
    if 300 <= status < 400:
        return ": redirects aren't followed, so give the URL that it leads to"
    if status in (401, 403, 404, 410):
        return ": is the hook's URL still right?"
    return ""
