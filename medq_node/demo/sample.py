"""The built-in sample: a generated low-dose chest CT whose truth is known. No patient in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SLICES = 20
SIZE = 512
DOSE_FRACTION = 0.1
_FIELD_OF_VIEW_MM = 380.0
_SLICE_THICKNESS_MM = 3.0
_SEED = 7
_INTERCEPT_HU = -1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of the noisy series and its noise-free truth, HU (slices, rows, columns)."""

    files: tuple[Path, ...]
    truth_hu: NDArray[np.float32]


def make_sample(folder: Path, progress: Callable[[int, int], None] | None = None) -> Sample:
    """Write the sample below ``folder`` as classic CT images."""
    # Slow to import, and who brings images needs none of it.
    from engines.phantoms.low_dose import low_dose_series

    noisy, truth = low_dose_series(
        SLICES, SIZE, dose_fraction=DOSE_FRACTION, seed=_SEED, progress=progress
    )
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now().astimezone()
    study, series, frame = (generate_uid(prefix="2.25.") for _ in range(3))
    files = []
    for index, image in enumerate(noisy):
        ds = _header(now)
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.SOPInstanceUID = generate_uid(prefix="2.25.")
        ds.InstanceNumber = index + 1
        position = -_FIELD_OF_VIEW_MM / 2 * (1 - 1 / SIZE)
        ds.ImagePositionPatient = [position, position, index * _SLICE_THICKNESS_MM]
        ds.SliceLocation = index * _SLICE_THICKNESS_MM
        stored = np.clip(np.round(image - _INTERCEPT_HU), 0, 4095).astype("<u2")
        ds.PixelData = stored.tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        path = folder / f"{index + 1:04d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        files.append(path)
    return Sample(tuple(files), truth)


def _header(now: datetime) -> Dataset:
    spacing = round(_FIELD_OF_VIEW_MM / SIZE, 6)
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = f"{now:%Y%m%d}"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = f"{now:%H%M%S}"
    ds.AccessionNumber = ""
    ds.Modality = "CT"
    ds.Manufacturer = "MedQ Node"
    ds.ManufacturerModelName = "Generated phantom"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "Generated thorax phantom"
    ds.SeriesDescription = "Thorax low dose 3 mm (phantom)"
    ds.PatientName = "Phantom^Thorax"
    ds.PatientID = "MEDQ-PHANTOM"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.PatientPosition = "HFS"
    ds.BodyPartExamined = "CHEST"
    ds.StudyID = "1"
    ds.SeriesNumber = 3
    ds.AcquisitionNumber = 1
    ds.PositionReferenceIndicator = ""
    ds.KVP = 120
    ds.SliceThickness = _SLICE_THICKNESS_MM
    ds.SpacingBetweenSlices = _SLICE_THICKNESS_MM
    ds.ConvolutionKernel = "SHARP"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [spacing, spacing]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = SIZE
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _INTERCEPT_HU, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = 40, 400
    return ds
