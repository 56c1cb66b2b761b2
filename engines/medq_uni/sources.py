"""Real images as sources: arrays and words from a folder of ``.npz`` files, split by patient.

Each file holds a series: ``values`` float32 and ``valid`` bool, (slices, rows, columns), and
``info``, a JSON text with name, group, patient (a digest), modality, region, unit, spacing_mm and
acquisition, as ``python -m medq_node.pixels.arrays`` writes it.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines.base import BoolArray, FloatArray
from engines.classical.noise import kernel_side, slice_noise
from engines.description import Degradation, Modality
from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.ct.residual import residual
from engines.medq_uni.degradations.mr.extent import held_extents, held_shape, to_extent
from engines.medq_uni.held_out import chosen, lot_of, mark_of
from engines.medq_uni.pair import Source
from engines.severity import cut_offs

AIR_HU = -1000.0
GRADIENT_ECHO_MS, SHORT_ECHO_MS, LONG_ECHO_MS = 8.0, 40.0, 60.0
SHORT_REPETITION_MS, LONG_REPETITION_MS = 1100.0, 1500.0
FLUID_NULLED_MS = 1500.0
"""Times that tell how an MR image is weighted (Bushberg, The Essential Physics of Medical Imaging,
4th edition, ch. 13)."""
USUAL_SLICE_MM = 3.0
"""Thickness of a slice whose series tells neither that nor its spacing: as body CT is mostly read.
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One series from an ``.npz`` file.

    ``values`` is float32 and ``valid`` bool, (slices, rows, columns); padding is set to air (CT)
    or to zero. ``spacing_mm`` is (slice, row, column), 0.0 where unknown. ``acquisition`` holds
    what is known of kVp, kernel, slice thickness and the like.
    """

    name: str
    group: str
    patient: str
    modality: Modality
    region: str
    unit: str
    values: FloatArray
    valid: BoolArray
    spacing_mm: tuple[float, float, float]
    acquisition: dict[str, float | str]

    @property
    def pixel_mm(self) -> float:
        """Pixel spacing in mm; the geometric mean where rows and columns differ."""
        return float((self.spacing_mm[1] * self.spacing_mm[2]) ** 0.5)


def load_series(
    folder: Path, modality: Modality, groups: Iterable[str] | None = None
) -> tuple[Series, ...]:
    """All series of ``modality`` in ``folder``, by name; of ``groups`` only, where given.

    Raises:
        ValueError: no such folder, a file that isn't such an array file, or none that fits.
    """
    if not folder.is_dir():
        raise ValueError(f"folder {folder} doesn't exist")
    wanted = None if groups is None else set(groups)
    found = []
    for path in sorted(folder.glob("*.npz")):
        series = _read(path, modality, wanted)
        if series is not None:
            found.append(series)
    if not found:
        chosen = "" if wanted is None else f" in groups {', '.join(sorted(wanted))}"
        raise ValueError(f"folder {folder} has no {modality} series{chosen}")
    return tuple(found)


def load_sources(
    folder: Path, modality: Modality, groups: Iterable[str] | None = None
) -> tuple[Source, ...]:
    """One source per slice of ``load_series``, its residual noise measured.

    Raises:
        ValueError: as ``load_series``.
    """
    return tuple(
        source for series in load_series(folder, modality, groups) for source in slices_of(series)
    )


def slices_of(series: Series) -> tuple[Source, ...]:
    """Every slice of a series as a source.

    Its thickness is the series' own, else its spacing, else 3 mm, as body CT is mostly read. Of MR
    that a scanner interpolated it has the pixels that were measured (``as_measured``).
    """
    series = as_measured(series)
    told = (float(series.acquisition.get("slice_thickness_mm", 0.0) or 0.0), series.spacing_mm[0])
    thickness = next((mm for mm in told if math.isfinite(mm) and mm > 0), USUAL_SLICE_MM)
    return tuple(
        Source(
            name=f"{series.name}/{k + 1}",
            patient=series.patient,
            modality=series.modality,
            region=series.region,
            unit=series.unit,
            values=_seen(series, k),
            pixel_mm=series.pixel_mm,
            slice_mm=thickness,
            noise=_noise(series, k),
            contrast=weighting(series),
        )
        for k in range(len(series.values))
    )


def as_measured(series: Series) -> Series:
    """An MR series with as many pixels as its scan held; any other, or one that does, as it is.

    Scanners fill k-space up with zeros. Of what they measured nothing is lost, but along an axis
    that is the finer one: pixels are square (``extent.held_shape``). Field of view and scale stay.
    """
    if series.modality is not Modality.MR or not len(series.values):
        return series
    shape = series.values.shape[1:]
    smaller = held_shape(shape, held_extents(series.values), series.spacing_mm[1:])
    if smaller == shape:
        return series
    rows, columns = (
        np.arange(m) * n // m + n // m // 2 for n, m in zip(shape, smaller, strict=True)
    )
    row_mm, column_mm = (
        mm * n / m for mm, n, m in zip(series.spacing_mm[1:], shape, smaller, strict=True)
    )
    return replace(
        series,
        values=np.stack([to_extent(values, smaller) for values in series.values]),
        valid=series.valid[:, rows][:, :, columns],
        spacing_mm=(series.spacing_mm[0], row_mm, column_mm),
    )


def weighting(series: Series) -> str:
    """T1, T2, PD or FLAIR of an MR series by its times, as a rule; empty where they don't tell.

    Quick gradient echoes and inversion recovery with a short echo are T1; an inversion time that
    nulls fluid, with a long echo, is FLAIR.
    """
    if series.modality is not Modality.MR:
        return ""
    echo, repetition, inversion = (
        float(series.acquisition.get(f"{name}_time_ms", 0.0) or 0.0)
        for name in ("echo", "repetition", "inversion")
    )
    if not 0 < echo < math.inf or not 0 < repetition < math.inf:
        return ""
    if echo >= LONG_ECHO_MS:
        return "FLAIR" if inversion >= FLUID_NULLED_MS else "T2"
    if echo <= GRADIENT_ECHO_MS or repetition <= SHORT_REPETITION_MS:
        return "T1"
    return "PD" if echo <= SHORT_ECHO_MS and repetition >= LONG_REPETITION_MS else ""


def is_clean(source: Source) -> bool:
    """Whether the source's own noise is less than what the words call mild noise.

    What can't be measured isn't called clean.
    """
    if source.noise is None:
        return False
    pet = source.modality is Modality.PT
    degradation = Degradation.LOW_COUNT if pet else Degradation.NOISE
    row = cut_offs(source.modality, degradation, source.region)
    if row is None:
        return True
    if row.unit == "HU":
        return source.noise < row.mild
    valid = np.ones(source.values.shape, np.bool_)
    side = kernel_side(source.modality, source.pixel_mm, source.pixel_mm)
    percent = slice_noise(source.values, valid, source.modality, side)[0].percent
    return percent is not None and percent < row.mild


def split(
    sources: Sequence[Source], share: float, seed: int
) -> tuple[tuple[Source, ...], tuple[Source, ...]]:
    """``sources`` in two, no patient in both; the second has about ``share`` of the patients.

    Each patient is decided alone, by the values of their slices (``engines.medq_uni.held_out``):
    arrays made anew with another salt or other names are split alike, and whoever is added or left
    out moves nobody else. As a rule both parts have a patient where there are two or more.
    ``real_sources.held_out_patients`` decides by values as they lie in the files: it says the same
    of whole series of one modality whose slices were left as they are when they were read.

    Raises:
        ValueError: ``share`` not within 0 to 1, or two sources of one name.
    """
    within("share", share, 0, 1)
    names = [source.name for source in sources]
    if len(set(names)) != len(names):
        raise ValueError("sources: two have the same name")
    series: dict[tuple[str, str], list[Source]] = {}
    # The tenth slice comes after the ninth.
    for source in sorted(sources, key=lambda source: (len(source.name), source.name)):
        name = source.name.rpartition("/")[0] or source.name
        series.setdefault((source.patient, name), []).append(source)
    marks: dict[str, list[str]] = {}
    for (patient, _), slices in series.items():
        marks.setdefault(patient, []).append(mark_of(source.values for source in slices))
    second = chosen({patient: lot_of(some, seed) for patient, some in marks.items()}, share)
    return (
        tuple(source for source in sources if source.patient not in second),
        tuple(source for source in sources if source.patient in second),
    )


def _read(path: Path, modality: Modality, groups: set[str] | None) -> Series | None:
    """The series in ``path`` where it is one that is asked for."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            info: dict[str, Any] = json.loads(str(arrays["info"]))
            if info["modality"] != modality or (groups is not None and info["group"] not in groups):
                return None
            return _series(info, modality, arrays["values"], arrays["valid"])
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is no array file of a series ({error})") from error


