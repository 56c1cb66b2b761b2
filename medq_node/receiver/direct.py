"""C-STORE fragments straight from the socket to the disk: all that leans on pynetdicom's insides.

Stock pynetdicom spends most of a C-STORE waiting in two threads that sleep a millisecond at a
time, reading 4096 bytes at a time, and building Datasets for the command, the response and the
file meta; and it holds the whole object in memory. With several associations that is more than the
disk takes. This module replaces, per association:

- the reactor thread's sleeps by ``poll`` on the socket and on a waker (``DirectProvider``);
- the association thread's sleeps by a bell that rings when there is something to do (``Doorbell``);
- the way of one message, a C-STORE request whose command set is whole and plain, which goes to the
  ``ObjectStore`` fragment by fragment and is answered in the reactor thread, after the disk.

Everything else (negotiation, C-ECHO, release, abort, timers, odd or broken messages) takes the
stock way, through the stock state machine. What is relied on of pynetdicom 3.0 and not public:

- ``RequestHandler._create_association``, where an association gets its parts;
- ``DULServiceProvider``: ``run_reactor`` as the thread's body; ``_is_transport_event`` and
  ``_read_pdu_data`` as its steps; ``_run_loop_delay``, ``_kill_thread``, ``_idle_timer``;
  ``event_queue`` with events ``Evt17`` (connection closed) and ``Evt19`` (invalid PDU);
- ``to_user_queue`` and ``DIMSEServiceProvider.msg_queue`` as the association thread's only work;
- ``AssociationSocket.ready`` and ``recv`` as all that the stock way reads through
  (``buffered_socket``);
- ``Association._accepted_cx``, context id -> context, complete before the peer may send data;
- ``Association._reactor_checkpoint``, an Event that its thread waits for once a turn.

``available`` says whether these are there; where not, the receiver works without this module,
slower. ``tests/receiver/test_direct_seam.py`` fails on any change of the code relied on.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import structlog
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE, P_DATA
from pynetdicom.transport import AssociationSocket, RequestHandler

from medq_node.receiver.buffered_socket import PDU_HEADER_BYTES, BufferedSocket
from medq_node.receiver.messages import (
    StoreRequest,
    decode_store_request,
    encode_store_response,
)
from medq_node.receiver.storing import ObjectStore

log = structlog.get_logger("receiver")

_PDV_HEADER_BYTES = 6
_P_DATA_TF = 0x04
_LARGEST_PDU_BYTES = 4 * 1024**2
"""A peer that announces more than this is broken: we asked for far less."""
_TURN_S = 0.25
"""How often timers are looked at when nothing happens."""
_COMMAND, _LAST = 0x01, 0x02
"""Bits of the message control header (PS3.8 annex E.2)."""
_SMALLEST_PEER_PDU_BYTES = 512
"""Our longest response fits into this; peers that take less get the stock way's fragments."""

Primitive = A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT | P_DATA
StoreFactory = Callable[[Association], ObjectStore]


def available() -> bool:
    """Whether this pynetdicom has the parts that the direct way relies on."""
    return all(
        hasattr(owner, name)
        for owner, names in (
            (RequestHandler, ("_create_association",)),
            (
                DULServiceProvider,
                ("run_reactor", "_is_transport_event", "_read_pdu_data", "send_pdu", "stop_dul"),
            ),
            (AssociationSocket, ("ready", "recv", "send")),
            (Association, ("run_reactor", "_run_reactor", "kill")),
        )
        for name in names
    )


class ProtocolError(Exception):
    """The peer sent fragments that can't follow one another."""


class Doorbell(threading.Event):
    """Stands in for ``Association._reactor_checkpoint``; its wait also waits for work.

    The association's thread calls ``wait`` once a turn before it looks at its queues; stock
    pynetdicom makes that a thousand turns a second, here it is one per ``ring``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bell = threading.Event()
        self.set()

    def ring(self) -> None:
        """There is something to do."""
        self._bell.set()

    def set(self) -> None:
        """Let the reactor run on, and look."""
        super().set()
        self._bell.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the bell, at most a turn, then for the checkpoint."""
        self._bell.wait(_TURN_S)
        self._bell.clear()
        return super().wait(timeout)


