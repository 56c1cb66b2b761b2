"""Who of a folder of real images is held out, and the clean slices of the others or of them.

A patient is held out as a person, in all modalities: whom the split of any one modality holds out
is held out of all, so that nobody's MR is learned from while their PET is measured on.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.description import Modality
from engines.medq_uni.degradations.checks import LEAST_SIDE
from engines.medq_uni.pair import Source
from engines.medq_uni.sources import is_clean, load_series, slices_of, split


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its series without its pixels."""

    name: str
    group: str
    patient: str
    modality: Modality


def read_headers(folder: Path) -> tuple[Header, ...]:
    """One per series in ``folder``, by the files' names.

    Raises:
        ValueError: no such folder, or a file that isn't an array file of a series.
    """
    if not folder.is_dir():
        raise ValueError(f"folder {folder} doesn't exist")
    return tuple(_header(path) for path in sorted(folder.glob("*.npz")))


def held_out_patients(folder: Path, share: float, seed: int) -> frozenset[str]:
    """Patients of ``folder`` that ``sources.split`` of any of its modalities puts second.

    Of each modality they are ``share`` of the patients or more. All series count, noisy ones among
    them, whatever is left out later, so that leaving a group out moves nobody.

    Raises:
        ValueError: as ``read_headers``, or ``share`` not within 0 to 1.
    """
    headers = read_headers(folder)
    found: set[str] = set()
    nothing = np.empty((0, 0), np.float32)
    for modality in Modality:
        # The split asks for names alone: the first slice of a series stands for all.
        slices = [
            Source(f"{header.name}/1", header.patient, modality, "", "", nothing, 0.0, 0.0)
            for header in headers
            if header.modality is modality
        ]
        found |= {source.patient for source in split(slices, share, seed)[1]}
    return frozenset(found)


def clean_sources(
    folder: Path,
    modality: Modality,
    whose: Callable[[str], bool] = lambda patient: True,
    without: Iterable[str] = (),
) -> tuple[Source, ...]:
    """The slices of ``modality`` in ``folder`` that can be a truth; none, where there are none.

    They have little noise of their own, a known pixel spacing and sides of 16 pixels or more.
    ``whose`` says of a patient whether theirs are taken; groups of ``without`` are left out.

    Raises:
        ValueError: as ``read_headers``, or no group in the folder has a name of ``without``.
    """
    headers = read_headers(folder)
    left_out = set(without)
    known = {header.group for header in headers}
    if left_out - known:
        raise ValueError(
            f"without: folder {folder} has no group {min(left_out - known)!r}; "
            f"known: {', '.join(sorted(known))}"
        )
    wanted = {
        header.group
        for header in headers
        if header.modality is modality and header.group not in left_out
    }
    if not wanted:
        return ()
    return tuple(
        source
        for series in load_series(folder, modality, wanted)
        if whose(series.patient) and series.pixel_mm > 0
        for source in slices_of(series)
        if min(source.values.shape) >= LEAST_SIDE and is_clean(source)
    )


def real_sources(
    folder: Path, modality: Modality, held_out: float | None = None, split_seed: int = 0
) -> tuple[Source, ...]:
    """The slices of ``modality`` in ``folder`` that an evaluation takes: ``clean_sources``.

    ``held_out`` is the share of patients that a training left out: only theirs are taken. They are
    ``held_out_patients``, so that a training has to split the same.

    Raises:
        ValueError: no such folder, a file that is no array file, no such slice, or a share not
            within 0 to 1.
    """
    if held_out is None:
        found = clean_sources(folder, modality)
    else:
        found = clean_sources(
            folder, modality, held_out_patients(folder, held_out, split_seed).__contains__
        )
    if not found:
        whose = "" if held_out is None else " of patients held out"
        raise ValueError(
            f"folder {folder} has no {modality} slice{whose} with little noise of its own"
        )
    return found


def _header(path: Path) -> Header:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            info: dict[str, Any] = json.loads(str(arrays["info"]))
        return Header(
            str(info["name"]), str(info["group"]), str(info["patient"]), Modality(info["modality"])
        )
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is no array file of a series ({error})") from error
