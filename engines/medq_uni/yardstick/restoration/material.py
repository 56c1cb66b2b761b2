"""What cases are made of: phantoms, made anywhere, and real slices from a folder of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.sources import is_clean, load_sources, split
from engines.medq_uni.yardstick.table import Table
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


def real_sources(
    folder: Path, modality: Modality, held_out: float | None = None, split_seed: int = 0
) -> tuple[Source, ...]:
    """The slices of ``modality`` in ``folder`` that have little noise of their own.

    ``held_out`` is the share of patients that a training left out: only theirs are taken. They are
    those of ``sources.split`` of all slices of the modality in the folder with ``split_seed``,
    noisy ones among them, so that a training has to split the same.

    Raises:
        ValueError: no such folder, a file that is no array file, no such slice, or a share not
            within 0 to 1.
    """
    everything = load_sources(folder, modality)
    if held_out is not None:
        everything = split(everything, held_out, split_seed)[1]
    found = tuple(source for source in everything if is_clean(source))
    if not found:
        whose = "" if held_out is None else " of patients held out"
        raise ValueError(
            f"folder {folder} has no {modality} slice{whose} with little noise of its own"
        )
    return found


def material_table(sources: Sequence[Source], used: Sequence[Source], text: str) -> Table:
    """How many patients and slices there were and were used, real ones and phantoms apart."""
    rows = []
    for title, phantom in (("real", False), ("phantom", True)):
        there, taken = (
            {s.name: s.patient for s in some if is_phantom(s) is phantom}
            for some in (sources, used)
        )
        rows.append(
            (title, len(set(there.values())), len(there), len(set(taken.values())), len(taken))
        )
    columns = ("source", "patients", "slices", "patients in cases", "slices in cases")
    note = f"{text} Every phantom counts as a patient."
    return Table("material", "Patients and slices", columns, tuple(rows), note)


def is_phantom(source: Source) -> bool:
    """Whether the source was made and not measured."""
    return source.patient.startswith(f"{PHANTOM} ")
