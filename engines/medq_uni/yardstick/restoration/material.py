"""What cases are made of, counted: patients and slices, real ones and phantoms."""

from __future__ import annotations

from collections.abc import Sequence

from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import is_phantom
from engines.medq_uni.yardstick.table import Table


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
