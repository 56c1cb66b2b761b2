"""Sending to real peers: what arrives, and what is said when it doesn't."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path, PurePosixPath

import pydicom
import pytest

from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.folder import FolderDestination
from medq_node.delivery.parcel import Parcel
from medq_node.errors import DeliveryError
from medq_node.ports import free_port
from tests.build import ct_series
from tests.conftest import require_program
from tests.peers import running_orthanc


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
    told: list[int] = []
    with running_orthanc(tmp_path / "orthanc") as pacs:
        assert peer(pacs.dicom_port).echo() < 20
        peer(pacs.dicom_port).send(parcels(files), told.append)
        (series,) = pacs.series()
        assert len(series["Instances"]) == 5
        sent = {pydicom.dcmread(f).SOPInstanceUID: pydicom.dcmread(f).PixelData for f in files}
        for instance in series["Instances"]:
            kept = pydicom.dcmread(pydicom.filebase.DicomBytesIO(pacs.file(instance)))
            assert kept.PixelData == sent[kept.SOPInstanceUID]
    assert told == [1, 2, 3, 4, 5]


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
def test_a_syntax_that_the_peer_refuses_is_a_refusal(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", slices=1)
    ds = pydicom.dcmread(files[0])
    ds.compress(pydicom.uid.JPEGLSLossless)
    ds.save_as(files[0])
    port = free_port()
    store = subprocess.Popen(
        [require_program("storescp"), "-od", str(tmp_path), "+xe", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)
        with pytest.raises(DeliveryError) as told:
            peer(port, "STORESCP").send(parcels(files), lambda _: None)
        assert "JPEG-LS" in str(told.value) or "no presentation context" in str(told.value)
    finally:
        store.kill()
        store.wait()


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
