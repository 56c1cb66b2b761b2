"""Many noisy pairs from one slice, quickly: noise made once, filtered and scaled for each pair.

While counts are not few the noise of the line integrals is normal, so an image's is
``kernel * (quantum / dose ** 0.5 + electronic / dose)`` with two bare-ramp fields at unit dose, and
a pair costs a radial filter: continuous in dose and kernel. Fields live on pixels at most 0.45 mm
wide, where sharp kernels still have all their frequencies; taking every second (third, ...) of the
filtered values aliases them as reconstruction does.

Fields of one slice have all the same law, so any combination of them with a sum of squares of 1 is
one more realisation: two are turned into each other by a random angle. A field belongs to the
body it was made for, so it can't be shifted, turned or mirrored against it. The pair as a whole
can be: a mirrored body has mirrored noise, and so has a turned one on a scanner (which sees no
difference but the table).

Starvation is not in it: pairs of which more than 1 % of the rays starve are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.ct.low_dose import (
    DEFAULT_SCAN,
    LEAST_NOISE,
    check_noise_known,
    check_source,
    dose_for,
    noisier,
    radial_lp_cm,
)
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.scanned import ScannedSlice
from engines.medq_uni.degradations.ct.tissue import soft_tissue
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.degradations.projection import THREADS
from engines.medq_uni.pair import Pair, Source

FINE_MM = 0.45
"""Pixels wider than this are split in as many as it takes, so that 11 lp/cm and more are kept."""
MOST_FIELD_MM = 1500.0
"""Longest side of a slice: a fan sees 500 mm, and memory goes with the square."""
MOST_STARVED = 0.01
"""Share of starved rays above which a pair is refused; just below it levels are 5 % low."""
MARGIN_MM = 10.0
"""Noise around a crop that its filter sees."""
BINS = 96
"""Of the spectrum in soft tissue."""
STEPS = 4096
"""Frequencies at which a kernel is asked for its response: 0.004 lp/cm apart."""

Half = NDArray[np.float16]


class StarvedError(ValueError):
    """So few photons that noise is no longer normal: ``LowDose`` simulates it in full."""


@dataclass(frozen=True, slots=True)
class Crop:
    """Part of a slice: ``rows`` x ``columns`` pixels from (``top``, ``left``) on."""

    top: int
    left: int
    rows: int
    columns: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an image with."""
        return slice(self.top, self.top + self.rows), slice(self.left, self.left + self.columns)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Mean square of a field in soft tissue, HU ** 2, by frequency: ``lp_cm`` and ``power``."""

    lp_cm: NDArray[np.float64]
    power: NDArray[np.float64]

    def variance(self, kernel: Kernel) -> float:
        """What ``kernel`` leaves of it."""
        return float(np.sum(self.power * kernel.response(self.lp_cm) ** 2))


@dataclass(frozen=True, slots=True)
class NoiseBank:
    """Noise fields of one source, and pairs made of them.

    ``quantum`` and ``electronic`` are (fields, finer x rows, finer x columns) in HU at unit dose, 2
    bytes a value: 512 x 512 pixels of 0.7 mm take 2 MiB per field and kind, 16 MiB for 4 fields.
    Below ``least_dose`` more than 1 % of the rays starve.
    """

    source: Source
    finer: int
    quantum: Half
    electronic: Half
    spectra: tuple[Spectrum, Spectrum]
    scanned: ScannedSlice
    least_dose: float

    @classmethod
    def build(
        cls, source: Source, scan: Scan = DEFAULT_SCAN, fields: int = 4, seed: int = 0
    ) -> NoiseBank:
        """Fields for ``source`` in ``scan``, whose dose, kernel and thickness are not used.

        Raises:
            ValueError: no CT slice in HU, fields not within 1 to 64, or a side above 1500 mm.
        """
        check_source(source)
        side_mm = max(np.shape(source.values)) * source.pixel_mm
        within("side in mm (pixel_mm x pixels)", side_mm, 0, MOST_FIELD_MM)
        within("fields", fields, 1, 64)
        scanned = ScannedSlice(
            source.values, source.pixel_mm, replace(scan, slice_mm=source.slice_mm)
        )
        finer = int(np.ceil(source.pixel_mm / FINE_MM - 1e-6))
        rng = np.random.default_rng(seed)
        quantum, electronic = scanned.unit_noise(fields, rng, finer)
        tissue = soft_tissue(source.values, source.pixel_mm).repeat(finer, 0).repeat(finer, 1)
        fine_mm = source.pixel_mm / finer
        spectra = (
            _spectrum(quantum, tissue, fine_mm),
            _spectrum(electronic, tissue, fine_mm),
        )
        least_dose = scanned.least_dose(MOST_STARVED)
        return cls(source, finer, _half(quantum), _half(electronic), spectra, scanned, least_dose)

    @property
    def nbytes(self) -> int:
        """Memory of the fields in bytes."""
        return self.quantum.nbytes + self.electronic.nbytes

    def starved(self, dose: float) -> float:
        """Share of rays that starve at ``dose``: see ``counts.few``."""
        return self.scanned.starved(dose)

    def pair(
        self,
        kernel: Kernel,
        rng: np.random.Generator,
        dose: float = 0.25,
        noise_hu: float | None = None,
        crop: Crop | None = None,
    ) -> Pair:
        """A pair as ``LowDose`` makes it, of the whole slice or of ``crop``.

        Levels are those of the whole slice's soft tissue as expected, not as they happen to be.

        Raises:
            StarvedError: more than 1 % of the rays starve at the dose that this takes.
            ValueError: dose or noise impossible, a dose for a source of unknown noise, or a crop
                that isn't inside.
        """
        source = self.source
        quantum, electronic = (part.variance(kernel) for part in self.spectra)
        if noise_hu is not None:
            dose_used = dose_for(within("noise_hu", noise_hu, 0.1, 1000) ** 2, quantum, electronic)
            weights = dose_used**-0.5, 1 / dose_used
        elif source.known_noise > LEAST_NOISE:
            kept = within("dose of a source with noise", dose, 0.01, 1)
            full = dose_for(source.known_noise**2, quantum, electronic)
            dose_used = kept * full
            weights = ((1 / kept - 1) / full) ** 0.5, (1 / kept**2 - 1) ** 0.5 / full
        else:
            check_noise_known(source)
            dose_used = within("dose", dose, 0.01, 4)
            weights = dose_used**-0.5, 1 / dose_used
        if dose_used < self.least_dose:
            raise StarvedError(
                f"dose must be at least {self.least_dose:.2g} of full dose, not {dose_used:.2g}: "
                "too many rays starve, simulate in full"
            )
        if crop is not None:
            source = _cropped(source, crop)
        noise = self._noise(weights, kernel, rng, crop)
        added = float(np.sqrt(weights[0] ** 2 * quantum + weights[1] ** 2 * electronic))
        return noisier(Pair.clean(source), noise, added, None if noise_hu else dose, kernel)

    def _noise(
        self,
        weights: tuple[float, float],
        kernel: Kernel,
        rng: np.random.Generator,
        crop: Crop | None,
    ) -> FloatArray:
        """Weighted sum of quantum and electronic noise through ``kernel``, on whole pixels."""
        rows, columns = self.source.values.shape
        here = crop or Crop(0, 0, rows, columns)
        margin = int(np.ceil(MARGIN_MM / self.source.pixel_mm)) if crop else 0
        down = _around(here.top, here.rows, margin, self.finer, self.quantum.shape[1])
        across = _around(here.left, here.columns, margin, self.finer, self.quantum.shape[2])
        total = np.zeros((down.size, across.size), np.float32)
        for fields, weight in zip((self.quantum, self.electronic), weights, strict=True):
            first, second = rng.choice(len(fields), 2, replace=len(fields) < 2)
            turn = rng.uniform(0, 2 * np.pi)
            share = (np.cos(turn), np.sin(turn)) if first != second else (1.0, 0.0)
            for index, part in zip((first, second), share, strict=True):
                field = fields[index] if crop is None else fields[index][down[:, None], across]
                total += field.astype(np.float32) * np.float32(weight * part)
        shown = _filtered(total, kernel, self.source.pixel_mm / self.finer, self.finer)
        noise = np.ascontiguousarray(
            shown[margin : margin + here.rows, margin : margin + here.columns]
        )
        noise[self.scanned.outside[here.slices]] = 0
        return noise


def _filtered(field: FloatArray, kernel: Kernel, pixel_mm: float, finer: int) -> FloatArray:
    """Every ``finer``-th pixel and row of ``field`` seen through ``kernel``."""
    index, lp_cm = _look_up(field.shape, pixel_mm)
    spectrum = fft.rfft2(field, workers=THREADS)
    spectrum *= kernel.response(lp_cm).astype(np.float32)[index]
    rows, columns = (n // finer for n in field.shape)
    if finer > 1:
        # What the wider pixels can't hold is folded back by taking some values only.
        folded = spectrum.reshape(finer, rows, -1).sum(axis=0)
        mirror = folded[-np.arange(rows) % rows].conj()
        kept = columns // 2 + 1
        spectrum = np.zeros((rows, kept), np.complex64)
        for start in range(0, finer * columns, columns):
            # Beyond half way round, a frequency is the mirrored one's conjugate.
            direct = min(kept, max(0, folded.shape[1] - start))
            spectrum[:, :direct] += folded[:, start : start + direct]
            spectrum[:, direct:] += mirror[:, finer * columns - start - np.arange(direct, kept)]
        spectrum /= np.float32(finer**2)
    return np.asarray(fft.irfft2(spectrum, (rows, columns), workers=THREADS), np.float32)


@lru_cache(maxsize=16)
def _look_up(
    shape: tuple[int, ...], pixel_mm: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Frequencies (lp/cm), close to each other, and which of them an element of ``rfft2`` has."""
    found = radial_lp_cm(shape, pixel_mm)
    lp_cm = np.linspace(0, float(found.max()), STEPS)
    return np.rint(found / lp_cm[1]).astype(np.intp), lp_cm


