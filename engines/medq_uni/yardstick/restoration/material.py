"""What cases are made of besides phantoms: real slices from a folder of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import is_phantom
from engines.medq_uni.sources import is_clean, load_sources, split
from engines.medq_uni.yardstick.table import Table


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
