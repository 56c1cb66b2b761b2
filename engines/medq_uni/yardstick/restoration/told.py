"""How much error a filter is told: more than anyone would know in practice.

Where a task is about noise it is the standard deviation of the noise that was added: all that a
filter can take away, as a truth keeps its own. PET's noise grows with activity, so that one number
can only be its mean: over the body, from the error itself. Where a task is about something else
(lines of MR left out, motion, metal) it is the RMS error inside the body: an oracle more generous
than any practice, and still a filter of noise takes ghosts for what they are not. Where nothing was
done it is zero.
"""

from __future__ import annotations

import numpy as np

from engines.description import Modality
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.scores import body_mask

SD_OF_MEAN_SIZE = float(np.sqrt(np.pi / 2))
"""Standard deviation of normal noise in its mean size."""


def told_level(case: Case) -> float:
    """The level that filters are told of ``case``, in its unit."""
    modality, task = case.pair.source.modality, case.draw.task
    about_noise = task.noisy and task.degradation is NOISE_OF[modality]
    if about_noise and modality is not Modality.PT:
        return case.added_noise
    inside = body_mask(case.pair.truth, modality)
    error = (case.pair.image.astype(np.float64) - case.pair.truth)[inside]
    if about_noise:
        # The mean over the body of standard deviations that differ from place to place.
        return SD_OF_MEAN_SIZE * float(np.abs(error).mean())
    return float(np.sqrt((error**2).mean()))


TOLD = (
    "Filters are told how much noise was added, in PET its mean over the body, and where the task "
    "isn't about noise the RMS error inside the body: more than anyone knows in practice. Engines "
    "are told neither."
)
"""What notes say of it."""
