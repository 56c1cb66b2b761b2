"""A model observer: how surely a known faint disc is told from nothing.

The channelized Hotelling observer looks through a few band-pass channels, as the visual system
does, and weighs them as well as can be done for the noise at hand (Myers and Barrett, J Opt Soc Am
A 1987;4:2447; Barrett and Myers, Foundations of Image Science, 2004, section 14.3). With CT discs
it tracks human readers (Yu et al., Med Phys 2013;40:041908). Its figure of merit is the
detectability d', the distance of "disc" from "no disc" in standard deviations.

The channels are dense differences of Gaussians (Abbey and Barrett, J Opt Soc Am A 2001;18:473),
here in lp/cm, so that pixel size does not matter. They do not see a region's mean. There is no
internal noise: d' is higher than a human's, and meant for comparing before with after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import within

CHANNELS = 10
FIRST_LP_CM = 0.25
"""Width (sigma in frequency) of the first channel; each next is ``GROWTH`` times wider."""
GROWTH = 1.4
RATIO = 1.67
"""Outer to inner width of a channel, Q of Abbey and Barrett."""


@dataclass(frozen=True, slots=True)
class Detectability:
    """d' and its standard error; 0 where nothing can be seen.

    ``left_out`` holds d' without each realisation in turn, for the errors of what is made of it.
    """

    d_prime: float
    error: float
    left_out: tuple[float, ...] = ()

    def change_from(self, before: Detectability) -> tuple[float, float] | None:
        """Change against ``before`` in %, with its standard error, where both had the same noise.

        The shared noise cancels, so that a change is known better than either d'. ``None`` where
        nothing was seen before.
        """
        if not before.d_prime > 0 or not all(d > 0 for d in before.left_out):
            return None
        ratios = np.divide(self.left_out, before.left_out) * 100
        return 100 * (self.d_prime / before.d_prime - 1), jackknife_error(ratios)


def channels(side: int, pixel_mm: float) -> NDArray[np.float64]:
    """Channel templates, (channels, side, side), about pixel (side // 2, side // 2), of unit norm.

    Raises:
        ValueError: side not within 8 to 512 or pixel spacing not within 0.05 to 5 mm.
    """
    within("side", side, 8, 512)
    within("pixel_mm", pixel_mm, 0.05, 5)
    along = np.fft.fftfreq(side, pixel_mm) * 10
    square = along[:, None] ** 2 + along[None, :] ** 2
    found = []
    for k in range(CHANNELS):
        width = FIRST_LP_CM * GROWTH**k
        band = np.exp(-0.5 * square / (RATIO * width) ** 2) - np.exp(-0.5 * square / width**2)
        template = np.fft.fftshift(np.fft.ifft2(band).real)
        found.append(template / np.linalg.norm(template))
    return np.array(found)


def through_channels(
    regions: FloatArray, pixel_mm: float, templates: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """What the channels see of ``regions`` (..., side, side): (..., channels).

    Raises:
        ValueError: regions that aren't square or not of the templates' side, or see ``channels``.
    """
    if regions.ndim < 2 or regions.shape[-1] != regions.shape[-2]:
        raise ValueError(f"regions must be (..., side, side), not {regions.shape}")
    used = channels(regions.shape[-1], pixel_mm) if templates is None else templates
    if used.shape[-1] != regions.shape[-1]:
        raise ValueError(f"templates are for a side of {used.shape[-1]}, not {regions.shape[-1]}")
    return np.asarray(np.tensordot(regions.astype(np.float64), used, axes=([-2, -1], [1, 2])))


def detectability(present: NDArray[np.floating], absent: NDArray[np.floating]) -> Detectability:
    """D' from channel outputs (realisations, sites, channels), with and without the disc.

    Sites are places of identical discs, each centred by itself: the observer knows signal and
    background exactly. ``present`` and ``absent`` may be paired, that is, share their noise by
    realisation and site; their mean difference is then much better known than from separate noise.

    Training and testing on the same samples makes d' too large. With Gaussian outputs the excess
    is known (Hotelling's T squared): for p channels, covariance on nu degrees of freedom and a mean
    difference of covariance C, ``E[d K^-1 d] = nu / (nu - p - 1) (d'^2 + trace K^-1 C)``. It is
    taken off, so that d'^2 has no bias. The error is jackknifed over realisations.

    Raises:
        ValueError: arrays of different or wrong shape, values that aren't finite, no noise, or too
            few samples for the channels.
    """
    with_disc, without = np.asarray(present, np.float64), np.asarray(absent, np.float64)
    if with_disc.ndim != 3 or with_disc.shape != without.shape:
        raise ValueError("present and absent must be (realisations, sites, channels), both alike")
    if not (np.isfinite(with_disc).all() and np.isfinite(without).all()):
        raise ValueError("present or absent have NaN or infinite values")
    count, sites, width = with_disc.shape
    if count < 3 or (count - 2) * sites < 2 * width + 4:
        raise ValueError(f"{count} realisations of {sites} sites are too few for {width} channels")
    whole = _d_squared(with_disc, without)
    parts = []
    for k in range(count):
        rest = np.delete(np.arange(count), k)
        parts.append(_d_squared(with_disc[rest], without[rest]))
    values = np.sqrt(np.maximum(parts, 0))
    d_prime = float(np.sqrt(max(whole, 0.0)))
    return Detectability(d_prime, jackknife_error(values), tuple(float(v) for v in values))


def jackknife_error(values: NDArray[np.float64]) -> float:
    """Standard error of an estimate from its ``values`` with each sample left out in turn."""
    count = len(values)
    return float(np.sqrt((count - 1) / count * ((values - values.mean()) ** 2).sum()))


def _d_squared(present: NDArray[np.float64], absent: NDArray[np.float64]) -> float:
    """d'^2 without bias; may be below zero by chance where there is nothing to see."""
    count, sites, width = present.shape
    centred = [v - v.mean(axis=0) for v in (present, absent)]
    flat = np.concatenate([v.reshape(-1, width) for v in centred])
    freedom = (count - 1) * sites
    covariance = flat.T @ flat / (2 * freedom)
    scale = float(np.trace(covariance)) / width
    if not scale > 0:
        raise ValueError("present and absent have no noise: d' would be infinite")
    difference = present - absent
    mean = difference.mean(axis=(0, 1))
    scatter = (centred[0] - centred[1]).reshape(-1, width)
    uncertain = scatter.T @ scatter / freedom / (count * sites)
    # Channels at either end may see nearly nothing: a whisper of ridge keeps the inverse sane.
    inverse = np.linalg.inv(covariance + 1e-9 * scale * np.eye(width))
    raw = float(mean @ inverse @ mean)
    # Classes that share their noise wholly (correlation 1) have no more freedom than one of them.
    product = (centred[0] * centred[1]).sum(axis=(0, 1))
    powers = [(v * v).sum(axis=(0, 1)) for v in centred]
    correlation = product / np.sqrt(np.maximum(powers[0] * powers[1], 1e-300))
    nu = 2 * freedom / (1 + float((correlation**2).mean()))
    return float(raw * (nu - width - 1) / nu - np.trace(inverse @ uncertain))
