"""Inline before an archive that takes neither what the scanner sends nor all that it asks for."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.parcel import Parcel
from tests.build import ct_series
from tests.node import running_node
from tests.peers import running_orthanc

pytestmark = pytest.mark.peer


def test_originals_arrive_decoded_and_results_compressed(tmp_path: Path) -> None:
    sent = {}
    parcels = []
    for file in ct_series(tmp_path / "ct", slices=2):
        ds = pydicom.dcmread(file)
        sent[ds.SOPInstanceUID] = ds.pixel_array
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(file)
        parcels.append(Parcel(file, ds.SOPInstanceUID, PurePosixPath(file.name)))
    taken = [ExplicitVRLittleEndian, JPEGLSLossless]
    with running_orthanc(tmp_path / "orthanc", AcceptedTransferSyntaxes=taken) as pacs:
        settings = {
            "node": {"topology": "inline"},
            "inline": {"forward_to": ["pacs"]},
            "destinations": {"pacs": {**pacs.destination(), "compress": ["jpeg-2000", "jpeg-ls"]}},
            "engine": {"default": "classical"},
        }
        with running_node(tmp_path / "node", settings) as node:
            scanner = DicomDestination("SCANNER", "MEDQ", "127.0.0.1", node.port, 20.0, 131072)
            scanner.send(parcels, lambda _: None)
            node.wait_settled(1)
            converted = [e["objects"] for e in node.events() if e["event"] == "converted"]
            assert not list(node.layout.sending.iterdir())
        kept = [pydicom.dcmread(io.BytesIO(pacs.file(i))) for i in pacs.get("/instances")]
    originals = [ds for ds in kept if ds.SOPInstanceUID in sent]
    assert len(originals) == len(sent)
    for ds in originals:
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert np.array_equal(ds.pixel_array, sent[ds.SOPInstanceUID])
    restored = [ds for ds in kept if ds.Modality == "CT" and ds.SOPInstanceUID not in sent]
    assert len(restored) == len(sent)
    assert {ds.file_meta.TransferSyntaxUID for ds in restored} == {JPEGLSLossless}
    assert sum(sum(objects.values()) for objects in converted) == len(originals) + len(restored)