def _around(start: int, length: int, margin: int, finer: int, size: int) -> NDArray[np.intp]:
    """Indices into a field from ``margin`` before a run of pixels to at least as much after it."""
    count = length + 2 * margin
    if margin:
        count = int(fft.next_fast_len(count, real=True))
    return np.asarray((np.arange(count * finer) + (start - margin) * finer) % size, np.intp)


def _cropped(source: Source, crop: Crop) -> Source:
    """``source`` with the values of ``crop`` only."""
    rows, columns = source.values.shape
    within("crop.top", crop.top, 0, rows - 1)
    within("crop.left", crop.left, 0, columns - 1)
    within("crop.rows", crop.rows, 1, rows - crop.top)
    within("crop.columns", crop.columns, 1, columns - crop.left)
    return replace(source, values=np.ascontiguousarray(source.values[crop.slices]))


def _half(fields: FloatArray) -> Half:
    limit = float(np.finfo(np.float16).max)
    return np.clip(fields, -limit, limit).astype(np.float16)


def _spectrum(fields: FloatArray, tissue: NDArray[np.bool_], pixel_mm: float) -> Spectrum:
    """Mean square of ``fields`` (fields, rows, columns) in ``tissue`` by frequency."""
    shape = tissue.shape
    lp_cm = radial_lp_cm(shape, pixel_mm)
    edges = np.linspace(0, float(lp_cm.max()), BINS + 1)
    index = np.clip(np.digitize(lp_cm, edges) - 1, 0, BINS - 1).ravel()
    # All columns but the first and the last of an even length stand for two.
    double = np.full(lp_cm.shape, 2.0)
    double[:, 0] = 1
    if shape[1] % 2 == 0:
        double[:, -1] = 1
    power = np.zeros(BINS)
    for field in fields:
        found = np.abs(fft.rfft2(np.where(tissue, field, 0))) ** 2 * double
        power += np.bincount(index, found.ravel(), BINS)
    power /= float(len(fields)) * tissue.size * max(1, int(np.count_nonzero(tissue)))
    return Spectrum((edges[:-1] + edges[1:]) / 2, power)
