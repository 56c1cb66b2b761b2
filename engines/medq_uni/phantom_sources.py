"""Phantoms as sources, of every kind there is; training and evaluation never share one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.phantoms.anatomy import PLANS, Kind, random_phantom

PHANTOM = "phantom"
"""First word of the name of a phantom's patient."""
FIRST_PHANTOM = 1_000_000_000
"""Seed of the first phantom of an evaluation. Training takes those below, so that no phantom is in
both; every seed of an evaluation takes ``PHANTOMS`` of its own."""
PHANTOMS = 10_000
SIZES: dict[Modality, int] = {Modality.CT: 512, Modality.MR: 320, Modality.PT: 160}
"""Usual side in pixels."""


def kinds_of(modalities: Sequence[Modality]) -> tuple[Kind, ...]:
    """Kinds of phantoms that there are in ``modalities``."""
    return tuple(kind for kind in PLANS if kind.modality in modalities)


def phantom_source(kind: Kind, seed: int, size: int) -> Source:
    """One slice (``size``, ``size``) of a phantom without noise; the same arguments, the same."""
    phantom = random_phantom(
        kind.region, seed, size, modality=kind.modality, contrast=kind.contrast
    )
    # The contrasts of a region are pictures of one person.
    patient = f"{PHANTOM} {WORDS[kind.modality]}{kind.region} {seed}"
    return Source(
        name=f"{patient} {kind.contrast}".strip(),
        patient=patient,
        modality=kind.modality,
        region=kind.region,
        unit=phantom.unit,
        values=phantom.values[0],
        pixel_mm=phantom.pixel_mm,
        slice_mm=phantom.slice_mm,
        contrast=kind.contrast,
    )


def evaluation_phantoms(
    kinds: Sequence[Kind],
    count: int,
    seed: int,
    size: Callable[[Modality], int] = SIZES.__getitem__,
    made: Callable[[], None] = lambda: None,
) -> tuple[Source, ...]:
    """``count`` phantoms of each kind that no training takes.

    ``size`` gives their side in pixels; ``made()`` is called after each. The same arguments give
    the same sources.

    Raises:
        ValueError: count not within 1 to 10,000, seed negative, or a size that no phantom has.
    """
    if not 1 <= count <= PHANTOMS:
        raise ValueError(f"count must be from 1 to {PHANTOMS}, not {count}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    first = FIRST_PHANTOM + seed * PHANTOMS
    sources = []
    for kind in kinds:
        for number in range(first, first + count):
            sources.append(phantom_source(kind, number, size(kind.modality)))
            made()
    return tuple(sources)


def is_phantom(source: Source) -> bool:
    """Whether the source was made and not measured."""
    return source.patient.startswith(f"{PHANTOM} ")


WORDS: dict[Modality, str] = {Modality.CT: "", Modality.MR: "mr ", Modality.PT: "pet "}
"""What tells phantoms of one region and seed apart."""
