"""Where the constants of the filters come from: run this module to see.

Phantoms that no evaluation takes, with what the tasks of a modality do to them. One constant has to
do for all of a modality, as a clinical image doesn't say what it suffers from; the best mean gain
in PSNR in the window of the literature is taken.

CT: parts of phantoms, half of them with a truth that has noise of its own, as every real truth has,
through a standard kernel. Noise of all kernels that are reported, mild to severe, is added. A
filter may be told the noise that was added or all noise. Only the added can be taken away where the
truth keeps its own, so both are tried, and what serves filters better is what they are told.

MR and PET: cases of every task but the clean one, every severity and variant in turn, told as in an
evaluation (``told``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from engines.base import FloatArray
from engines.description import Modality, Severity
from engines.medq_uni.degradations.kernels import KERNELS, STANDARD, Kernel
from engines.medq_uni.degradations.projection import ParallelBeam
from engines.medq_uni.draws import sample
from engines.medq_uni.phantom_sources import SIZES, kinds_of, phantom_source
from engines.medq_uni.tasks.table import TASKS
from engines.medq_uni.yardstick.restoration import bm3d, filters
from engines.medq_uni.yardstick.restoration.cases import make_cases
from engines.medq_uni.yardstick.restoration.scores import psnr, ruler
from engines.medq_uni.yardstick.restoration.told import told_level
from engines.medq_uni.yardstick.restoration.windows import WINDOWS, Window
from engines.phantoms.anatomy import random_phantom

SIZE, FIELD_MM = 512, 380.0
PART = (slice(128, 384), slice(60, 316))
"""Of a CT image of ``SIZE``: the wall of the body and organs, at the pixels of what is reported."""
REGIONS = ("chest", "abdomen", "head")
SEED = 3
"""Of phantoms and noise; an evaluation's phantoms have other seeds."""
LEVELS_HU = (20.0, 30.0, 48.0)
OWN_HU = (0.0, 10.0)
"""Noise of CT's truths: that of phantoms, and about that of real ones."""
HEAD = 0.37
"""Noise of heads in that of bodies, as the cut-offs of severe noise have it."""
EACH = 9
"""Cases of each task of MR and PET; BM3D sees the first third."""
PHANTOMS = 3
"""Phantoms of each kind of MR and PET."""
TRIED: dict[str, tuple[filters.SliceFilter, tuple[float, ...]]] = {
    "wavelet": (filters.wavelet, (0.3, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5)),
    "TV": (filters.total_variation, (0.15, 0.3, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.6, 2.0, 2.5)),
    "NLM": (filters.non_local_means, (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5)),
    "BM3D": (bm3d.denoise, (0.4, 0.7, 1.0, 1.2, 1.5, 1.8, 2.1, 2.5, 3.0)),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A degraded image beside its truth, and the level that a filter may be told, by its name."""

    image: FloatArray
    truth: FloatArray
    told: dict[str, float]
    window: Window


def noise_field(
    kernel: Kernel | None, rng: np.random.Generator, size: int = SIZE, field_mm: float = FIELD_MM
) -> FloatArray:
    """Noise (size, size) of standard deviation 1 as ``kernel`` leaves it."""
    if kernel is None:
        return rng.standard_normal((size, size), np.float32)
    beam = ParallelBeam(size, size, field_mm / size)
    sinogram = rng.standard_normal((1, beam.views, beam.detectors), np.float32)
    field = beam.reconstruct(sinogram, kernel)[0]
    return np.asarray(field / field.std(), np.float32)


@cache
def trials(modality: Modality) -> tuple[Trial, ...]:
    """What filters are tried on in a modality; none where it has no phantoms."""
    return _ct_trials() if modality is Modality.CT else _task_trials(modality)


def _ct_trials() -> tuple[Trial, ...]:
    """Every kernel in every region, levels taking turns, on a truth without noise and on one with.

    All images are parts, (256, 256).
    """
    rng = np.random.default_rng(SEED)
    window = WINDOWS[Modality.CT]
    found = []
    for place, region in enumerate(REGIONS):
        phantom = random_phantom(region, SEED, SIZE)
        scale = HEAD if region == "head" else 1.0
        own = noise_field(STANDARD, rng)[PART]
        for number, kernel in enumerate(KERNELS):
            field = noise_field(kernel, rng)[PART]
            added = scale * LEVELS_HU[(place + number) % len(LEVELS_HU)]
            for own_hu in OWN_HU:
                kept = scale * own_hu
                truth = phantom.values[0][PART] + np.float32(kept) * own
                told = {"added": added, "all": float(np.hypot(added, kept))}
                found.append(Trial(truth + np.float32(added) * field, truth, told, window))
    return tuple(found)


def _task_trials(modality: Modality) -> tuple[Trial, ...]:
    """Cases of every task with something to mend, the tasks taking turns."""
    sources = [
        phantom_source(kind, SEED + number, SIZES[modality])
        for kind in kinds_of([modality])
        for number in range(PHANTOMS)
    ]
    spoiling = [task for task in TASKS.values() if task.modality is modality
                and task.severities != (Severity.NONE,)]  # fmt: skip
    if not sources:
        return ()
    by_task = [make_cases([sample(task, sources, EACH, SEED)]) for task in spoiling]
    cases = [some[k] for k in range(EACH) for some in by_task if k < len(some)]
    found = []
    for case in cases:
        source, truth = case.pair.source, case.pair.truth
        window = ruler(truth, modality, source.region, source.unit, source.pixel_mm).window
        level = {case.draw.task.name: told_level(case)}
        found.append(Trial(case.pair.image, truth, level, window))
    return tuple(found)


def gains(denoise: filters.SliceFilter, constant: float, some: Sequence[Trial]) -> dict[str, float]:
    """Mean gain in PSNR in dB in the window over trials, by what the filter is told."""
    found: dict[str, list[float]] = {}
    for trial in some:
        meant = np.clip(trial.truth, trial.window.low, trial.window.high)
        before = _psnr(trial.image, meant, trial.window)
        for which, level in trial.told.items():
            after = _psnr(denoise(trial.image, level, constant), meant, trial.window)
            found.setdefault(which, []).append(after - before)
    return {which: float(np.mean(values)) for which, values in found.items()}


def _psnr(image: FloatArray, meant: FloatArray, window: Window) -> float:
    return psnr(np.clip(image, window.low, window.high), meant, window.span)


def main(modalities: Sequence[Modality] = tuple(Modality)) -> None:
    """Print the mean gain of every constant of every filter that is installed, by modality."""
    for modality in modalities:
        some = trials(modality)
        for name, (denoise, constants) in TRIED.items():
            if (name == "BM3D" and not bm3d.available()) or not some:
                continue
            seen = some[: -(-len(some) // 3)] if name == "BM3D" else some
            sys.stdout.write(f"{modality.value}, {name}, gain in dB\n")
            for constant in constants:
                found = gains(denoise, constant, seen)
                parts = ", ".join(f"{which} {db:+.2f}" for which, db in found.items())
                mean = float(np.mean(list(found.values())))
                sys.stdout.write(f"  {constant:g}: mean {mean:+.2f} ({parts})\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main([Modality(word) for word in sys.argv[1:]] or tuple(Modality))