class DirectProvider(DULServiceProvider):
    """The upper layer of one association, with the direct way for C-STORE requests."""

    def __init__(self, assoc: Association, store_factory: StoreFactory, bell: Doorbell) -> None:
        super().__init__(assoc)
        # Waiting is done in ``_is_transport_event``; the stock loop needn't sleep as well.
        self._run_loop_delay = 0.0
        self._store_factory = store_factory
        self._store: ObjectStore | None = None
        self._request: StoreRequest | None = None
        self._context_id = 0
        self._bell = bell
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._wakee.setblocking(False)

    def run_reactor(self) -> None:
        """The thread's body; leaves no half received object and nobody waiting."""
        try:
            super().run_reactor()
        finally:
            self._close_store()
            if self.assoc.requestor.primitive is None:
                # A connection that ended before it asked for anything, as load balancers make
                # them: the association's thread would wait out the ACSE timeout for a request
                # (pynetdicom issue 669). None is what it takes for "timed out".
                self.to_user_queue.put(cast(Any, None))
            self._bell.ring()
            self._waker.close()
            self._wakee.close()

    def _close_store(self) -> None:
        store = self._store
        if store is None:
            return
        store.abandon()
        log.info(
            "association ended",
            calling_ae_title=self.assoc.requestor.ae_title.strip(),
            host=self.assoc.requestor.address,
            stored=store.stored,
            bytes=store.received_bytes,
            refused=store.failed,
        )

    def send_pdu(self, primitive: Primitive) -> None:
        """Stock name: queue a primitive, and wake the reactor for it."""
        super().send_pdu(primitive)
        self._wake()

    def kill_dul(self) -> None:
        """Stock name: end the reactor."""
        super().kill_dul()
        self._wake()

    def stop_dul(self) -> bool:
        """Stock name: end the reactor where the association is over; True when it has ended."""
        self._wake()
        return bool(super().stop_dul())

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b"\0")

    def _is_transport_event(self) -> bool:
        """Stock name: wait for data or for work; True when data have been read.

        Stays here as long as fragments come in and nothing else is to be done.
        """
        sock = self.socket
        if not isinstance(sock, BufferedSocket) or sock.socket is None:
            return bool(super()._is_transport_event())
        if self.state_machine.current_state == "Sta13":
            # The association is over and the last word is sent. The stock way would read on, and
            # wait for a PDU that may never be whole.
            sock.drain()
            sock.close()
            return True
        while not (self._kill_thread or self.to_provider_queue.queue or self.event_queue.queue):
            if not self._whole_pdu(sock) and not self._wait_and_fill(sock):
                return False
            if not self._take_pdu(sock):
                self._read_pdu_data()
                return True
        return False

    def _whole_pdu(self, sock: BufferedSocket) -> bool:
        """Whether the buffer holds a PDU, or the head of one that must be refused."""
        length = _pdu_bytes(sock.buffered)
        return length is not None and (length > _LARGEST_PDU_BYTES or len(sock.buffered) >= length)

    def _wait_and_fill(self, sock: BufferedSocket) -> bool:
        """Wait for bytes, at most a turn; True when a PDU is whole or the connection ended."""
        if sock.socket is None or sock.socket.fileno() < 0:
            self.event_queue.put("Evt17")
            return False
        poll = select.poll()
        poll.register(sock.socket, select.POLLIN)
        poll.register(self._wakee, select.POLLIN)
        if self.to_user_queue.queue or self.assoc.dimse.msg_queue.queue:
            self._bell.ring()
        readable = {fd for fd, _ in poll.poll(_TURN_S * 1000)}
        if self._wakee.fileno() in readable:
            with suppress(OSError):
                self._wakee.recv(4096)
        if sock.socket.fileno() not in readable:
            return False
        try:
            alive = sock.fill(_pdu_bytes(sock.buffered) or 0)
        except OSError:
            alive = False
        if not alive:
            self.event_queue.put("Evt17")
            return False
        self._idle_timer.restart()
        return self._whole_pdu(sock)

    def _take_pdu(self, sock: BufferedSocket) -> bool:
        """Deal with the PDU that the buffer starts with; False leaves it to the stock way."""
        buffered = sock.buffered
        length = _pdu_bytes(buffered) or 0
        if length > _LARGEST_PDU_BYTES:
            log.error("aborted", reason="the peer announced too long a PDU", bytes=length)
            sock.consume(len(buffered))
            self.event_queue.put("Evt19")
            return True
        if buffered[0] != _P_DATA_TF or self.state_machine.current_state != "Sta6":
            return False
        try:
            if not self._take(buffered[PDU_HEADER_BYTES:length]):
                return False
        except ProtocolError as error:
            log.error("aborted", reason=str(error))
            self.event_queue.put("Evt19")
        sock.consume(length)
        return True

    def _take(self, values: memoryview) -> bool:
        """Take the presentation data values of one PDU; False leaves it to the stock way."""
        offset = 0
        if self._request is None:
            if self.assoc.dimse.message is not None:
                return False
            offset = self._begin(values)
            if not offset:
                return False
        while offset < len(values):
            context_id, control, data, offset = _next_value(values, offset)
            if self._request is None or self._store is None:
                raise ProtocolError("a data set went on after its last fragment")
            if control & _COMMAND or context_id != self._context_id:
                raise ProtocolError("another message began in the middle of a data set")
            self._store.write(data)
            if control & _LAST:
                self._answer(self._store, self._request)
        return True

    def _begin(self, values: memoryview) -> int:
        """Start an object where ``values`` starts with a plain C-STORE command; offset behind."""
        context_id, control, data, offset = _next_value(values, 0)
        if control & (_COMMAND | _LAST) != _COMMAND | _LAST:
            return 0
        request = decode_store_request(bytes(data))
        context = self.assoc._accepted_cx.get(context_id)
        peer_pdu_bytes = self.assoc.requestor.maximum_length or 0
        if request is None or context is None or 0 < peer_pdu_bytes < _SMALLEST_PEER_PDU_BYTES:
            return 0
        if self._store is None:
            self._store = self._store_factory(self.assoc)
        self._request, self._context_id = request, context_id
        self._store.begin(request, str(context.abstract_syntax), str(context.transfer_syntax[0]))
        return offset

    def _answer(self, store: ObjectStore, request: StoreRequest) -> None:
        status, comment = store.finish()
        self._request = None
        self._idle_timer.restart()  # the time that our disk took is not the peer's silence
        if self.socket is not None:
            self.socket.send(encode_store_response(request, self._context_id, status, comment))


