"""Small, valid classic CT, MR and PET series for tests: all type 1 and 2 attributes, a phantom.

``**attributes`` are set on every image by keyword after all else (``None`` deletes), so a test can
say ``ct_series(tmp_path, RescaleType="US")``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)

from medq_node.pixels.series import SeriesStack


def ct_series(
    folder: Path,
    slices: int = 5,
    rows: int = 64,
    columns: int = 64,
    *,
    pixels: NDArray[np.integer] | None = None,
    **attributes: object,
) -> list[Path]:
    """A CT series: water body (40 HU, noise 10 HU) in air, 16-bit signed, intercept -1024.

    ``pixels`` are stored values (slices, rows, columns) instead of the phantom.
    """
    if pixels is None:
        body = phantom(slices, rows, columns) * 1040 - 1000
        noise = np.random.default_rng(1).normal(0, 10, body.shape)
        pixels = np.clip(body + noise, -1024, 3071).round().astype(np.int16) + np.int16(1024)
    images = []
    for i in range(len(pixels)):
        image = _image(CTImageStorage, "CT", i, pixels[i], bits_stored=16)
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "-1024", "1", "HU"
        image.KVP = "120"
        image.AcquisitionNumber = "1"
        image.BodyPartExamined = "ABDOMEN"
        image.SeriesDescription = "Abdomen 5.0 B30f"
        image.ConvolutionKernel = "B30f"
        image.WindowCenter, image.WindowWidth = "40", "400"
        images.append(image)
    return _write(folder, images, attributes)


def mr_series(
    folder: Path,
    slices: int = 5,
    rows: int = 64,
    columns: int = 64,
    *,
    pixels: NDArray[np.integer] | None = None,
    **attributes: object,
) -> list[Path]:
    """An MR series: signal 1000 with noise 20 in a dark background, 12 bits unsigned."""
    if pixels is None:
        signal = phantom(slices, rows, columns) * 1000
        generator = np.random.default_rng(2)
        noise = generator.normal(0, 20, (2, *signal.shape))
        magnitude = np.hypot(signal + noise[0], noise[1])  # Rician, as magnitude images are
        pixels = magnitude.clip(0, 4095).round().astype(np.uint16)
    images = []
    for i in range(len(pixels)):
        image = _image(MRImageStorage, "MR", i, pixels[i], bits_stored=12)
        image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        image.ScanningSequence = "SE"
        image.SequenceVariant = "NONE"
        image.ScanOptions = ""
        image.MRAcquisitionType = "2D"
        image.RepetitionTime, image.EchoTime, image.EchoTrainLength = "3000", "90", "1"
        image.BodyPartExamined = "HEAD"
        image.SeriesDescription = "t2 axial"
        images.append(image)
    return _write(folder, images, attributes)


def pet_series(
    folder: Path,
    slices: int = 5,
    rows: int = 64,
    columns: int = 64,
    *,
    pixels: NDArray[np.integer] | None = None,
    **attributes: object,
) -> list[Path]:
    """A PET series in Bq/ml whose slope differs from slice to slice, 16-bit signed."""
    generator = np.random.default_rng(3)
    activity = phantom(slices, rows, columns) * 5000
    activity = np.clip(activity + generator.normal(0, 200, activity.shape), 0, None)
    images = []
    for i in range(slices if pixels is None else len(pixels)):
        slope = 0.25 + 0.01 * i
        stored = (activity[i] / slope).round().astype(np.int16) if pixels is None else pixels[i]
        image = _image(PositronEmissionTomographyImageStorage, "PT", i, stored, bits_stored=16)
        image.ImageType = ["ORIGINAL", "PRIMARY"]
        image.RescaleIntercept, image.RescaleSlope = "0", str(slope)
        image.Units, image.CountsSource, image.SeriesType = (
            "BQML",
            "EMISSION",
            ["WHOLE BODY", "IMAGE"],
        )
        image.NumberOfSlices = slices if pixels is None else len(pixels)
        image.CorrectedImage = ["DECY", "ATTN", "SCAT", "NORM"]
        image.DecayCorrection = "START"
        image.CollimatorType = "NONE"
        image.FrameReferenceTime = "0"
        image.ActualFrameDuration = "180000"
        image.AcquisitionDate, image.AcquisitionTime = "20240102", "101500"
        image.ImageIndex = i + 1
        image.DecayFactor = "1.0"
        image.PatientWeight = "70"
        image.BodyPartExamined = "WHOLEBODY"
        image.SeriesDescription = "WB FDG AC"
        tracer = Dataset()
        tracer.Radiopharmaceutical = "Fluorodeoxyglucose"
        tracer.RadiopharmaceuticalStartTime = "091500"
        tracer.RadionuclideTotalDose = "350000000"
        tracer.RadionuclideHalfLife = "6586.2"
        tracer.RadionuclidePositronFraction = "0.97"
        tracer.RadionuclideCodeSequence = [_code("77004003", "SCT", "^18^Fluorine")]
        tracer.RadiopharmaceuticalCodeSequence = [
            _code("35321007", "SCT", "Fluorodeoxyglucose F^18^")
        ]
        image.RadiopharmaceuticalInformationSequence = [tracer]
        del image.PatientPosition  # the codes below take its place (PS3.3 C.7.3.1.1.2)
        image.PatientOrientationCodeSequence = [_code("102538003", "SCT", "recumbent")]
        image.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = [
            _code("40199007", "SCT", "supine")
        ]
        image.PatientGantryRelationshipCodeSequence = [_code("102540008", "SCT", "headfirst")]
        images.append(image)
    return _write(folder, images, attributes)


def stills(
    folder: Path,
    sop_class_uid: str,
    modality: str,
    *,
    views: tuple[str, ...],
    photometric: str = "MONOCHROME2",
) -> list[Path]:
    """Projections of one series, one for each view, 12 bits: a body with noise of 5 % around 2000.

    With MONOCHROME1 the same picture on the screen, its values turned round.
    """
    images = []
    for i, view in enumerate(views):
        noise = np.random.default_rng(20 + i).normal(0, 100, (128, 128))
        picture = (phantom(1, 128, 128)[0] * 2000 + noise).clip(0, 4095).round().astype(np.uint16)
        stored = picture if photometric == "MONOCHROME2" else 4095 - picture
        image = _image(sop_class_uid, modality, i, stored.astype(np.uint16), bits_stored=12)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            delattr(image, keyword)
        image.PhotometricInterpretation = photometric
        image.ImageType = ["ORIGINAL", "PRIMARY"]
        image.ImagerPixelSpacing = ["0.2", "0.2"]
        image.BodyPartExamined = "BREAST" if modality == "MG" else "CHEST"
        image.ImageLaterality, image.ViewPosition = "L", view
        images.append(image)
    return _write(folder, images, {})


def phantom(slices: int, rows: int, columns: int) -> NDArray[np.float64]:
    """0 outside, 1 in an elliptic body with two organs (0.9, 1.1); (slices, rows, columns)."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    image = np.where((x / 0.85) ** 2 + (y / 0.65) ** 2 < 1, 1.0, 0.0)
    image[np.hypot(x + 0.4, y) < 0.2] = 1.1
    image[np.hypot(x - 0.4, y) < 0.2] = 0.9
    return np.repeat(image[None], slices, axis=0)


