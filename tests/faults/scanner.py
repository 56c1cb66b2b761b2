"""A scanner that is pushed once and keeps at it: what got no Success is sent again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from medq_node.delivery.answers import keep_answers

# The data set goes out as it lies on disk, so that it can be compared byte for byte.
_config.STORE_SEND_CHUNKED_DATASET = True

_PAUSE_S = 0.1


class Scanner:
    """Sends CT images, one association after another, until each one got its Success."""

    def __init__(self, port: int, files: Sequence[Path]) -> None:
        self._port = port
        self._unconfirmed = list(files)
        self.associations = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._push, name="scanner", daemon=True)

    def __enter__(self) -> Scanner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    @property
    def done(self) -> bool:
        """Whether every image got its Success."""
        return not self._unconfirmed

    def _push(self) -> None:
        ae = AE("SCANNER")
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
        context = build_context(CTImageStorage, ExplicitVRLittleEndian)
        while self._unconfirmed and not self._stop.is_set():
            assoc = ae.associate(
                "127.0.0.1",
                self._port,
                [context],
                "MEDQ",
                evt_handlers=[(evt.EVT_CONN_OPEN, keep_answers)],
            )
            if assoc.is_established:
                self.associations += 1
                self._send_all(assoc)
            else:
                time.sleep(_PAUSE_S)

    def _send_all(self, assoc: Association) -> None:
        while self._unconfirmed:
            try:
                status = assoc.send_c_store(self._unconfirmed[0])
            except (OSError, RuntimeError):
                return
            if status.get("Status") != 0x0000:
                assoc.abort()
                return
            del self._unconfirmed[0]
            time.sleep(_PAUSE_S)
        assoc.release()
