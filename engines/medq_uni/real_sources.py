"""Who of a folder of real images is held out, and the clean slices of the others or of them.

A patient is held out as a person, in all modalities, so that nobody's MR is learned from while
their PET is measured on.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from engines.description import Modality
from engines.medq_uni.degradations.checks import LEAST_SIDE, within
from engines.medq_uni.held_out import chosen, lot_of, mark_of
from engines.medq_uni.pair import Source
from engines.medq_uni.sources import is_clean, load_series, slices_of

AnyArray = npt.NDArray[Any]

_DAMAGED = (KeyError, OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)


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
    return tuple(_header(path) for path in _files(folder))


def held_out_patients(folder: Path, share: float, seed: int) -> frozenset[str]:
    """Patients of ``folder`` that are held out: about ``share`` of them, each decided alone.

    Where that takes none of the patients of a modality, or all, one is moved as ``held_out.chosen``
    says, so that a modality of two patients or more has some on both sides as a rule. All series
    count, noisy ones among them, whatever is left out later, so that leaving a group out moves
    nobody.

    Raises:
        ValueError: as ``read_headers``, or ``share`` not within 0 to 1.
    """
    within("share", share, 0, 1)
    headers = read_headers(folder)
    marks: dict[str, list[str]] = {}
    for header, path in zip(headers, _files(folder), strict=True):
        marks.setdefault(header.patient, []).append(_mark(path))
    lots = {patient: lot_of(some, seed) for patient, some in marks.items()}
    held = {patient for patient, lot in lots.items() if lot < share}
    alike = [
        {header.patient: lots[header.patient] for header in headers if header.modality is modality}
        for modality in Modality.sectional()
    ]
    for some in alike:
        if some and some.keys() <= held:
            held -= some.keys() - chosen(some, share)
    for some in alike:
        if not held & some.keys():
            held |= chosen(some, share)
    return frozenset(held)


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


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def _mark(path: Path) -> str:
    """``held_out.mark_of`` the series in ``path``, of which no more is read than that needs."""
    try:
        with (
            zipfile.ZipFile(path) as members,
            members.open("values.npy") as values,
            members.open("valid.npy") as valid,
        ):
            return mark_of(
                np.where(known, some, np.float32(0))
                for some, known in zip(_slices(values), _slices(valid), strict=True)
            )
    except _DAMAGED as error:
        raise ValueError(f"{path.name} is no array file of a series ({error})") from error


def _slices(file: IO[bytes]) -> Iterator[AnyArray]:
    """The slices of an ``.npy`` file of (slices, rows, columns), read one by one."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, kind = read(file)
    if len(shape) != 3 or by_columns or kind.hasobject:
        raise ValueError("values and valid must be (slices, rows, columns), row by row")
    bytes_ = shape[1] * shape[2] * kind.itemsize
    for _ in range(shape[0]):
        yield np.frombuffer(file.read(bytes_), kind).reshape(shape[1:])


def _header(path: Path) -> Header:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            info: dict[str, Any] = json.loads(str(arrays["info"]))
        return Header(
            str(info["name"]), str(info["group"]), str(info["patient"]), Modality(info["modality"])
        )
    except _DAMAGED as error:
        raise ValueError(f"{path.name} is no array file of a series ({error})") from error
