"""The closed vocabulary of the quality description: every word, and what goes with it.

``engines.description`` makes objects of these words, ``engines.sentence`` sentences.
"""

from __future__ import annotations

from enum import StrEnum

REGIONS: tuple[str, ...] = (
    "head",
    "neck",
    "chest",
    "abdomen",
    "pelvis",
    "spine",
    "breast",
    "arm",
    "leg",
    "whole body",
    "unknown",
)
"""Closed vocabulary of body regions; ``engines.region`` maps DICOM's words to it."""

UNITS: tuple[str, ...] = (
    "HU",
    "% of signal",
    "mm FWHM",
    "% of pixels",
    "fold",
    "mm",
    "degrees",
    "% of counts",
)
"""Closed vocabulary of units of amounts; ``UNITS_OF`` says which belong to what."""

LESS_IS_WORSE: frozenset[str] = frozenset({"% of counts"})
"""Units in which the smaller number is the worse one: of what was kept."""

PLACES: tuple[str, ...] = (
    "upper left",
    "upper middle",
    "upper right",
    "middle left",
    "centre",
    "middle right",
    "lower left",
    "lower middle",
    "lower right",
    "throughout",
    "along the rim",
)
"""Closed vocabulary of places in the image as stored and seen on a screen, first row on top.

A grid of three by three, row by row, then the whole and the body's rim. Never the patient's left
or right: an engine does not know which way the patient lies.
"""


class Modality(StrEnum):
    """Modalities the node understands, by their DICOM defined terms (PS3.3 C.7.3.1.1.1).

    The first three are sectional: slices of a body, which can be restored. The others are only ever
    described: projections, and what is in no unit that an engine knows.
    """

    CT = "CT"
    MR = "MR"
    PT = "PT"
    CR = "CR"
    DX = "DX"
    MG = "MG"
    XA = "XA"
    OT = "OT"  # sections whose values are in no known unit, as CT that isn't in HU

    @classmethod
    def sectional(cls) -> tuple[Modality, ...]:
        """What can be restored."""
        return cls.CT, cls.MR, cls.PT


class Degradation(StrEnum):
    """What can be wrong with an image."""

    NOISE = "noise"
    BLUR = "blur"
    UNDERSAMPLING = "undersampling"
    MOTION = "motion"
    METAL = "metal"
    LOW_COUNT = "low count"
    CLIPPING = "clipping"


UNITS_OF: dict[Degradation, tuple[str, ...]] = {
    Degradation.NOISE: ("HU", "% of signal"),
    Degradation.BLUR: ("mm FWHM",),
    Degradation.UNDERSAMPLING: ("fold",),
    Degradation.MOTION: ("mm", "degrees"),
    Degradation.METAL: ("HU", "% of pixels"),
    Degradation.LOW_COUNT: ("% of signal", "% of counts"),
    Degradation.CLIPPING: ("% of pixels",),
}
"""The units that each degradation is measured in, in the order in which its amounts are said."""

_MEANINGLESS = {
    (Modality.PT, Degradation.NOISE),
    *((modality, Degradation.LOW_COUNT) for modality in Modality if modality is not Modality.PT),
    *(
        (modality, kind)
        for modality in Modality
        if modality not in Modality.sectional()
        for kind in (Degradation.UNDERSAMPLING, Degradation.METAL)
    ),
}
"""PET's noise is its low count; in X-ray images few photons are said as noise, and MR counts
nothing. Metal in a projection is seen and harms nothing beside it, and nothing is undersampled."""

APPLICABLE: dict[Modality, tuple[Degradation, ...]] = {
    modality: tuple(kind for kind in Degradation if (modality, kind) not in _MEANINGLESS)
    for modality in Modality
}
"""The degradations that mean something in a modality. An engine names each of them, as found or as
not assessed: silence claims nothing."""


class Severity(StrEnum):
    """How bad it is; ``NONE`` means looked for and not found."""

    NONE = "none"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"

    @property
    def rank(self) -> int:
        """0 for none, to compare by."""
        return list(Severity).index(self)


class Verdict(StrEnum):
    """Overall verdict on the series."""

    GOOD = "good"
    USABLE = "usable"
    REJECT = "reject"

    @property
    def rank(self) -> int:
        """0 for good, to compare by."""
        return list(Verdict).index(self)


class Action(StrEnum):
    """What the engine plans to do about it; one for each thing that it can mend."""

    KEEP = "keep as is"
    REDUCE_NOISE = "reduce noise"
    REDUCE_METAL = "reduce metal streaks"
    RESTORE_RESOLUTION = "restore resolution"  # of an undersampled acquisition
    CORRECT_MOTION = "correct motion"
    RECOVER_COUNTS = "recover counts"
    REPEAT = "consider repeating"


RESTORING: frozenset[Action] = frozenset(Action) - {Action.KEEP, Action.REPEAT}
"""Actions that make a restored series."""


class Confidence(StrEnum):
    """Stated confidence of the description as a whole; ``CLAIMED`` says what it claims."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


CLAIMED: dict[Confidence, float] = {
    Confidence.HIGH: 0.95,
    Confidence.MEDIUM: 0.8,
    Confidence.LOW: 0.5,
}
"""Of the descriptions that say this word, the share that is right: every severity named is the true
one, and so is the verdict. An engine's calibration is measured against it."""
