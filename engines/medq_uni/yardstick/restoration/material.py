"""What cases are made of: phantoms, made anywhere, and real slices from a folder of arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.sources import is_clean, load_sources
from engines.phantoms.anatomy import PLANS, random_phantom

PHANTOM = "phantom"
"""First word of the name of a phantom's patient."""
FIRST_PHANTOM = 1_000_000_000
"""Seed of the first phantom of an evaluation. Training takes those below, so that no phantom is in
both; every seed of an evaluation takes ``PHANTOMS`` of its own."""
PHANTOMS = 10_000


def phantom_regions() -> tuple[str, ...]:
    """Regions that there are phantoms of."""
    return tuple(PLANS)


def phantom_sources(
    count: int, size: int, seed: int, made: Callable[[], None] = lambda: None
) -> tuple[Source, ...]:
    """``count`` CT phantoms of each region, one slice (``size``, ``size``) each, without noise.

    ``made()`` is called after each. The same arguments give the same sources.

    Raises:
        ValueError: count not within 1 to 10,000, seed negative, or a size that no phantom has.
    """
    if not 1 <= count <= PHANTOMS:
        raise ValueError(f"count must be from 1 to {PHANTOMS}, not {count}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    first = FIRST_PHANTOM + seed * PHANTOMS
    sources = []
    for region in PLANS:
        for number in range(first, first + count):
            phantom = random_phantom(region, number, size)
            name = f"{PHANTOM} {region} {number}"
            sources.append(
                Source(
                    name=name,
                    patient=name,
                    modality=Modality.CT,
                    region=region,
                    unit="HU",
                    values=phantom.values[0],
                    pixel_mm=phantom.pixel_mm,
                    slice_mm=phantom.slice_mm,
                )
            )
            made()
    return tuple(sources)


def real_sources(folder: Path, modality: Modality) -> tuple[Source, ...]:
    """The slices of ``modality`` in ``folder`` that have little noise of their own.

    Raises:
        ValueError: no such folder, a file that is no array file, or no such slice.
    """
    found = tuple(source for source in load_sources(folder, modality) if is_clean(source))
    if not found:
        raise ValueError(f"folder {folder} has no {modality} slice with little noise of its own")
    return found
