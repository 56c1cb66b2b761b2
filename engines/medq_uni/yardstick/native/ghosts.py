"""Ghosts of an MR image, in the air beside the body along the phase-encoding direction.

Whatever goes wrong from line to line (motion, lines left out) repeats the body along the phase
axis. The ACR accreditation of MR scanners (Phantom Test Guidance, 2018, "percent signal ghosting")
compares the mean of the air along that axis with that of the air along the other, where noise is
but no ghost, in units of the mean in the phantom. Here the truth is known as well, so that what a
truth has there of its own can be left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.yardstick.restoration.scores import Ruler

ROWS, COLUMNS = "rows", "columns"
"""Words of a recipe's ``phase_axis``: lines of k-space follow each other along rows (axis 0), so
that ghosts lie above and below the body, or along columns."""
MARGIN_MM = 5.0
"""Air begins so far from the body: nearer, its blurred rim would pass for a ghost."""
MARGIN_PIXELS = 4
LEAST_PIXELS = 100
"""Less air tells nothing."""


@dataclass(frozen=True, slots=True)
class Air:
    """Air beside the body, bool (rows, columns): along the phase axis, and along the other."""

    phase: BoolArray
    frequency: BoolArray


def air_beside(held: Ruler, phase_axis: str = ROWS) -> Air | None:
    """Where ghosts of the body would lie in air and where none would; ``None`` where there is none.

    Along an axis are those lines that hold body: a ghost is the body moved along its axis.

    Raises:
        ValueError: phase_axis is neither ``rows`` nor ``columns``.
    """
    if phase_axis not in (ROWS, COLUMNS):
        raise ValueError(f"phase_axis must be rows or columns, not {phase_axis!r}")
    body = held.body
    margin = MARGIN_PIXELS
    if held.pixel_mm > 0:
        margin = max(margin, round(MARGIN_MM / held.pixel_mm))
    near = ndimage.binary_dilation(body, iterations=margin)
    above_or_below = np.broadcast_to(body.any(axis=0, keepdims=True), body.shape)
    beside = np.broadcast_to(body.any(axis=1, keepdims=True), body.shape)
    along, across = ~near & above_or_below & ~beside, ~near & beside & ~above_or_below
    # Hollows of an outline lie along both; a ghost along the phase axis reaches them.
    hollows = ~near & above_or_below & beside
    phase = (along if phase_axis == ROWS else across) | hollows
    frequency = across if phase_axis == ROWS else along
    if phase.sum() < LEAST_PIXELS or frequency.sum() < LEAST_PIXELS:
        return None
    return Air(phase, frequency)


def signal_ghosting(image: FloatArray, held: Ruler, air: Air) -> float | None:
    """Mean of ``image`` in air along the phase axis less that along the other, in % of the body's.

    The ACR's figure, but with its sign: ghosts only add. ``None`` where the body has no signal.
    """
    body = float(image[held.body].mean(dtype=np.float64))
    if not body > 0:
        return None
    along, across = (
        float(image[where].mean(dtype=np.float64)) for where in (air.phase, air.frequency)
    )
    return 100 * (along - across) / body


def ghost_error(image: FloatArray, held: Ruler, air: Air) -> float | None:
    """RMS error in air along the phase axis beyond that along the other, in % of the body's mean.

    Noise is in both and cancels; 0 where there is no more than that. ``None`` where the body of the
    truth has no signal.
    """
    body = float(held.truth[held.body].mean(dtype=np.float64))
    if not body > 0:
        return None
    square = (image.astype(np.float64) - held.truth) ** 2
    excess = float(square[air.phase].mean() - square[air.frequency].mean())
    return 100 * float(np.sqrt(max(excess, 0.0))) / body
