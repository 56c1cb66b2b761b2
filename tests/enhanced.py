"""Small, valid enhanced multi-frame objects for tests, made of the classic ones of ``tests.build``.

highdicom makes Legacy Converted Enhanced CT, MR and PET of them.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
from highdicom.legacy import (
    LegacyConvertedEnhancedCTImage,
    LegacyConvertedEnhancedMRImage,
    LegacyConvertedEnhancedPETImage,
)
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.build import ct_series, mr_series, pet_series

_MADE = {
    "CT": (ct_series, LegacyConvertedEnhancedCTImage),
    "MR": (mr_series, LegacyConvertedEnhancedMRImage),
    "PT": (pet_series, LegacyConvertedEnhancedPETImage),
}


def converted(modality: str, folder: Path, **attributes: object) -> Path:
    """One Legacy Converted Enhanced object of a classic series of ``modality``."""
    make, convert = _MADE[modality]
    images = [pydicom.dcmread(path) for path in make(folder / "classic", **attributes)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = convert(
            legacy_datasets=images,
            series_instance_uid=generate_uid(prefix="2.25."),
            series_number=7,
            sop_instance_uid=generate_uid(prefix="2.25."),
            instance_number=1,
        )
    path = folder / "enhanced.dcm"
    made.save_as(path, enforce_file_format=True)
    return path


def with_echoes(folder: Path, echoes: tuple[float, float] = (10.0, 90.0)) -> Path:
    """One object of three positions in two echoes, frame after frame in turns."""
    path = converted("MR", folder, slices=6)
    made = pydicom.dcmread(path)
    for k, group in enumerate(made.PerFrameFunctionalGroupsSequence):
        place, echo = divmod(k, 2)
        group.PlanePositionSequence[0].ImagePositionPatient = [-32, -32, 5 * place]
        group.FrameContentSequence[0].InStackPositionNumber = place + 1
        item = Dataset()
        item.EffectiveEchoTime = echoes[echo]
        group.MREchoSequence = [item]
    made.save_as(path, enforce_file_format=True)
    return path
