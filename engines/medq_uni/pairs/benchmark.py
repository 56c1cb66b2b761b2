"""The benchmark: 2,000 pairs that are the same for everyone, and who is kept for it.

Its phantoms are ones that no training takes, its real slices those of patients that
``training_sources`` leaves out. Share and seeds are fixed: a change of any is another benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.pairs.plan import SPARES, Material
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, PHANTOMS, kinds_of
from engines.medq_uni.real_sources import clean_sources, held_out_patients

BENCHMARK_PAIRS = 2000
BENCHMARK_SEED = 2026
HELD_OUT = 0.2
"""About this share of the patients is kept for the benchmark."""
SPLIT_SEED = 2026
LEAST_REAL_SIDE = 64
"""Smaller real slices, in pixels, are cut-outs of organs that show no patient."""
MOST_TURNS = PHANTOMS // (1 + SPARES)
"""With more turns a phantom would come twice."""


def training_sources(
    folder: Path,
    without: Iterable[str] = (),
    modalities: Sequence[Modality] = tuple(Modality),
    held_out: float = HELD_OUT,
    split_seed: int = SPLIT_SEED,
) -> tuple[Source, ...]:
    """Clean slices of all patients in ``folder`` but those held out: by default the benchmark's.

    Slices under 64 pixels are left out, here and in the benchmark.

    Raises:
        ValueError: as ``held_out_patients`` and ``clean_sources``.
    """
    kept = held_out_patients(folder, held_out, split_seed)
    return _sources(folder, modalities, frozenset(without), lambda patient: patient not in kept)


def benchmark_sources(
    folder: Path,
    without: Iterable[str] = (),
    modalities: Sequence[Modality] = tuple(Modality),
) -> tuple[Source, ...]:
    """Clean slices of the patients in ``folder`` that are held out for the benchmark.

    Raises:
        ValueError: as ``held_out_patients`` and ``clean_sources``.
    """
    kept = held_out_patients(folder, HELD_OUT, SPLIT_SEED)
    return _sources(folder, modalities, frozenset(without), kept.__contains__)


def benchmark_phantom(seed: int, turn: int, attempt: int) -> int:
    """A phantom that no training takes, another for every turn and attempt.

    Evaluations with the seed ``BENCHMARK_SEED`` and no other take some of the same.
    """
    return FIRST_PHANTOM + seed * PHANTOMS + attempt * MOST_TURNS + turn % MOST_TURNS


def benchmark_material(modalities: Sequence[Modality], real: tuple[Source, ...] = ()) -> Material:
    """What the benchmark is made of, with ``benchmark_sources`` for ``real`` or without any.

    No real slice comes twice with the same thing done to it: that would count one case twice.
    """
    return Material(kinds_of(modalities), real, benchmark_phantom, once=True)


def _sources(
    folder: Path,
    modalities: Sequence[Modality],
    without: frozenset[str],
    whose: Callable[[str], bool],
) -> tuple[Source, ...]:
    return tuple(
        source
        for modality in modalities
        for source in clean_sources(folder, modality, whose, without)
        if min(source.values.shape) >= LEAST_REAL_SIDE
    )
