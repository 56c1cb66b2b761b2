"""From a C-STORE request to an answer: the object goes to disk as its fragments arrive.

``ObjectStore`` is what one association knows of the disk. Nothing here decodes an image, and
nothing is held in memory but the fragment at hand. Where the disk refuses, the rest of the object
is read and dropped, because a C-STORE can only be answered after its last fragment (PS3.7 9.3.1).
"""

from __future__ import annotations

import structlog

from medq_node.log import loggable
from medq_node.receiver.file_meta import FileHead, Peer
from medq_node.receiver.messages import Status, StoreRequest
from medq_node.receiver.spool import IncomingFile, Spool, SpoolFullError

log = structlog.get_logger("receiver")


class ObjectStore:
    """Stores the objects of one association, one at a time, and counts them."""

    def __init__(self, spool: Spool, peer: Peer) -> None:
        self._spool = spool
        self._head = FileHead(peer)
        self._request: StoreRequest | None = None
        self._file: IncomingFile | None = None
        self._status = Status.SUCCESS
        self._comment = ""
        self.stored = 0
        self.failed = 0
        self.received_bytes = 0

    @property
    def receiving(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._request is not None

    def begin(self, request: StoreRequest, abstract_syntax: str, transfer_syntax: str) -> None:
        """Start the object of ``request``, sent in a context of these two syntaxes."""
        self._request = request
        self._status, self._comment = Status.SUCCESS, ""
        if request.sop_class_uid != abstract_syntax:
            self._fail(Status.SOP_CLASS_NOT_SUPPORTED, "SOP class is not that of the context")
            return
        head = self._head.encode(request.sop_class_uid, request.sop_instance_uid, transfer_syntax)
        try:
            self._file = self._spool.begin(head)
        except (OSError, SpoolFullError) as error:
            self._refuse(error)

    def write(self, fragment: bytes | memoryview) -> None:
        """Take the next fragment of the data set, as received."""
        if self._file is None:
            return
        try:
            self._file.write(fragment)
        except (OSError, SpoolFullError) as error:
            self._refuse(error)

    def finish(self) -> tuple[Status, str]:
        """Make the object durable; the status and the error comment to answer with."""
        file, self._file = self._file, None
        request, self._request = self._request, None
        if file is not None:
            try:
                path = file.commit()
            except (OSError, SpoolFullError) as error:
                self._file, self._request = file, request
                self._refuse(error)
                self._request = None
            else:
                self.stored += 1
                self.received_bytes += file.size_bytes
                if request is not None:
                    log.debug(
                        "stored",
                        sop_instance_uid=loggable(request.sop_instance_uid),
                        bytes=file.size_bytes,
                        path=path,
                    )
        return self._status, self._comment

    def abandon(self) -> None:
        """Forget a half received object; may be called again."""
        if self._request is not None:
            log.warning(
                "association ended in the middle of an object; its sender got no Success",
                sop_instance_uid=loggable(self._request.sop_instance_uid),
            )
            self.failed += 1
        self._request = None
        self._drop_file()

    def _refuse(self, error: OSError | SpoolFullError) -> None:
        """The disk said no: the peer hears 0xA700 and may send again later."""
        full = isinstance(error, SpoolFullError)
        self._fail(
            Status.OUT_OF_RESOURCES,
            "not enough disk space" if full else "the disk refused to store the object",
            str(error),
        )

    def _fail(self, status: Status, comment: str, detail: str = "") -> None:
        self._status, self._comment = status, comment
        self.failed += 1
        uid = loggable(self._request.sop_instance_uid) if self._request else "an object"
        log.error(
            "refused", sop_instance_uid=uid, status=f"0x{status:04X}", reason=detail or comment
        )
        self._drop_file()

    def _drop_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.discard()
            except OSError as error:
                log.error("a temp file could not be removed", reason=str(error))
