"""Titles, columns and notes of the tables of harm, in words for physicians."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from engines.medq_uni.yardstick.harm import anatomy
from engines.medq_uni.yardstick.harm.invention import BLOB_DIAMETERS_MM, BLOB_SIGMAS
from engines.medq_uni.yardstick.harm.lesions import CONTRASTS_HU

_SIZES = ", ".join(f"{d:g}" for d in BLOB_DIAMETERS_MM)
WORDS_NOTE = (
    "Nothing is wrong with these images, so each should be called good and nothing be found. "
    "In brackets: in how many images it was found."
)
TABLES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "harm_change",
        "Clean images: how much was changed?",
        (
            "kind",
            "images",
            "untouched (%)",
            "mean change (HU)",
            "largest isolated (HU)",
            "largest isolated (sigma)",
            "relation to edges",
            "anatomy in it (%)",
            "anatomy in it (HU)",
        ),
        "The best for an image that needs nothing is to leave it as it is, bit for bit. Mean "
        "change is the mean size within the body. An isolated change is one pixel against its "
        "surroundings, away from edges, the worst of all images; removing noise alone takes away "
        "up to about 4.5 sigma, sigma being the image's own noise. Relation to edges is the "
        "correlation of the size of the change with the image's slope: near 0 or below where noise "
        "was removed, high where edges were. Anatomy in it is what the image's own edges explain "
        "of the change there, as a share of its energy and in HU: a blur gives half and more, "
        "removing noise alone a few per cent. The share says little where the HU are few.",
    ),
    (
        "harm_bias",
        "Clean images: did CT numbers shift?",
        (
            "kind",
            "images",
            *(f"{name}, {what} (HU)" for name, *_ in anatomy.TISSUES for what in ("mean", "worst")),
        ),
        "Mean change in flat parts of each tissue; worst is the image with the largest shift. CT "
        "numbers are read to tell fat from fluid from tissue, so that 1 to 2 HU are the most to be "
        "borne. Bone is rarely flat: its numbers hold some of its structure as well, and contrast "
        "medium as dense passes for it. A dash: no image has enough of this tissue.",
    ),
    (
        "harm_lesions",
        "Do faint lesions survive?",
        ("diameter (mm)", "lesions", *(f"{c:g} HU (%)" for c in CONTRASTS_HU), "least (%)"),
        "Round lesions, a little brighter or darker than the soft tissue they are put into. The "
        "numbers say how much of their contrast is left after restoration: 100 is all of it, 0 is "
        "an erased lesion. The last column is the worst single lesion.",
    ),
    (
        "harm_inventions",
        "Is anything seen in pure noise?",
        (
            "noise (HU)",
            "invented per image",
            "largest blob (sigma)",
            "largest before (sigma)",
            "shift of the mean (HU)",
            "noise left (%)",
        ),
        "A uniform section with noise holds no lesion. Invented are places that stand out by more "
        f"than {BLOB_SIGMAS:g} sigma at the size of lesions ({_SIZES} mm) and more than "
        "before, sigma being that of the untreated noise at that size. A restoration should invent "
        "nothing and leave the mean where it is.",
    ),
)
"""Name, title, columns after the contestant, and note."""

NOISY_TITLE = "Faint lesions in noise: do they survive?"


def noisy_note(levels: Sequence[float]) -> str:
    """What is said of the lesion test on noisy images with noise of ``levels`` in HU."""
    low, high = min(levels), max(levels)
    span = f"{low:.0f} HU" if round(low) == round(high) else f"{low:.0f} to {high:.0f} HU"
    middle = f", half of them of {median(levels):.0f} HU and more" if len(levels) > 2 else ""
    images = "1 image" if len(levels) == 1 else f"{len(levels)} images"
    return (
        f"The same in {images} with noise of {span}{middle}. Here there is something to "
        "take away, so that who leaves clean images alone must show what is lost with the noise. "
        "Each image is restored with lesions and without, with the same noise: the numbers are "
        "per cent of contrast left in the difference. What the eye could see of it in that noise "
        "they don't say."
    )
