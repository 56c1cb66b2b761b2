"""PET of a patient who moves while counts are gathered: the mean over all places of the body.

A PET bed position takes minutes, so that a breath is not seen as ghosts but as a smear along its
way. The time spent at each place is that of breathing, which rests at the end of expiration
(Lujan et al., Med Phys 1999;26:715); tremor and nodding are taken as the same. The slice moves as
one: organs that slide along others, and attenuation that stays behind, are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
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
STEPS = 1024
"""Frequencies that the transform of the places is tabled at."""
GRAIN_MM = 6.0
"""Full width at half maximum of the grain of PET's noise, as post-filters leave it: what a smear
leaves of a source's own noise depends on it."""


def dwell(way: float = 1.0) -> FloatArray:
    """Where the body is, (PHASES,), over a breath that moves by ``way``; its mean is 0.

    Positive is towards inspiration; the rest at the end of expiration lies a little below 0.
    """
    time = (np.arange(PHASES) + 0.5) / PHASES
    place = np.cos(np.pi * time) ** SHARPNESS * way
    return np.asarray(place - place.mean(), np.float32)


def transfer(along: NDArray[np.float64], way: float) -> NDArray[np.complex128]:
    """What a breath of ``way`` leaves of waves of frequency ``along`` its direction.

    One dimension is tabled, as it depends on nothing else.
    """
    most = max(float(np.abs(along).max()), 1e-9)
    table = np.linspace(0, most, STEPS)
    seen = np.exp(-2j * np.pi * table[:, None] * dwell(way)).mean(axis=1)
    size = np.abs(along)
    real, imaginary = np.interp(size, table, seen.real), np.interp(size, table, seen.imag)
    return np.asarray(real + 1j * np.sign(along) * imaginary)


def smeared(values: FloatArray, way_pixels: float, radians: float) -> FloatArray:
    """``values`` (rows, columns) as the mean over a movement of ``way_pixels``.

    ``radians`` is the direction of inspiration, 0 down in the image, a quarter turn to the right.
    The sum stays as it is but for what leaves the image.
    """
    margin = int(np.ceil(MARGIN * way_pixels)) + 2
    padded = np.pad(values, margin, mode="edge")
    rows, columns = (int(fft.next_fast_len(n, real=True)) for n in padded.shape)
    seen = transfer(_along((rows, columns), radians), way_pixels)
    whole = fft.irfft2(fft.rfft2(padded, (rows, columns), workers=1) * seen, (rows, columns))
    tall, wide = values.shape
    return np.asarray(whole[margin : margin + tall, margin : margin + wide], np.float32)


def noise_left(way_mm: float) -> float:
    """Share of the standard deviation of a source's own noise that a smear of ``way_mm`` leaves.

    Of noise of PET's usual grain, averaged over directions in the plane's power.
    """
    frequency = np.linspace(-1, 1, 1001) * 1.5 / GRAIN_MM
    # A Gaussian post-filter of that width squares to this power spectrum along one axis.
    power = np.exp(-((np.pi * frequency * GRAIN_MM) ** 2) / (2 * np.log(2)))
    left = np.abs(transfer(frequency, way_mm)) ** 2
    return float(np.sqrt((power * left).sum() / power.sum()))


def _along(shape: tuple[int, int], radians: float) -> NDArray[np.float64]:
    """Frequency along a direction, in cycles per pixel, of every element of ``rfft2``."""
    down, right = fft.fftfreq(shape[0]), fft.rfftfreq(shape[1])
    return np.asarray(np.cos(radians) * down[:, None] + np.sin(radians) * right[None, :])


@dataclass(frozen=True, slots=True)
class Breathing:
    """A movement of ``way_mm`` from end to end; ``radians`` is where inspiration goes, 0 is down.

    A supine chest rises to the front, which is up in the image: half a turn. The truth stays where
    the body is on average. Comes before the counts are thinned: what is counted is the activity as
    it moved. A source's own noise is smeared with it, and is accordingly less.
    """

    way_mm: float
    radians: float = np.pi

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
        noise = pair.noise * noise_left(way)
        return replace(pair, image=values, noise=noise).with_finding(
            finding, way_mm=way, inspiration_degrees=float(np.degrees(radians))
        )
