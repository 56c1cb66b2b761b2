"""The listening side: one process of the receiver, from its first connection to its last.

Several processes may run ``serve`` with the same settings: the kernel deals new connections out
among those that listen (SO_REUSEPORT).
"""

from __future__ import annotations

import errno
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.transport import ThreadedAssociationServer

from medq_node.errors import ConfigError, SpoolError
from medq_node.provenance import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from medq_node.receiver import access, direct
from medq_node.receiver.buffered_socket import tune
from medq_node.receiver.contexts import supported_contexts
from medq_node.receiver.file_meta import Peer
from medq_node.receiver.messages import Status, StoreRequest
from medq_node.receiver.settings import ReceiverSettings
from medq_node.receiver.spool import Spool
from medq_node.receiver.storing import ObjectStore

log = structlog.get_logger("receiver")

_POLL_S = 0.2
_ABORT_GRACE_S = 5.0


class SharedPortServer(ThreadedAssociationServer):
    """pynetdicom's server on a port that other receiver processes may share."""

    request_queue_size = 128
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, sharing the port with processes of the same user that share it too."""
        listening = cast(socket.socket, self.socket)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()
        # The peer may have given up between select and accept.
        listening.settimeout(1.0)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; answers leave at once (no Nagle), sends don't hang for ever."""
        connection, address = super().get_request()
        tune(connection, self.ae.network_timeout)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401
        """Whether to take a connection: silent ones cost threads until the ACSE timeout.

        pynetdicom counts associations only when they are asked for.
        """
        return len(self.active_associations) < 2 * self.ae.maximum_associations + 16

    def stop_accepting(self) -> None:
        """Close the port; associations go on."""
        # BaseServer.shutdown ends serve_forever; pynetdicom's own also wants to be in a list of
        # the AE's that ``make_server`` doesn't fill.
        socketserver.BaseServer.shutdown(self)
        self.server_close()


def serve(
    settings: ReceiverSettings,
    stop: threading.Event,
    ready: Callable[[], None] | None = None,
) -> None:
    """Receive until ``stop`` is set, let running associations finish, then return.

    ``ready`` is called once the port is open.

    Raises:
        ConfigError: the port or the data folder can't be had.
        SpoolError: the server died.
    """
    # pynetdicom's own handlers print whole messages, patient names among them.
    _config.LOG_HANDLER_LEVEL = "none"
    spool = Spool(settings.spool, settings.minimum_free_bytes)
    try:
        server = _open_server(settings, spool)
    except ConfigError:
        spool.close()
        raise
    acceptor = threading.Thread(
        target=server.serve_forever, args=(_POLL_S,), name="receiver", daemon=True
    )
    acceptor.start()
    log.info("listening", ae_title=settings.ae_title, port=server.server_address[1])
    if ready is not None:
        ready()
    while not stop.wait(1.0):
        if not acceptor.is_alive():
            raise SpoolError("the receiver's server stopped by itself: see the log")
    server.stop_accepting()
    if _drain(server, settings.drain_timeout_s):
        spool.close()
    else:
        # A thread stuck in the disk may still use the spool: it goes when the process ends.
        log.error("associations are stuck and were left behind")


def _open_server(settings: ReceiverSettings, spool: Spool) -> SharedPortServer:
    ae = AE(settings.ae_title)
    ae.maximum_pdu_size = settings.max_pdu_bytes
    ae.maximum_associations = settings.maximum_associations
    ae.network_timeout = settings.network_timeout_s
    ae.acse_timeout = settings.acse_timeout_s
    ae.dimse_timeout = settings.dimse_timeout_s
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    handlers: list[Any] = [
        (evt.EVT_REQUESTED, _handle_requested, [settings]),
        (evt.EVT_C_ECHO, _handle_echo),
        (evt.EVT_C_STORE, _handle_store, [spool]),
    ]
    extra: dict[str, Any] = {}
    if settings.direct_store and direct.available():
        extra["request_handler"] = direct.request_handler(
            lambda assoc: ObjectStore(spool, peer_of(assoc))
        )
    try:
        server = ae.make_server(
            (settings.host, settings.port),
            contexts=supported_contexts(settings.private_sop_classes),
            evt_handlers=handlers,
            server_class=SharedPortServer,
            **extra,
        )
    except OSError as error:
        raise ConfigError(_why_not_listening(settings, error)) from error
    assert isinstance(server, SharedPortServer)
    return server


def _why_not_listening(settings: ReceiverSettings, error: OSError) -> str:
    place = f"port {settings.port} on {settings.host or 'every address'}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use by another program: stop it, or set another port"
    if error.errno == errno.EACCES:
        return f"{place} needs rights that the service doesn't have: set a port above 1023"
    return f"the receiver can't listen on {place}: {error.strerror or error}"


def _drain(server: SharedPortServer, timeout_s: float) -> bool:
    """Wait for running associations, abort those left after ``timeout_s``; whether all ended."""
    deadline = time.monotonic() + timeout_s
    while server.active_associations and time.monotonic() < deadline:
        time.sleep(0.05)
    left = server.active_associations
    for assoc in left:
        assoc.abort(block=False)
    deadline = time.monotonic() + _ABORT_GRACE_S
    while server.active_associations and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        log.warning("aborted associations that did not end in time", count=len(left))
    return not server.active_associations


def peer_of(assoc: Association) -> Peer:
    """Both ends of an association whose request has been received."""
    request = cast(A_ASSOCIATE, assoc.requestor.primitive)
    return Peer(
        calling_ae_title=request.calling_ae_title.strip(),
        called_ae_title=request.called_ae_title.strip(),
        host=assoc.requestor.address,
        port=assoc.requestor.port,
        local_host=assoc.acceptor.address,
        local_port=assoc.acceptor.port,
    )


def _handle_requested(event: evt.Event, settings: ReceiverSettings) -> None:
    """EVT_REQUESTED: reject whom we don't know."""
    peer = peer_of(event.assoc)
    reason: access.Refusal | None = access.Refusal.CALLING_AE_TITLE_NOT_RECOGNIZED
    try:
        reason = access.refusal(settings, peer.calling_ae_title, peer.called_ae_title, peer.host)
    finally:
        # pynetdicom logs what a handler raises and goes on to accept: so rejecting comes last.
        if reason is not None:
            log.warning(
                "rejected",
                calling_ae_title=peer.calling_ae_title,
                called_ae_title=peer.called_ae_title,
                host=peer.host,
                reason=reason.name.lower().replace("_", " "),
            )
            event.assoc.acse.send_reject(0x01, 0x01, int(reason))
            event.assoc.kill()


def _handle_echo(event: evt.Event) -> int:
    """EVT_C_ECHO: we are here."""
    return int(Status.SUCCESS)


def _handle_store(event: evt.Event, spool: Spool) -> int:
    """EVT_C_STORE: the durable path for what ``direct`` leaves to stock pynetdicom."""
    message = cast(C_STORE, event.request)
    request = StoreRequest(
        message.MessageID or 0,
        str(message.AffectedSOPClassUID),
        str(message.AffectedSOPInstanceUID),
    )
    if message.DataSet is None:
        return int(Status.CANNOT_UNDERSTAND)
    store = ObjectStore(spool, peer_of(event.assoc))
    store.begin(request, str(event.context.abstract_syntax), str(event.context.transfer_syntax))
    store.write(message.DataSet.getvalue())
    status, _ = store.finish()
    return int(status)
