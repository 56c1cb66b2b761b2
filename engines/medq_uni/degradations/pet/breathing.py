"""PET of a patient who moves while counts are gathered: the mean over all places of the body.

A PET bed position takes minutes, so that a breath is not seen as ghosts but as a smear along its
way. The time spent at each place is that of breathing, which rests at the end of expiration
(Lujan et al., Med Phys 1999;26:715); tremor and nodding are taken as the same. The slice moves as
one: organs that slide along others, and attenuation that stays behind, are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from engines.base import FloatArray
from engines.description import Amount, Degradation, Modality
from engines.medq_uni.degradations.checks import image, within
from engines.medq_uni.pair import Pair
from engines.severity import graded_finding

PHASES = 64
"""Places that a breath is taken apart into."""
SHARPNESS = 4
"""Power of the cosine: the higher, the longer the rest at the end of expiration."""
MARGIN = 1.5
"""The image is continued by so many ways of the movement before it is shifted."""


def dwell(share: float = 1.0) -> FloatArray:
    """Where the body is, (PHASES,), over a breath that moves by ``share``; its mean is 0."""
    time = (np.arange(PHASES) + 0.5) / PHASES
    place = np.cos(np.pi * time) ** SHARPNESS * share
    return np.asarray(place - place.mean(), np.float32)


def smeared(values: FloatArray, way_pixels: float, radians: float) -> FloatArray:
    """``values`` (rows, columns) as the mean over a movement of ``way_pixels``.

    ``radians`` is its direction, 0 along rows' order (down), a quarter turn to the right. The sum
    stays as it is but for what leaves the image.
    """
    margin = int(np.ceil(MARGIN * way_pixels)) + 2
    padded = np.pad(values, margin, mode="edge")
    shape = [int(fft.next_fast_len(n, real=True)) for n in padded.shape]
    down, right = fft.fftfreq(shape[0]), fft.rfftfreq(shape[1])
    along = np.cos(radians) * down[:, None] + np.sin(radians) * right[None, :]
    places = dwell(way_pixels)
    seen = np.exp(-2j * np.pi * along[..., None] * places).mean(axis=-1)
    spectrum = fft.rfft2(padded, shape, workers=1) * seen
    rows, columns = values.shape
    whole = fft.irfft2(spectrum, shape, workers=1)
    return np.asarray(whole[margin : margin + rows, margin : margin + columns], np.float32)


@dataclass(frozen=True, slots=True)
class Breathing:
    """A movement of ``way_mm`` from end to end in the direction ``radians`` (0 is down).

    The truth stays where the body is on average. Comes before the counts are thinned: what is
    counted is the activity as it moved.
    """

    way_mm: float
    radians: float = 0.0

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with the movement; chance plays no part.

        Raises:
            ValueError: not PET, or a way outside 0 to 60 mm.
        """
        source = pair.source
        if source.modality is not Modality.PT:
            raise ValueError(f"modality must be PT for this movement, not {source.modality}")
        way = within("way_mm", self.way_mm, 0, 60)
        radians = within("radians", self.radians, -2 * np.pi, 2 * np.pi)
        pixel_mm = within("pixel_mm", source.pixel_mm, 0.1, 20)
        values = image("image", pair.image, -1e9, 1e9)
        finding = graded_finding(
            Degradation.MOTION, [Amount(way, "mm")], source.modality, source.region
        )
        if way > 0:
            lowest = min(float(values.min()), 0.0)
            moved = smeared(values, way / pixel_mm, radians)
            values = np.maximum(moved, np.float32(lowest))
        return replace(pair, image=values).with_finding(
            finding, way_mm=way, direction_degrees=float(np.degrees(radians))
        )
