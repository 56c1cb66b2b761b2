"""A running receiver, in a thread or in a process of its own, and a sender's view of it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association

from medq_node.delivery.answers import keep_answers
from medq_node.receiver import ReceiverSettings, serve


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether ``condition`` comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@dataclasses.dataclass
class Running:
    """A receiver that listens."""

    settings: ReceiverSettings
    pid: int = 0

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def stored(self) -> list[Path]:
        """Finished files in order of arrival."""
        return sorted(self.settings.spool.glob("incoming/*.dcm"))

    @property
    def parts(self) -> list[Path]:
        return sorted(self.settings.spool.glob("incoming/.part/*.part"))

    def associate(
        self,
        *contexts: tuple[str, str],
        calling: str = "SCANNER",
        called: str = "MEDQ",
        pdu: int = 0,
    ) -> Association:
        """Ask for an association with contexts of (SOP class, transfer syntax)."""
        ae = AE(calling)
        for sop_class, syntax in contexts or ((CTImageStorage, ExplicitVRLittleEndian),):
            ae.add_requested_context(sop_class, syntax)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
        return ae.associate(
            "127.0.0.1",
            self.port,
            ae_title=called,
            evt_handlers=[(evt.EVT_CONN_OPEN, keep_answers)],
        )


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Function: settings -> a receiver in a thread of the test's process."""
    running: list[tuple[threading.Event, threading.Thread]] = []

    def start(**changes: object) -> Running:
        values = {
            "spool": tmp_path / "data",
            "port": free_port(),
            "minimum_free_bytes": 1,
            "drain_timeout_s": 2.0,
        }
        settings = ReceiverSettings(**(values | changes))
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(target=serve, args=(settings, stop, ready.set))
        thread.start()
        running.append((stop, thread))
        assert ready.wait(10), "the receiver did not start"
        return Running(settings, os.getpid())

    yield start
    for stop, _ in running:
        stop.set()
    for _, thread in running:
        thread.join(15)
        assert not thread.is_alive(), "the receiver did not stop"


@pytest.fixture
def receiver_process(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Function: settings -> a receiver in a process of its own."""
    processes: list[subprocess.Popen[str]] = []

    def start(**changes: object) -> Running:
        values: dict[str, object] = {
            "spool": str(tmp_path / "data"),
            "port": free_port(),
            "minimum_free_bytes": 1,
        }
        values |= changes
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.receiver.process", json.dumps(values)],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        values["spool"] = Path(str(values["spool"]))
        return Running(ReceiverSettings(**values), process.pid)

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(15)


def ct_image(rows: int = 64) -> Dataset:
    """A small CT image of noise with UIDs of its own."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.PatientID, ds.Modality = "Nobody^Here", "X1", "CT"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, 64, 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    pixels = np.random.default_rng(rows).integers(0, 4096, (rows, 64), dtype=np.uint16)
    ds.PixelData = pixels.tobytes()
    return ds


def data_set_bytes(file: Path) -> bytes:
    """What follows the file meta of a DICOM file."""
    content = file.read_bytes()
    assert content[128:132] == b"DICM"
    assert content[132:140] == b"\x02\x00\x00\x00UL\x04\x00"
    return content[144 + int.from_bytes(content[140:144], "little") :]
