"""The table of a task in its modality's own terms: ghosts and edges of MR, uptake of PET."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from engines.description import Modality
from engines.medq_uni.yardstick.native import gauge
from engines.medq_uni.yardstick.native.uptake import CONTRAST
from engines.medq_uni.yardstick.restoration.contest import INPUT, TRUTH, Entry
from engines.medq_uni.yardstick.restoration.found import Found, mean, title_of, word
from engines.medq_uni.yardstick.table import Cell, Table

TITLES = {Modality.MR: "ghosts and edges", Modality.PT: "is uptake still right?"}
LEAST_PEAK = "least SUVpeak (%)"


def native_table(task: str, found: Found, entries: Sequence[Entry]) -> Table | None:
    """Means over cases (over hot spots, where these are measured) of all contestants and the truth.

    ``None`` where the modality has no such measures or nobody took part.
    """
    everything = found.get(INPUT.name, {})
    if not everything:
        return None
    modality = next(iter(everything.values())).case.pair.source.modality
    names = gauge.MEASURES[modality]
    if not names:
        return None
    rows: list[tuple[Cell, ...]] = []
    for name in (TRUTH, *(entry.name for entry in entries)):
        seen = found.get(name, {})
        if not seen:
            continue
        pooled = {
            of: list(chain.from_iterable(o.native.get(of, ()) for o in seen.values()))
            for of in names
        }
        cells: list[Cell] = []
        for of in names:
            cells.append(mean(pooled[of]))
            if of == gauge.PEAKS:
                cells.append(min(pooled[of], default=None))
        rows.append((name, len(seen), *cells))
    columns = list(names)
    if gauge.PEAKS in columns:
        columns.insert(columns.index(gauge.PEAKS) + 1, LEAST_PEAK)
    counted = _counted(found, names)
    return Table(
        f"{word(task)}_native",
        f"{title_of(task)}: {TITLES[modality]}",
        ("contestant", "cases", *columns),
        tuple(rows),
        f"{NOTES[modality]} {counted}",
    )


def _counted(found: Found, names: Sequence[str]) -> str:
    """In how many cases each measure could be taken of the input, and of how many things."""
    parts = []
    for name in names:
        seen = [o.native.get(name, ()) for o in found[INPUT.name].values()]
        cases, things = sum(bool(numbers) for numbers in seen), sum(map(len, seen))
        what = name.split(" (")[0]
        of_things = f" ({things} hot spots)" if name == gauge.PEAKS else ""
        if name != gauge.MAXIMA:
            parts.append(f"{what} in {cases}{of_things}")
    return f"Measured of {len(found[INPUT.name])} cases: {', '.join(parts)}."


NOTES = {
    Modality.MR: (
        "Ghosts: mean signal in the air beside the body along the phase-encoding direction less "
        "that along the other, in % of the body's mean, as the ACR has it. Ghost error is the RMS "
        "error there beyond that along the other direction, where there is noise alone. Edge width "
        "is from 10 to 90 % of the mean rise across the truth's strong edges: more than the "
        "truth's is blurred, less is sharpened. A case without air on all sides, or with too few "
        "lonely edges, is left out of a mean."
    ),
    Modality.PT: (
        "All in % of the truth: 100 is right for total activity and hot spots, 0 for bias. Hot "
        f"spots have {CONTRAST:g} times what lies around them or more; SUVpeak is the hottest mean "
        "over a disc of 12.4 mm, SUVmax the hottest pixel, each looked for within 8 mm. The least "
        "is the worst single hot spot. Noise raises SUVmax: more than 100 is no better. Noise is "
        "the standard deviation of the error in uniform tissue, bias its mean there and in cold "
        "places (lungs, bowel, fluid) in % of the signal of tissue."
    ),
}
"""What the numbers of a modality are."""
