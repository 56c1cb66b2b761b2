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
    """Modalities the node understands, by their DICOM defined terms (PS3.3 C.7.3.1.1.1)."""

    CT = "CT"
    MR = "MR"
    PT = "PT"


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
    (Modality.MR, Degradation.LOW_COUNT),
    (Modality.CT, Degradation.LOW_COUNT),
}
"""PET's noise is its low count; in CT few photons are said as noise, and MR counts nothing."""

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
