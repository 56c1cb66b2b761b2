"""A scanner pushes real series; what the PACS holds beside them, by engine and by rule."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from tests.judges import dciodvfy_errors, dsrdump
from tests.node import RULES_ALWAYS, running_node
from tests.peers import running_orthanc, storescu
from tests.reading import told

pytestmark = [pytest.mark.peer, pytest.mark.data]

SERIES = ("ct_lidc0314_chest_1mm", "mr_thigh_t1_sts001", "pet_wb_fdg_sts001")
VARIED = (
    "ct_lidc0314_chest_1mm",
    "ct_crlm1004_abdomen",
    "ct_head_ge",
    "mr_brain_t2_trio",
    "mr_thigh_t1_sts001",
    "pet_crop_sts_012",
)
CLEAN = (
    "ct_crlm1004_abdomen",
    "ct_head_ge",
    "ct_kits00072_kidney",
    "mr_brain_t1_child_skyra",
    "mr_brain_t2_trio",
    "pet_crop_sts_004",
)
"""Nothing much is wrong with these."""

NOISY = "ct_lungdx_A0002_B70f"
"""A chest through a sharp kernel."""

WHEN_NEEDED = RULES_ALWAYS.replace("restore: always", "restore: when_needed")
Study = list[pydicom.FileDataset]


@dataclass(frozen=True)
class Arrived:
    """What the PACS holds of one series and what was made of it."""

    sources: dict[str, pydicom.FileDataset]
    originals: dict[str, pydicom.FileDataset]
    restored: Study
    reports: Study


def pushed(
    folder: Path, names: tuple[str, ...], dev_series, engine: str, rules: str
) -> dict[str, Arrived]:
    """Real series pushed to a node and a PACS one after the other; what the PACS holds of each."""
    with running_orthanc(folder / "orthanc") as pacs:
        settings = {"destinations": {"pacs": pacs.destination()}, "engine": {"default": engine}}
        with running_node(folder / "node", settings, rules) as node:
            for name in names:
                files = dev_series(name)
                done = storescu(node.port, files)
                assert done.returncode == 0, done.stderr
                # In tap topology the scanner sends to the PACS too.
                assert storescu(pacs.dicom_port, files, called="ORTHANC").returncode == 0
            node.wait_settled(len(names))
        held: dict[str, Study] = {}
        for instance in pacs.get("/instances"):
            ds = pydicom.dcmread(io.BytesIO(pacs.file(instance)))
            held.setdefault(str(ds.StudyInstanceUID), []).append(ds)
    return {name: _arrived(held, dev_series(name)) for name in names}


@pytest.fixture(scope="module")
def classical(tmp_path_factory: pytest.TempPathFactory, dev_series) -> dict[str, Arrived]:
    folder = tmp_path_factory.mktemp("classical")
    return pushed(folder, SERIES, dev_series, "classical", RULES_ALWAYS)


@pytest.fixture(scope="module")
def always(tmp_path_factory: pytest.TempPathFactory, dev_series) -> dict[str, Arrived]:
    return pushed(tmp_path_factory.mktemp("always"), VARIED, dev_series, "medq-uni", RULES_ALWAYS)


@pytest.fixture(scope="module")
def when_needed(tmp_path_factory: pytest.TempPathFactory, dev_series) -> dict[str, Arrived]:
    folder = tmp_path_factory.mktemp("when-needed")
    return pushed(folder, (*CLEAN, NOISY), dev_series, "medq-uni", WHEN_NEEDED)


@pytest.mark.parametrize("name", SERIES)
def test_the_pacs_holds_original_restored_and_report(
    name: str, classical: dict[str, Arrived]
) -> None:
    study = classical[name]
    assert_untouched(study)
    assert_a_restored_series(study)
    assert_valid([*study.reports, study.restored[0], study.restored[len(study.restored) // 2]])
    assert len(study.reports) == 1
    assert "RESEARCH" in study.reports[0].SeriesDescription


@pytest.mark.parametrize("name", VARIED)
def test_asked_always_the_model_restores_or_the_report_says_why_not(
    name: str, always: dict[str, Arrived]
) -> None:
    """Where the gate sees harm no image leaves; the radiologist reads what it measured."""
    study = always[name]
    assert_untouched(study)
    (report,) = study.reports
    if study.restored:
        assert_a_restored_series(study)
        assert "Action taken: restored" in told(report)
        assert_valid([report, study.restored[0]])
    else:
        assert "A restoration was made, refused and not sent." in told(report)
        assert "Refused because" in told(report)
        assert_valid([report])


def test_of_ct_without_metal_the_model_makes_good_images(always: dict[str, Arrived]) -> None:
    """Even when asked always: nothing is broken that the gate would have to hold back."""
    assert all(always[name].restored for name in VARIED if name.startswith("ct"))


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_series_is_left_alone_and_a_note_says_so(
    name: str, when_needed: dict[str, Arrived]
) -> None:
    study = when_needed[name]
    assert_untouched(study)
    assert study.restored == []
    (report,) = study.reports
    assert "Verdict: good. Planned action: keep as is." in told(report)
    assert "Action taken: none. No restoration was needed." in told(report)
    assert_valid([report])


def test_a_noisy_series_is_restored_because_it_needs_it(when_needed: dict[str, Arrived]) -> None:
    study = when_needed[NOISY]
    assert_untouched(study)
    assert_a_restored_series(study)
    (report,) = study.reports
    assert "Planned action: reduce noise." in told(report)
    assert "Action taken: restored" in told(report)
    assert_valid([report, *study.restored])
    assert_less_noisy(study)


def test_noisy_ct_is_less_noisy_and_its_tissue_keeps_its_hu(classical: dict[str, Arrived]) -> None:
    assert_less_noisy(classical[SERIES[0]])


def assert_less_noisy(study: Arrived) -> None:
    for image in study.restored:
        source = study.sources[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
        before = source.pixel_array * float(source.RescaleSlope) + float(source.RescaleIntercept)
        after = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        # Chosen on a smoothed image: chosen by its own noise it would move towards its mean.
        smooth = ndimage.uniform_filter(before, 7)
        tissue = (smooth > 0) & (smooth < 120)
        if tissue.sum() > 20_000:
            assert abs(np.mean(after[tissue]) - np.mean(before[tissue])) < 3.0
            assert np.std(after[tissue]) < np.std(before[tissue])


def assert_untouched(study: Arrived) -> None:
    assert study.originals.keys() == study.sources.keys()
    for uid, source in study.sources.items():
        assert digest(study.originals[uid]) == digest(source)


def assert_a_restored_series(study: Arrived) -> None:
    """As long as the original, of the same geometry image by image, and labelled."""
    assert len({image.SeriesInstanceUID for image in study.restored}) == 1
    assert len(study.restored) == len(study.sources)
    for image in study.restored:
        source = study.sources[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
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


def assert_valid(objects: Study) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, ds in enumerate(objects):
            file = Path(folder) / f"{number}.dcm"
            ds.save_as(file)
            assert dciodvfy_errors(file) == []
            if ds.Modality == "SR":
                assert dsrdump(file)


def digest(ds: pydicom.Dataset) -> str:
    return hashlib.sha256(ds.PixelData).hexdigest()


def _arrived(held: dict[str, Study], files: list[Path]) -> Arrived:
    sources = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, files)}
    first = next(iter(sources.values()))
    study = held[first.StudyInstanceUID]
    ours = [d for d in study if d.SOPInstanceUID not in sources]
    ours = [d for d in ours if _derived_from(d, first.SeriesInstanceUID, sources)]
    return Arrived(
        sources,
        {d.SOPInstanceUID: d for d in study if d.SOPInstanceUID in sources},
        [d for d in ours if d.Modality != "SR"],
        [d for d in ours if d.Modality == "SR"],
    )


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
