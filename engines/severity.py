"""When is it mild, moderate, severe? One table for every engine.

The cut-offs are chosen, not standardised; each row says why. A measured amount at or above a
cut-off has that severity; below ``mild`` it is ``none``, that is, looked for and not found.
What is measured in two units has the worse of both severities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engines.description import Amount, Degradation, Finding, Modality, Severity, rounded


@dataclass(frozen=True, slots=True)
class CutOffs:
    """Lowest amounts of mild, moderate and severe in ``unit``.

    Where ``per_pixel`` is set the cut-offs of a series are these or that many in-plane pixel
    spacings (mm), whichever is larger: blur below what the pixels can show is no blur.
    """

    unit: str
    mild: float
    moderate: float
    severe: float
    reason: str
    per_pixel: tuple[float, float, float] | None = None


_CT_BLUR_PIXELS = (3.0, 4.0, 6.0)
_MR_BLUR_PIXELS = (4.0, 5.5, 8.0)

Key = tuple[Modality, Degradation, str | None]
"""Modality, degradation, and region or None for all others."""

CUT_OFFS: dict[Key, CutOffs] = {
    (Modality.CT, Degradation.NOISE, None): CutOffs(
        "HU", 15, 25, 35,
        "Routine body protocols aim at 8 to 15 HU in soft tissue. Low-contrast lesions differ from "
        "their organ by 20 to 40 HU: at 25 HU a single pixel no longer tells a faint one, at 35 HU "
        "hardly any. The chest has no row of its own, nor have bones: lung and bone would bear "
        "twice as much, but noise is measured in soft tissue, the mediastinum is read from the "
        "same images, and an engine does not know what a reader looks for.",
    ),
    (Modality.CT, Degradation.NOISE, "head"): CutOffs(
        "HU", 6, 9, 13,
        "Grey and white matter differ by about 6 to 10 HU, so the head needs a third of the noise; "
        "routine heads have 3 to 5 HU.",
    ),
    (Modality.MR, Degradation.NOISE, None): CutOffs(
        "% of signal", 8, 14, 20,
        "Brain tissues differ by 10 to 20 % of the signal. Sound brains measure 3 to 7 % (fine "
        "anatomy included, so the figure is an upper bound), grainy fat-suppressed or derived "
        "images 14 to 18 %.",
    ),
    (Modality.PT, Degradation.LOW_COUNT, None): CutOffs(
        "% of signal", 10, 15, 25,
        "EANM asks for a coefficient of variation of at most 15 % in uniform uptake (Boellaard "
        "2015, FDG guideline 2.0); 10 % is a good liver, and at 25 % small lesions drown.",
    ),
    (Modality.CT, Degradation.BLUR, None): CutOffs(
        "mm FWHM", 2.0, 2.8, 4.0,
        "A standard body kernel gives 1.0 to 1.6 mm; 4 mm hides vessels and small nodules.",
        per_pixel=_CT_BLUR_PIXELS,
    ),
    (Modality.MR, Degradation.BLUR, None): CutOffs(
        "mm FWHM", 2.5, 3.5, 5.0,
        "Acquired voxels are 0.5 to 1.5 mm, often interpolated to half that, so that an edge of a "
        "sound image spans up to 3 pixels.",
        per_pixel=_MR_BLUR_PIXELS,
    ),
    (Modality.CT, Degradation.CLIPPING, None): CutOffs(
        "% of pixels", 0.1, 1, 5,
        "Dense metal beyond the highest stored value is a few hundredths of a per cent of a body "
        "and expected; one per cent loses anatomy.",
    ),
    (Modality.MR, Degradation.CLIPPING, None): CutOffs(
        "% of pixels", 0.1, 1, 5, "As in CT: single bright pixels are harmless, areas are not.",
    ),
    (Modality.CT, Degradation.METAL, None): CutOffs(
        "HU", 20, 40, 80,
        "The error that a tenth of the soft tissue within 6 cm of the metal surpasses. From 20 HU "
        "on streaks hide or feign some of what differs from its organ by 20 to 40 HU, from 40 HU "
        "on all of it; at 80 HU they draw borders of organs. The head has no row: its metal is "
        "mostly in the teeth, away from the brain.",
    ),
    (Modality.MR, Degradation.UNDERSAMPLING, None): CutOffs(
        "fold", 1.5, 2.5, 4,
        "How many times fewer lines were measured than the image needs and its reconstruction can "
        "make up for. Partial Fourier leaves out 1.3 fold unseen, 2 fold is visible, and 4 fold "
        "is where public benchmarks of accelerated MR begin.",
    ),
    (Modality.MR, Degradation.MOTION, None): CutOffs(
        "mm", 1, 2.5, 5,
        "Largest displacement while the image was measured. Body voxels are 1 to 2.5 mm: less than "
        "one is hardly seen, two and more make ghosts across organs.",
    ),
    (Modality.MR, Degradation.MOTION, "head"): CutOffs(
        "mm", 0.5, 1.5, 3,
        "Brain voxels are 0.5 to 1.5 mm; at 3 mm even functional series, the coarsest, are "
        "commonly thrown away.",
    ),
    (Modality.PT, Degradation.MOTION, None): CutOffs(
        "mm", 5, 10, 20,
        "Way between the ends of a movement while counts were gathered. PET resolves 4 to 7 mm, so "
        "that less is hidden in it; free breathing moves organs by 5 to 15 mm, and 20 mm smear a "
        "small lesion out of sight.",
    ),
    (Modality.PT, Degradation.MOTION, "head"): CutOffs(
        "mm", 2, 4, 8,
        "The cortex is 3 mm thick and its folds lie close: a way of 4 mm takes some of the "
        "contrast that dementia is read from, 8 mm most of what resolution left.",
    ),
    **{
        (modality, Degradation.NOISE, None): CutOffs(
            "% of signal", 8, 14, 20,
            "Nothing better is known: the row of MR. It was never compared with what readers say "
            "of radiographs, or of values in no unit, and such descriptions have a low confidence.",
        )
        for modality in Modality if modality not in Modality.sectional()
    },
}  # fmt: skip
"""(modality, degradation, region or None for all others) -> cut-offs of the first unit.

