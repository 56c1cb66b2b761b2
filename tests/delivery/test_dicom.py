"""Sending to real peers: what arrives, and what is said when it doesn't."""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath

import pydicom
import pytest
from pynetdicom import AE, evt

from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.folder import FolderDestination
from medq_node.delivery.parcel import Parcel
from medq_node.errors import DeliveryError
from medq_node.ports import free_port
from tests.build import ct_series
from tests.peers import running_orthanc, running_storescp


def parcels(files: list[Path]) -> list[Parcel]:
    return [
        Parcel(f, str(pydicom.dcmread(f).SOPInstanceUID), PurePosixPath("series") / f.name)
        for f in files
    ]


def peer(port: int, ae_title: str = "ORTHANC", timeout_s: float = 20.0) -> DicomDestination:
    return DicomDestination("MEDQ", ae_title, "127.0.0.1", port, timeout_s, 131072)


@pytest.mark.peer
def test_a_series_arrives_whole(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", slices=5)
    told: list[Parcel] = []
    with running_orthanc(tmp_path / "orthanc") as pacs:
        assert peer(pacs.dicom_port).echo() < 20
        peer(pacs.dicom_port).send(parcels(files), told.append)
        (series,) = pacs.series()
        assert len(series["Instances"]) == 5
        sent = {pydicom.dcmread(f).SOPInstanceUID: pydicom.dcmread(f).PixelData for f in files}
        for instance in series["Instances"]:
            kept = pydicom.dcmread(pydicom.filebase.DicomBytesIO(pacs.file(instance)))
            assert kept.PixelData == sent[kept.SOPInstanceUID]
    assert told == parcels(files)


def test_nobody_there_says_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="is it running, and are host and port right") as told:
        peer(free_port()).echo()
    assert not told.value.permanent


@pytest.mark.peer
def test_a_peer_that_does_not_know_us_says_so(tmp_path: Path) -> None:
    with (
        running_orthanc(tmp_path / "orthanc", DicomCheckCalledAet=True) as pacs,
        pytest.raises(DeliveryError, match="rejected the association"),
    ):
        peer(pacs.dicom_port, ae_title="WRONG").echo()


@pytest.mark.peer
def test_a_syntax_that_neither_side_can_do_without_is_a_refusal(tmp_path: Path) -> None:
    """Video, say: the peer doesn't take it, and nothing here decodes it."""
    files = ct_series(tmp_path / "ct", slices=1)
    ds = pydicom.dcmread(files[0])
    ds.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    ds.PixelData = pydicom.encaps.encapsulate([b"no film"])
    ds.save_as(files[0])
    with (
        running_storescp(tmp_path / "got", ["LittleEndianExplicit"]) as port,
        pytest.raises(DeliveryError, match="no presentation context"),
    ):
        peer(port, "STORESCP").send(parcels(files), lambda _: None)


def test_a_file_changed_after_certification_never_leaves(tmp_path: Path) -> None:
    file = ct_series(tmp_path / "ct", slices=1)[0]
    parcel = Parcel(file, "1.2.3", PurePosixPath("x.dcm"), sha256="0" * 64)
    with pytest.raises(DeliveryError, match="changed since it was certified") as told:
        FolderDestination(tmp_path / "out").send([parcel], lambda _: None)
    assert told.value.permanent
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_a_folder_holds_whole_files(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", slices=3)
    FolderDestination(tmp_path / "out").send(parcels(files), lambda _: None)
    copies = sorted((tmp_path / "out" / "series").iterdir())
    assert [c.read_bytes() for c in copies] == [f.read_bytes() for f in files]


def test_a_host_that_cannot_be_found_is_tried_again_later() -> None:
    nowhere = DicomDestination("MEDQ", "PACS", "nosuchhost.invalid", 104, 5.0, 131072)
    with pytest.raises(DeliveryError, match="check its host") as told:
        nowhere.echo()
    assert not told.value.permanent


def test_one_refused_object_does_not_keep_the_others(tmp_path: Path) -> None:
    """A PACS that finds fault with the second of four images."""
    files = ct_series(tmp_path / "ct", slices=4)
    refused = str(pydicom.dcmread(files[1]).SOPInstanceUID)
    got: list[str] = []

    def store(event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        got.append(uid)
        return 0xC000 if uid == refused else 0x0000

    ae = AE("PACS")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
    port = free_port()
    ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    told: list[Parcel] = []
    try:
        with pytest.raises(DeliveryError, match="0xC000") as error:
            peer(port, "PACS").send(parcels(files), told.append)
    finally:
        ae.shutdown()
    assert error.value.permanent
    assert refused in str(error.value)
    assert len(got) == 4
    assert [p.sop_instance_uid for p in told] == [u for u in got if u != refused]


def test_a_lost_answer_is_met_with_a_new_association(tmp_path: Path) -> None:
    """The peer stores the second image but its answer never comes."""
    files = ct_series(tmp_path / "ct", slices=3)
    got: list[str] = []

    def store(event: evt.Event) -> int:
        got.append(str(event.request.AffectedSOPInstanceUID))
        if len(got) == 2:
            time.sleep(3)
        return 0x0000

    ae = AE("PACS")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
    port = free_port()
    ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    told: list[Parcel] = []
    try:
        peer(port, "PACS", timeout_s=1.0).send(parcels(files), told.append)
    finally:
        ae.shutdown()
    assert told == parcels(files)
    assert set(got) == {p.sop_instance_uid for p in told}
