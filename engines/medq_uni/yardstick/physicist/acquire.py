"""The phantom on the scanner: one series per dose and kernel, with noise that is known.

Each section is a series of its own, repeated slice by slice with fresh noise, and is restored by
itself: butted together, sections would blame whoever looks at neighbouring slices for their joints.
The observer's section, the steps and the uniform one share their noise: what differs between them
is then due to the discs alone, and their mean difference is known far more precisely than from
separate noise. The steps begin in the middle of their slices, for sharpness through the plane.
Every contestant gets the very same series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engines.base import ArrayStack, BoolArray, FloatArray, StackInfo
from engines.description import Modality
from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields, through_kernel
from engines.medq_uni.degradations.kernels import SHARP, SMOOTH, STANDARD, Kernel
from engines.medq_uni.yardstick.contestant import Contestant
from engines.phantoms import image_quality
from engines.phantoms.image_quality import Section

DOSES = (1.0, 0.5, 0.25, 0.1)
KERNELS = (SMOOTH, STANDARD, SHARP)
SLICE_MM = 0.6
"""Thin, so that a phantom as slim as this has the noise of a body."""
REGION = "abdomen"
MEASURED_WITHIN_MM = 74.0
"""Noise is measured within this distance from the middle."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is scanned: grid, pixel spacing and how often each section is repeated."""

    size: int = 512
    pixel_mm: float = image_quality.PIXEL_MM
    insert_repeats: int = 6
    repeats: int = 16
    doses: tuple[float, ...] = DOSES
    kernels: tuple[Kernel, ...] = KERNELS

    @property
    def slices(self) -> int:
        """Slices of all sections."""
        return self.insert_repeats + 3 * self.repeats


FULL = Protocol()
QUICK = Protocol(256, 0.85, 3, 8, (1.0, 0.25), (STANDARD,))


@dataclass(frozen=True, slots=True)
class Acquisition:
    """The phantom once: ``stack`` with noise, ``sections`` with truth, one after another.

    ``noise`` is the true standard deviation in HU in the uniform section. ``sharp`` holds, by
    section, the noise-free image (rows, columns) as the kernel shows it.
    """

    dose: float
    kernel: Kernel
    stack: ArrayStack
    noise: float
    sections: dict[str, Section]
    sharp: dict[str, FloatArray]
    _where: dict[str, slice] = field(repr=False)

    def of(self, values: FloatArray, section: str) -> FloatArray:
        """The slices of ``section`` in ``values``, which has the shape of the stack."""
        return values[self._where[section]]

    def stacks(self) -> list[ArrayStack]:
        """A stack for each section, in the order of ``stack``'s slices."""
        return [
            ArrayStack(
                replace(self.stack.info, slices=part.stop - part.start),
                self.stack.values[part],
                self.stack.valid[part],
            )
            for part in self._where.values()
        ]


def acquire(protocol: Protocol, dose: float, kernel: Kernel, seed: int = 0) -> Acquisition:
    """The phantom's series at ``dose`` (1 is full dose) through ``kernel``.

    The same arguments give the same values; the noise differs between conditions.
    """
    sections = [f(protocol.size, protocol.pixel_mm) for f in _SECTIONS]
    counts = dict.fromkeys((s.name for s in sections), 0)
    counts |= {"inserts": protocol.insert_repeats, "uniform": protocol.repeats}
    return acquire_sections(sections, counts, dose, kernel, seed)


def acquire_sections(
    sections: Sequence[Section], counts: dict[str, int], dose: float, kernel: Kernel, seed: int = 0
) -> Acquisition:
    """A series of ``sections``, each with as many slices as ``counts`` says; 0 is as ``uniform``.

    A uniform section must be among them, and be of the others' size: its noise is the series'. Of
    the section of steps the first half of the slices is the uniform section.
    """
    scan = Scan(dose=dose, kernel=kernel, slice_mm=SLICE_MM)
    rng = np.random.default_rng([seed, round(dose * 1e6), round(kernel.half_lp_cm * 1e3)])
    noise = {
        s.name: noise_fields(s.image, s.pixel_mm, scan, counts[s.name], rng)
        for s in sections
        if counts[s.name]
    }
    uniform = next(s for s in sections if s.name == "uniform")
    sharp = {s.name: through_kernel(s.image, s.pixel_mm, kernel) for s in sections}
    parts, where, start = [], {}, 0
    for name, image in sharp.items():
        part = image + noise.get(name, noise["uniform"])
        if name == STEPS:
            half = len(part) // 2
            part[:half] = sharp["uniform"] + noise["uniform"][:half]
        parts.append(part)
        where[name] = slice(start, start + len(parts[-1]))
        start += len(parts[-1])
    values = np.concatenate(parts).astype(np.float32)
    inside = within_mm(len(uniform.image), uniform.pixel_mm, MEASURED_WITHIN_MM)
    level = float(np.sqrt(np.square(noise["uniform"][:, inside]).mean(dtype=np.float64)))
    stack = ArrayStack(_info(values, uniform.pixel_mm), values, np.ones(values.shape, np.bool_))
    return Acquisition(dose, kernel, stack, level, {s.name: s for s in sections}, sharp, where)


def restored(acquisition: Acquisition, contestant: Contestant) -> FloatArray:
    """What ``contestant`` makes of each section by itself, float32 (slices, rows, columns).

    Raises:
        ValueError: the result has another shape or values that aren't finite.
    """
    found = []
    for stack in acquisition.stacks():
        values = np.asarray(contestant.restore(stack, acquisition.noise), np.float32)
        if values.shape != stack.values.shape or not np.isfinite(values).all():
            raise ValueError(f"{contestant.name}: not a finite value for every pixel of the series")
        found.append(values)
    return np.concatenate(found)


def within_mm(size: int, pixel_mm: float, radius_mm: float) -> BoolArray:
    """Pixels (size, size) no farther than ``radius_mm`` from the phantom's middle."""
    along = (np.arange(size) - size // 2) * pixel_mm
    return np.asarray(np.hypot(along[:, None], along[None, :]) <= radius_mm)


STEPS = "steps"
_SECTIONS = (
    image_quality.inserts, image_quality.observer, image_quality.uniform, image_quality.steps,
)  # fmt: skip


def _info(values: FloatArray, pixel_mm: float) -> StackInfo:
    slices, rows, columns = values.shape
    spacing = (SLICE_MM, pixel_mm, pixel_mm)
    # Wide enough for air behind the noise of the lowest dose, so that nothing is clipped.
    return StackInfo(Modality.CT, REGION, "HU", slices, rows, columns, spacing, (-8192.0, 24575.0))