PET has no row for blur, since edges of uptake are not edges of anatomy, nor for clipping, since
scanners scale every PET slice so that its hottest pixel is the highest stored value. The share of
counts kept is not graded: what it does to the image is the noise, which is."""

ALSO: dict[Key, CutOffs] = {
    (Modality.MR, Degradation.MOTION, None): CutOffs(
        "degrees", 1, 2.5, 5,
        "A turn of one degree moves what lies 6 cm from the axis by 1 mm; organs lie as far.",
    ),
    (Modality.MR, Degradation.MOTION, "head"): CutOffs(
        "degrees", 0.5, 1.5, 3,
        "As in the body: the brain's rim is 6 to 9 cm from the axis of a nod.",
    ),
}  # fmt: skip
"""The same for a second unit, where there is one that is graded."""


def cut_offs(
    modality: Modality,
    degradation: Degradation,
    region: str,
    pixel_mm: float = 0.0,
    unit: str | None = None,
) -> CutOffs | None:
    """The row that applies to a series, with blur cut-offs already in mm for its pixel spacing.

    ``unit`` asks for the row in that unit; by default it is the degradation's first. ``None`` where
    nothing is graded.
    """
    for table in (CUT_OFFS, ALSO):
        row = table.get((modality, degradation, region)) or table.get((modality, degradation, None))
        if row is not None and unit in (None, row.unit):
            return _in_mm(row, pixel_mm)
    return None


def _in_mm(row: CutOffs, pixel_mm: float) -> CutOffs:
    if row.per_pixel is None:
        return row
    mild, moderate, severe = (
        max(mm, pixels * pixel_mm)
        for mm, pixels in zip((row.mild, row.moderate, row.severe), row.per_pixel, strict=True)
    )
    return CutOffs(row.unit, mild, moderate, severe, row.reason)


def severity_of(amount: float, row: CutOffs) -> Severity:
    """Severity of ``amount`` (in the row's unit), judged as rounded for the sentence."""
    value = rounded(amount)
    if value >= row.severe:
        return Severity.SEVERE
    if value >= row.moderate:
        return Severity.MODERATE
    return Severity.MILD if value >= row.mild else Severity.NONE


def grade(
    degradation: Degradation,
    amounts: Sequence[Amount],
    modality: Modality,
    region: str,
    pixel_mm: float = 0.0,
) -> Severity | None:
    """The severity that ``amounts`` of ``degradation`` amount to: the worst of those graded.

    ``None`` where none of them is graded: that is unknown, not "none".
    """
    found = [
        severity_of(amount.value, row)
        for amount in amounts
        if (row := cut_offs(modality, degradation, region, pixel_mm, amount.unit)) is not None
    ]
    return max(found, key=lambda severity: severity.rank, default=None)


def times_severe(finding: Finding, modality: Modality, region: str, pixel_mm: float = 0.0) -> float:
    """The largest of a finding's amounts in its severe cut-off, 0 where none is graded.

    Makes amounts in different units comparable: 10 degrees are more than 5 mm.
    """
    found = (
        amount.value / row.severe
        for amount in finding.amounts
        if (row := cut_offs(modality, finding.degradation, region, pixel_mm, amount.unit))
    )
    return max(found, default=0.0)


def graded_finding(
    degradation: Degradation,
    amounts: Sequence[Amount],
    modality: Modality,
    region: str,
    *,
    place: str | None = None,
    pixel_mm: float = 0.0,
) -> Finding:
    """A finding on one image or whole series with ``amounts`` and the severity they have.

    Raises:
        ValueError: no amount is graded in this modality, or ``Finding`` refuses.
    """
    severity = grade(degradation, amounts, modality, region, pixel_mm)
    if severity is None:
        units = ", ".join(amount.unit for amount in amounts) or "no unit"
        raise ValueError(f"{degradation} in {modality} has no cut-offs in {units}")
    first, *more = amounts
    return Finding(degradation, severity, first.value, first.unit, more=tuple(more), place=place)
