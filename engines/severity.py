"""When is it mild, moderate, severe? One table for every engine.

The cut-offs are chosen, not standardised; each row says why. A measured amount at or above a
cut-off has that severity; below ``mild`` it is ``none``, that is, looked for and not found.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.description import Degradation, Modality, Severity, rounded


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

CUT_OFFS: dict[tuple[Modality, Degradation, str | None], CutOffs] = {
    (Modality.CT, Degradation.NOISE, None): CutOffs(
        "HU", 15, 25, 35,
        "Routine body protocols aim at 8 to 15 HU in soft tissue. Low-contrast lesions differ from "
        "their organ by 20 to 40 HU: at 25 HU a single pixel no longer tells a faint one, at 35 HU "
        "hardly any.",
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
}  # fmt: skip
"""(modality, degradation, region or None for all others) -> cut-offs. PET has no row for
blur, since edges of uptake are not edges of anatomy, nor for clipping, since scanners scale every
PET slice so that its hottest pixel is the highest stored value."""


def cut_offs(
    modality: Modality, degradation: Degradation, region: str, pixel_mm: float = 0.0
) -> CutOffs | None:
    """The row that applies to a series, with blur cut-offs already in mm for its pixel spacing."""
    row = CUT_OFFS.get((modality, degradation, region)) or CUT_OFFS.get(
        (modality, degradation, None)
    )
    if row is None or row.per_pixel is None:
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
