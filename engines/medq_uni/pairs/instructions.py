"""What the human of a pair asks: to describe, to restore, or both, in several plain wordings."""

from __future__ import annotations

import zlib

import numpy as np

from engines.description import Modality

DESCRIBE, RESTORE, BOTH = "describe", "restore", "both"
ASKS: tuple[str, ...] = (DESCRIBE, RESTORE, BOTH)
"""What can be asked."""

_SHORT: dict[Modality, str] = {Modality.CT: "CT", Modality.MR: "MR", Modality.PT: "PET"}

WORDINGS: dict[str, tuple[str, ...]] = {
    DESCRIBE: (
        "How good is this {modality} image?",
        "Describe the quality of this {modality} image of the {region}.",
        "What is wrong with this {modality} image, and how badly?",
        "Assess the technical quality of this image.",
        "Is this {modality} image fit to be read? Name every degradation with its amount.",
        "Which degradations does this image of the {region} have?",
    ),
    RESTORE: (
        "Restore this {modality} image.",
        "Please repair what is wrong with this image, and nothing else.",
        "Give me this {modality} image of the {region} as it should have been.",
        "Remove the degradations from this image and leave the anatomy as it is.",
        "Improve the quality of this {modality} image.",
        "Correct this image if it needs it.",
    ),
    BOTH: (
        "Describe the quality of this {modality} image, then restore it.",
        "What is wrong with this image? Mend it.",
        "Assess this {modality} image of the {region} and correct what you find.",
        "Name the degradations of this image with their amounts and remove them.",
        "Tell me how good this {modality} image is, and improve it if it needs it.",
        "Report the quality of this image and give me a restored one.",
    ),
}
"""By what is asked; ``{modality}`` and ``{region}`` are filled in."""


def asked_of(task: str, turn: int, seed: int) -> str:
    """What the pair of ``task`` asks in ``turn``: from a deck of ``ASKS`` that is shuffled anew.

    So the question tells nothing of what is wrong with the image. ``seed`` is the plan's.
    """
    deal, k = divmod(turn, len(ASKS))
    rng = np.random.default_rng([seed, 8, zlib.crc32(task.encode()), deal])
    return ASKS[int(rng.permutation(len(ASKS))[k])]


def instruction(asked: str, modality: Modality, region: str, seed: int) -> str:
    """A wording of what is asked, by chance of ``seed``; no place is named where it is unknown."""
    wordings = WORDINGS[asked]
    wording = wordings[int(np.random.default_rng([seed, 8]).integers(len(wordings)))]
    if region == "unknown":
        wording = wording.replace(" of the {region}", "")
    return wording.format(modality=_SHORT[modality], region=region)