def _pdu_bytes(buffered: memoryview) -> int | None:
    """Length of the first PDU with its header, or None where the header isn't whole."""
    if len(buffered) < PDU_HEADER_BYTES:
        return None
    return PDU_HEADER_BYTES + int.from_bytes(buffered[2:6], "big")


def _next_value(values: memoryview, offset: int) -> tuple[int, int, memoryview, int]:
    """Context id, control header, data and end of the presentation data value at ``offset``."""
    if offset + _PDV_HEADER_BYTES > len(values):
        raise ProtocolError("a presentation data value is cut short")
    length, context_id, control = struct.unpack_from(">IBB", values, offset)
    end = offset + 4 + length
    if length < 2 or end > len(values):
        raise ProtocolError("a presentation data value is longer than its PDU")
    return context_id, control, values[offset + _PDV_HEADER_BYTES : end], end


def request_handler(store_factory: StoreFactory) -> type[RequestHandler]:
    """A request handler whose associations store directly, each into its own store."""

    class DirectRequestHandler(RequestHandler):
        def _create_association(self) -> Association:
            assoc = super()._create_association()
            bell = Doorbell()
            assoc._reactor_checkpoint = bell
            assoc.dul = DirectProvider(assoc, store_factory, bell)
            assoc.set_socket(BufferedSocket(assoc, self.request, self.ae.maximum_pdu_size))
            # The timers live in the provider; setting the timeouts again sets them there.
            assoc.acse_timeout = self.ae.acse_timeout
            assoc.network_timeout = self.ae.network_timeout
            return assoc

    return DirectRequestHandler