def noisy_ct(slices: int = 3, rows: int = 64, noise_hu: float = 30.0) -> NDArray[np.int16]:
    """Stored values of ``ct_series`` that any engine calls noisy."""
    body = phantom(slices, rows, rows) * 1040 - 1000
    noise = np.random.default_rng(1).normal(0, noise_hu, body.shape)
    stored: NDArray[np.int16] = np.clip(body + noise + 1024, 0, 4095).round().astype(np.int16)
    return stored


def rewritten(
    stack: SeriesStack,
    folder: Path,
    change: Callable[[int, NDArray[np.float32]], NDArray[np.floating]],
) -> list[Path]:
    """A series like ``stack``'s with new UIDs and ``change(slice, values)`` for pixels.

    Stands in for what writes restored series, for tests of what judges them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series = generate_uid(prefix="2.25.")
    paths = []
    for i, instance in enumerate(stack.instances):
        image = stack.header(i)
        image.SeriesInstanceUID = series
        image.SOPInstanceUID = generate_uid(prefix="2.25.")
        values = change(i, stack.slab(i, i + 1).values[0])
        stored = stack.to_stored(i, np.asarray(values, np.float32))
        image.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
        image["PixelData"].VR = "OW" if instance.bits_allocated > 8 else "OB"
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = image.SOPClassUID
        meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta = meta
        paths.append(folder / f"{i:04d}.dcm")
        image.save_as(paths[-1], enforce_file_format=True)
    return paths


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _image(
    sop_class_uid: str, modality: str, i: int, stored: NDArray[np.integer], bits_stored: int
) -> Dataset:
    """What CT, MR and PET share: patient to image plane, pixels; slice ``i`` at 5 mm steps."""
    image = Dataset()
    image.SOPClassUID = sop_class_uid
    image.SOPInstanceUID = generate_uid(prefix="2.25.")
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName, image.PatientID = "MEDQ^TEST", "MEDQ-1"
    image.PatientBirthDate, image.PatientSex = "", "O"
    image.StudyDate = image.SeriesDate = image.ContentDate = "20240102"
    image.StudyTime = image.SeriesTime = image.ContentTime = "101500"
    image.StudyID, image.AccessionNumber, image.ReferringPhysicianName = "1", "A1", ""
    image.StudyDescription = "Test study"
    image.Modality = modality
    image.SeriesNumber = "2"
    image.Manufacturer = "MedQ Test Builder"
    image.ManufacturerModelName = "Phantom"
    image.PatientPosition = "HFS"
    image.PositionReferenceIndicator = ""
    image.InstanceNumber = str(i + 1)
    image.ImagePositionPatient = ["-32", "-32", str(5.0 * i)]
    image.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    image.PixelSpacing = ["1", "1"]
    image.SliceThickness = "5"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated = stored.dtype.itemsize * 8
    image.BitsStored = min(bits_stored, image.BitsAllocated)
    image.HighBit = image.BitsStored - 1
    image.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    image.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    image["PixelData"].VR = "OW"
    return image


def _write(folder: Path, images: list[Dataset], attributes: dict[str, object]) -> list[Path]:
    """Give the images one study, series and frame of reference, and write them."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (generate_uid(prefix="2.25.") for _ in range(3))
    paths = []
    for i, image in enumerate(images):
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.FrameOfReferenceUID = frame
        for keyword, value in attributes.items():
            if value is None:
                image.pop(keyword, None)
            else:
                setattr(image, keyword, value)
        image.file_meta = FileMetaDataset()
        image.file_meta.MediaStorageSOPClassUID = image.get("SOPClassUID", "1.2.3")
        image.file_meta.MediaStorageSOPInstanceUID = image.get("SOPInstanceUID", "1.2.3")
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{series}-{i + 1:04d}.dcm"
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
