"""A small PACS for the demonstration: a Storage SCP that keeps what it gets in folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import UID
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from medq_node.layout import file_name

AE_TITLE = "DEMOPACS"
_SUCCESS = 0x0000
_OUT_OF_RESOURCES = 0xA700


@contextmanager
def small_pacs(folder: Path, port: int) -> Iterator[None]:
    """Listen on loopback while the block runs; objects land in ``folder/<series>/<object>.dcm``."""
    ae = AE(AE_TITLE)
    ae.maximum_associations = 10
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(UID(str(context.abstract_syntax)))
    ae.add_supported_context(Verification)
    ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, _store, [folder])]
    )
    try:
        yield
    finally:
        ae.shutdown()


def _store(event: evt.Event, folder: Path) -> int:
    ds = event.dataset
    target = (
        folder / file_name(str(ds.SeriesInstanceUID)) / (file_name(str(ds.SOPInstanceUID)) + ".dcm")
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(event.encoded_dataset())
    except OSError:
        return _OUT_OF_RESOURCES
    return _SUCCESS
