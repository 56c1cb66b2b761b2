"""One object of each kind of pixels that leave the node or pass through it."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

import numpy as np
import pydicom
from pydicom.uid import (
    UID,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from medq_node.delivery.parcel import Parcel
from tests.build import ct_series, mr_series, phantom


def every_kind(folder: Path) -> dict[str, Path]:
    """Unsigned, signed, 12 bits in 16 of both, 8 bit colour, several frames; all with noise."""
    noise = np.random.default_rng(4).normal(0, 20, (3, 64, 64))
    body = phantom(3, 64, 64) * 1000 + noise
    signed = (body - 900).round().astype(np.int16)
    kinds = {
        "unsigned": ct_series(folder / "u", pixels=body[:1].clip(0).astype(np.uint16))[0],
        "signed": ct_series(folder / "s", pixels=signed[:1] * np.int16(20))[0],
        "12 in 16": mr_series(folder / "u12", pixels=body[:1].clip(0, 4095).astype(np.uint16))[0],
        "signed 12 in 16": mr_series(folder / "s12", pixels=signed[:1])[0],
        "colour": _colour(folder / "rgb", body[:1].clip(0) / 8),
        "frames": _frames(folder / "frames", body.clip(0).astype(np.uint16)),
    }
    assert pydicom.dcmread(kinds["signed 12 in 16"]).pixel_array.min() < 0
    return kinds


def certified(files: list[Path]) -> list[Parcel]:
    """As parcels of what the node made."""
    return [
        Parcel(
            file,
            str(pydicom.dcmread(file).SOPInstanceUID),
            PurePosixPath(file.name),
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        for file in files
    ]


def stored_by(folder: Path) -> dict[str, pydicom.FileDataset]:
    """What a peer keeps in ``folder``, by SOP Instance UID."""
    return {str((ds := pydicom.dcmread(f)).SOPInstanceUID): ds for f in folder.iterdir()}


def _colour(folder: Path, grey: np.ndarray) -> Path:
    path = mr_series(folder, pixels=grey.astype(np.uint8))[0]
    ds = pydicom.dcmread(path)
    plane = grey[0].astype(np.uint8)
    pixels = np.stack([plane, plane // 2, 255 - plane], axis=-1)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    return _as(ds, path, SecondaryCaptureImageStorage)


def _frames(folder: Path, frames: np.ndarray) -> Path:
    path = ct_series(folder, pixels=frames[:1])[0]
    ds = pydicom.dcmread(path)
    ds.NumberOfFrames = len(frames)
    ds.PixelData = frames.tobytes()
    return _as(ds, path, MultiFrameGrayscaleWordSecondaryCaptureImageStorage)


def _as(ds: pydicom.FileDataset, path: Path, sop_class: UID) -> Path:
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.BitsStored, ds.HighBit = ds.BitsAllocated, ds.BitsAllocated - 1
    ds.save_as(path)
    return path
