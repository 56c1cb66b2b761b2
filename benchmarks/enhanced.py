"""One large Legacy Converted Enhanced CT object, made without ever lying in memory whole."""

from __future__ import annotations

import struct
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

_LARGEST_STORED = 4095
_THICKNESS_MM = 3.0


def enhanced_ct(files: tuple[Path, ...], frames: int, path: Path) -> Path:
    """Write one object of ``frames`` frames made of the images of ``files``, over and over.

    No two frames are alike, as an engine may know an image again: each pixel is one HU higher or
    not. highdicom converts images of one pixel; the true pixels are written behind its header.
    """
    templates = [pydicom.dcmread(file) for file in files]
    pixels = [template.pixel_array for template in templates]
    rows, columns = pixels[0].shape
    for template in templates:
        template.Rows = template.Columns = 1
        template.PixelData = b"\0\0"
    small = []
    for number in range(frames):
        one = deepcopy(templates[number % len(files)])
        one.SOPInstanceUID = generate_uid(prefix="2.25.")
        one.InstanceNumber = number + 1
        x, y, _ = one.ImagePositionPatient
        one.ImagePositionPatient = [x, y, _THICKNESS_MM * number]
        small.append(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = LegacyConvertedEnhancedCTImage(
            legacy_datasets=small,
            series_instance_uid=generate_uid(prefix="2.25."),
            series_number=1,
            sop_instance_uid=generate_uid(prefix="2.25."),
            instance_number=1,
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
    made.Rows, made.Columns = rows, columns
    del made.PixelData
    # It names the maker of the images, which is this product: the loop firewall would ignore them.
    del made.ContributingEquipmentSequence
    made.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 2 * rows * columns * frames))
        for number in range(frames):
            stored = pixels[number % len(files)]
            dither = np.random.default_rng(number).integers(0, 2, stored.shape, stored.dtype)
            file.write(np.where(stored < _LARGEST_STORED, stored + dither, stored).tobytes())
    return path
