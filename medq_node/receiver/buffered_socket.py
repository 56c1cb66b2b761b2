"""The sockets of associations: options, and a read buffer that holds several PDUs."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

PDU_HEADER_BYTES = 6
"""Type, a reserved byte and the length (PS3.8 section 9.3)."""
_DRAIN_READS = 64
"""Reads of what a peer still sends after the end before the connection is reset."""


def tune(connection: socket.socket, send_timeout_s: float | None) -> None:
    """Send answers at once, and give up on a peer that takes none for ``send_timeout_s``."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    seconds = max(1, int(send_timeout_s or 60))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", seconds, 0))


class BufferedSocket(AssociationSocket):
    """An association's socket with a read buffer that holds several PDUs."""

    def __init__(self, assoc: Association, client_socket: socket.socket, pdu_bytes: int) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._capacity = 3 * (pdu_bytes + PDU_HEADER_BYTES)
        self._data = memoryview(bytearray(self._capacity))
        self._start = self._end = 0

    @property
    def buffered(self) -> memoryview:
        """What has been read and not consumed; valid until the next ``fill``."""
        return self._data[self._start : self._end]

    def consume(self, count: int) -> None:
        """Forget the first ``count`` buffered bytes."""
        self._start += count
        if self._start == self._end:
            self._start = self._end = 0

    def fill(self, wanted_bytes: int) -> bool:
        """Read once, with room for ``wanted_bytes`` in all; False when the peer has closed.

        Blocks where nothing has arrived: call it when the socket is readable.
        """
        rest = self._end - self._start
        room = max(self._capacity, wanted_bytes)
        cramped = self._start > 0 and len(self._data) - self._end < room // 3
        if cramped or len(self._data) < room:
            kept = bytes(self.buffered)
            if len(self._data) < room:
                self._data = memoryview(bytearray(room))
            self._data[:rest] = kept
            self._start, self._end = 0, rest
        if self.socket is None:
            return False
        count = self.socket.recv_into(self._data[self._end :])
        self._end += count
        # Without this, a sender under Nagle's algorithm waits for our delayed acknowledgement
        # before the end of each object; the kernel takes the option back, so it is set each time.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return count > 0

    def drain(self) -> None:
        """Drop what has arrived: closing with unread data would reset the connection, and the
        peer might never see our last PDU.
        """
        self.consume(len(self.buffered))
        with suppress(OSError):
            for _ in range(_DRAIN_READS):
                if self.socket is None or not self.socket.recv_into(
                    self._data, flags=socket.MSG_DONTWAIT
                ):
                    return

    @property
    def ready(self) -> bool:
        """Stock name: whether there is something to read, here or in the kernel."""
        return self._end > self._start or bool(super().ready)

    def recv(self, nr_bytes: int) -> bytearray:
        """Stock name: ``nr_bytes`` from the buffer and then the socket, less at the end."""
        taken = bytearray(self.buffered[:nr_bytes])
        self.consume(len(taken))
        if len(taken) < nr_bytes:
            taken += super().recv(nr_bytes - len(taken))
        return taken
