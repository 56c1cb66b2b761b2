"""Random fields with a power-law spectrum: the texture of tissue, at the scales of anatomy.

Tissue is irregular at all scales, with less power the finer they get; photon noise is the other
way round. A field is band-limited in mm, so that it is the same stuff at every pixel size, and it
drifts along z: two independent knots are mixed by cosine and sine, which keeps the variance.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from math import cos, floor, pi, sin

import numpy as np
from scipy import fft

from engines.base import FloatArray


@dataclass(frozen=True, slots=True)
class Grain:
    """What a random field looks like.

    Power goes as ``frequency ** -slope`` between ``coarse_mm`` and ``fine_mm`` (wavelengths, mm)
    and falls quickly outside. ``drift_mm`` is the way along z after which it is another field.
    """

    name: str
    fine_mm: float
    coarse_mm: float
    slope: float
    drift_mm: float


BEND = Grain("bend", 60, 220, 3.0, 90)
RIPPLE = Grain("ripple", 14, 60, 3.0, 30)
PARENCHYMA = Grain("parenchyma", 2.2, 40, 2.4, 8)
STRANDS = Grain("strands", 4, 30, 2.2, 14)
FIBRES = Grain("fibres", 2.5, 16, 2.0, 12)
PATCHES = Grain("patches", 14, 80, 3.0, 25)
TRABECULAE = Grain("trabeculae", 1.3, 9, 1.6, 4)
LOBULES = Grain("lobules", 1.6, 24, 2.2, 6)


@dataclass(slots=True)
class Textures:
    """The random fields of one phantom; ``seed`` decides them all.

    A field has mean about 0 and standard deviation about 1, float32 (size, size).
    """

    seed: int
    size: int
    pixel_mm: float
    _knots: dict[tuple[str, int], FloatArray] = field(default_factory=dict)
    _shapes: dict[str, FloatArray] = field(default_factory=dict)
    _last: dict[str, tuple[float, FloatArray]] = field(default_factory=dict)

    def at(self, grain: Grain, z: float, variant: int = 0) -> FloatArray:
        """The field of ``grain`` at height ``z`` (mm); other variants are other fields."""
        name = f"{grain.name} {variant}"
        last = self._last.get(name)
        if last is not None and last[0] == z:
            return last[1]
        place = z / grain.drift_mm
        low = floor(place)
        turn = pi / 2 * (place - low)
        before, after = self._knot(grain, name, low), self._knot(grain, name, low + 1)
        values = before * np.float32(cos(turn)) + after * np.float32(sin(turn))
        self._last[name] = (z, values)
        for old in [k for k in self._knots if k[0] == name and not low <= k[1] <= low + 1]:
            del self._knots[old]
        return values

    def lines(self, grain: Grain, z: float, width: float, variant: int = 0) -> FloatArray:
        """Thin meandering lines, 0 to 1, where the field crosses zero; ``width`` is a share."""
        away = self.at(grain, z, variant) / np.float32(width)
        result: FloatArray = np.exp(-away * away)
        return result

    def _knot(self, grain: Grain, name: str, number: int) -> FloatArray:
        """One independent field."""
        known = self._knots.get((name, number))
        if known is not None:
            return known
        # A field with nothing fine in it is made on a coarser grid.
        step = 4 if grain.fine_mm > 14 * self.pixel_mm and self.size % 4 == 0 else 1
        size = self.size // step
        shape = self._shapes.get(grain.name)
        if shape is None:
            shape = self._shapes[grain.name] = _amplitude(grain, size, self.pixel_mm * step)
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode()), number + 100_000])
        parts = rng.standard_normal((*shape.shape, 2), np.float32)
        spectrum = parts.view(np.complex64)[..., 0] * shape
        values: FloatArray = fft.irfft2(spectrum, (size, size), norm="forward")
        if step > 1:
            stretch = _stretching(size, step)
            values = np.asarray(stretch @ values @ stretch.T, np.float32)
        self._knots[(name, number)] = values
        return values


def _amplitude(grain: Grain, size: int, pixel_mm: float) -> FloatArray:
    """Amplitude of each frequency of a half spectrum, so that the field's deviation is 1.

    The sum runs over what the pixels can hold: where they are too coarse for the fine end, the
    field has less power there and not more elsewhere.
    """
    lines = np.hypot(fft.fftfreq(size, pixel_mm)[:, None], fft.rfftfreq(size, pixel_mm)[None, :])
    with np.errstate(divide="ignore"):
        power = np.where(lines > 0, lines, 1.0) ** -grain.slope
    power *= np.exp(-((lines * grain.fine_mm) ** 2)) * -np.expm1(-((lines * grain.coarse_mm) ** 4))
    twice = np.full(lines.shape[1], 2.0)
    twice[0] = 1.0
    total = float((power * twice).sum()) * 2
    return np.sqrt(power / total).astype(np.float32)


def _stretching(size: int, step: int) -> FloatArray:
    """Matrix (size x step, size) of linear interpolation around the circle."""
    place = np.arange(size * step) / step
    low = place.astype(np.intp)
    weight = (place - low).astype(np.float32)
    matrix = np.zeros((size * step, size), np.float32)
    rows = np.arange(size * step)
    matrix[rows, low] = 1 - weight
    matrix[rows, (low + 1) % size] += weight
    return matrix