def _series(
    info: dict[str, Any], modality: Modality, values: FloatArray, valid: BoolArray
) -> Series:
    slice_mm, row_mm, column_mm = (float(mm) for mm in info["spacing_mm"])
    if values.ndim != 3 or valid.shape != values.shape:
        raise ValueError("values and valid don't fit together")
    empty = AIR_HU if modality is Modality.CT else 0.0
    return Series(
        name=info["name"],
        group=info["group"],
        patient=info["patient"],
        modality=modality,
        region=info["region"],
        unit=info["unit"],
        values=np.where(valid, values, np.float32(empty)).astype(np.float32),
        valid=valid.astype(np.bool_),
        spacing_mm=(slice_mm, row_mm, column_mm),
        acquisition=dict(info.get("acquisition", {})),
    )


def _seen(series: Series, k: int) -> FloatArray:
    """Values of slice ``k``; an MR magnitude that interpolation pushed below 0 is cut off."""
    values: FloatArray = series.values[k]
    if series.modality is not Modality.MR:
        return values
    return np.asarray(np.maximum(values, 0), np.float32)


def _noise(series: Series, k: int) -> float | None:
    """Residual noise of slice ``k`` in the series' unit; ``None`` where it can't be measured."""
    values, valid = series.values[k], series.valid[k]
    if series.modality is Modality.CT and series.pixel_mm > 0 and min(values.shape) >= 32:
        return residual(values, series.pixel_mm, valid)[0].known
    side = kernel_side(series.modality, *series.spacing_mm[1:])
    return slice_noise(values, valid, series.modality, side)[0].sigma
