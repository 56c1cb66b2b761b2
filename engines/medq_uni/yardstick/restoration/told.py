"""How much error a filter is told: more than anyone would know in practice.

Where a task is about noise it is the standard deviation of the noise that was added: all that a
filter can take away, as a truth keeps its own. PET's noise grows with activity, so that one number
can only be its mean: over the body, from the error itself. Where a task is about something else
(lines of MR left out, motion, metal) it is a quarter of the RMS error inside the body: an oracle
more generous than any practice, and still a filter of noise takes ghosts for what they are not.
Told the whole error filters lose up to 3 dB on metal and on fewer lines; of 1, 1/2, 1/4 and 1/10 of
it a quarter serves them best on phantoms that no evaluation takes. Noise that is there as well
comes in whole. Where nothing was done it is 0.
"""

from __future__ import annotations

import numpy as np

from engines.description import Modality
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.scores import body_mask

ARTEFACT_SHARE = 0.25
"""Share of the RMS error of what isn't noise that filters are told."""
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
    whole, noise = float((error**2).mean()), case.added_noise**2 if task.noisy else 0.0
    return float(np.sqrt(noise + ARTEFACT_SHARE**2 * max(whole - noise, 0.0)))


TOLD = (
    "Filters are told how much noise was added, in PET its mean over the body, and where the task "
    "isn't about noise a quarter of the RMS error inside the body, which serves them better than "
    "all of it: more than anyone knows in practice. Engines are told neither."
)
"""What notes say of it."""
