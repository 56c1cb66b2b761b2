"""A scanner pushes a real series; the PACS holds a restored series and a report beside it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.judges import dciodvfy_errors, dsrdump
from tests.node import Node, running_node
from tests.peers import Orthanc, running_orthanc, storescu

pytestmark = [pytest.mark.peer, pytest.mark.data]

SERIES = (
    "ct_lidc0314_chest_1mm",
    "ct_crlm1004_abdomen",
    "ct_head_ge",
    "mr_brain_t2_trio",
    "mr_thigh_t1_sts001",
    "pet_wb_fdg_sts001",
)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Orthanc, Node]]:
    folder = tmp_path_factory.mktemp("real")
    with (
        running_orthanc(folder / "orthanc") as pacs,
        running_node(folder / "node", {"destinations": {"pacs": pacs.destination()}}) as node,
    ):
        yield pacs, node


@pytest.fixture(scope="module")
def delivered(peers, dev_series) -> dict[str, list[pydicom.FileDataset]]:
    """All six series pushed to node and PACS one after the other; what the PACS holds, by study."""
    pacs, node = peers
    for name in SERIES:
        files = dev_series(name)
        done = storescu(node.port, files)
        assert done.returncode == 0, done.stderr
        # In tap topology the scanner sends to the PACS too.
        assert storescu(pacs.dicom_port, files, called="ORTHANC").returncode == 0
    node.wait_settled(len(SERIES))
    held: dict[str, list[pydicom.FileDataset]] = {}
    for instance in pacs.get("/instances"):
        ds = pydicom.dcmread(io.BytesIO(pacs.file(instance)))
        held.setdefault(str(ds.StudyInstanceUID), []).append(ds)
    return held


def digest(ds: pydicom.Dataset) -> str:
    return hashlib.sha256(ds.PixelData).hexdigest()


@pytest.mark.parametrize("name", SERIES)
def test_the_pacs_holds_original_restored_and_report(
    name: str, delivered, dev_series, tmp_path: Path
) -> None:
    sources = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, dev_series(name))}
    first = next(iter(sources.values()))
    study = delivered[first.StudyInstanceUID]
    originals = {d.SOPInstanceUID: d for d in study if d.SOPInstanceUID in sources}
    ours = [d for d in study if d.SOPInstanceUID not in sources]
    ours = [d for d in ours if _derived_from(d, first.SeriesInstanceUID, sources)]
    reports = [d for d in ours if d.Modality == "SR"]
    restored = [d for d in ours if d.Modality != "SR"]

    # The original is untouched.
    assert originals.keys() == sources.keys()
    assert all(digest(originals[uid]) == digest(sources[uid]) for uid in sources)

    # One restored series: as long, the same geometry, image by image.
    assert len({d.SeriesInstanceUID for d in restored}) == 1
    assert len(restored) == len(sources)
    for image in restored:
        source = sources[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
        for keyword in (
            "Modality",
            "SOPClassUID",
            "PatientID",
            "Rows",
            "Columns",
            "BitsStored",
            "PixelRepresentation",
            "ImagePositionPatient",
            "ImageOrientationPatient",
            "PixelSpacing",
            "FrameOfReferenceUID",
        ):
            assert image.get(keyword) == source.get(keyword), keyword
        assert image.ImageType[0] == "DERIVED"
        assert image.SeriesDescription.startswith("MedQ RESEARCH")
        assert image.pixel_array.shape == source.pixel_array.shape

    # One report, and every object is valid.
    assert len(reports) == 1
    assert "RESEARCH" in reports[0].SeriesDescription
    for number, ds in enumerate([reports[0], restored[0], restored[len(restored) // 2]]):
        file = tmp_path / f"{number}.dcm"
        ds.save_as(file)
        assert dciodvfy_errors(file) == []
    assert dsrdump(tmp_path / "0.dcm")


def test_noisy_ct_is_less_noisy_and_its_tissue_keeps_its_hu(delivered, dev_series) -> None:
    sources = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, dev_series(SERIES[0]))}
    study = delivered[next(iter(sources.values())).StudyInstanceUID]
    for image in (d for d in study if d.Modality == "CT" and d.SOPInstanceUID not in sources):
        source = sources[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
        before = source.pixel_array * float(source.RescaleSlope) + float(source.RescaleIntercept)
        after = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        tissue = (before > 0) & (before < 120)
        if tissue.sum() > 20_000:
            assert abs(np.mean(after[tissue]) - np.mean(before[tissue])) < 3.0
            assert np.std(after[tissue]) < np.std(before[tissue])


def _derived_from(ds: pydicom.Dataset, series_uid: str, sources: dict[str, object]) -> bool:
    """Studies may hold several series: only what was made of this one."""
    if ds.Modality != "SR":
        reference = ds.get("SourceImageSequence")
        return bool(reference) and reference[0].ReferencedSOPInstanceUID in sources
    return any(
        series.SeriesInstanceUID == series_uid
        for study in ds.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
    )
