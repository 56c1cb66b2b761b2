"""The physicist's table: noise, grain, sharpness, CT numbers and detectability, before and after.

Every contestant restores the same series of the phantom, ``input`` is what nobody touched, and
changes are against it. One cleared product reports, for the inserts and the uniform section of an
ACR phantom (ClariCT.AI, abstract at the AAPM's meeting in 2026): noise less by 39 to 49 %, the 50 %
frequency unchanged within 1.4 % and the 10 % one within 3.6 %, mean noise frequency 2.6 against
3.1 lp/cm. That is the company to be in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.medq_uni.yardstick.contestant import Contestant
from engines.medq_uni.yardstick.physicist.measures import (
    HIGH_EDGES,
    LOW_EDGES,
    SIZES,
    Measures,
    Progress,
    physicist_measures,
)
from engines.medq_uni.yardstick.physicist.pictures import (
    physicist_figures,
    physicist_pictures,
)
from engines.medq_uni.yardstick.physicist.summary import (
    LOST,
    Row,
    change,
    frequency,
    is_lost,
    summary_table,
    with_input,
)
from engines.medq_uni.yardstick.physicist.through_plane import UNTOUCHED_SLICES
from engines.medq_uni.yardstick.table import Cell, Table
from engines.phantoms.image_quality import INSERTS_HU

__all__ = [
    "Measures",
    "physicist_figures",
    "physicist_measures",
    "physicist_pictures",
    "physicist_tables",
    "tables_of",
]

MATERIALS = (*INSERTS_HU, "background")
HEAD = ("dose", "kernel", "method")
THROUGH = (HIGH_EDGES[0], *LOW_EDGES)


def physicist_tables(
    contestants: Sequence[Contestant], quick: bool = False, progress: Progress | None = None
) -> list[Table]:
    """Summary, noise, sharpness in and through the plane, CT numbers and detectability.

    ``quick`` scans a coarser phantom under two conditions only.

    Raises:
        ValueError: see ``physicist_measures``.
    """
    return tables_of(physicist_measures(contestants, quick, progress))


def tables_of(found: Sequence[Measures]) -> list[Table]:
    """The tables of measures; each condition's ``input`` must be among them."""
    return [
        summary_table(found),
        _table(
            found,
            "physicist_noise",
            "Noise and its grain",
            (
                "noise HU",
                "reduction %",
                "NPS mean lp/cm",
                "ratio",
                "NPS peak lp/cm",
                "fixed pattern HU",
            ),
            _noise_cells,
            "Standard deviation in the uniform section from slice to slice, and the mean and peak "
            "frequency of the noise power spectrum, in regions of 64 mm from which nothing is "
            "taken off. A ratio below 1 means coarser grain than before. Fixed pattern is what all "
            "slices have in common and the phantom has not: a texture that was put in. The "
            "input's says how much chance gives.",
        ),
        _sharpness_table(found, "mtf50", "50 %"),
        _sharpness_table(found, "mtf10", "10 %"),
        _table(
            found,
            "physicist_through",
            "Sharpness through the plane",
            tuple(f"{n} slices" for n in THROUGH),
            lambda m, before: tuple(
                LOST if m.through[n] is None and before.through[n] is not None else m.through[n]
                for n in THROUGH
            ),
            "Four discs begin between two slices. So many slices lie from 10 to 90 % of their "
            f"contrast, on straight lines between slices: {UNTOUCHED_SLICES:g} where each slice "
            "was restored by itself, 2.4 for the mean of three slices.",
        ),
        _table(
            found,
            "physicist_hu",
            "CT numbers",
            (
                *(f"{n} HU" for n in (*INSERTS_HU, "background")),
                *(f"{n} kept %" for n in LOW_EDGES),
            ),
            lambda m, _: (
                *(m.bias[n] for n in MATERIALS),
                *(100 * m.contrast[n] for n in LOW_EDGES),
            ),
            "Deviation of the mean from the true value, and the share kept of the contrast of "
            "three discs of 25 mm.",
        ),
        _table(
            found,
            "physicist_detection",
            "Detectability of faint discs",
            tuple(c for s in SIZES for c in (f"{s} d'", "±", f"{s} change %", "± %")),
            _seen_cells,
            "d' of a channelized Hotelling observer without internal noise, for discs of 6 HU. It "
            "doubles where the dose is four times as high; no filter can be expected to raise it "
            "much, and one that lowers it takes something away. A change is known better than "
            "d' itself, since the noise is the same. Lost: no noise is left to measure in, as "
            "where all was painted over.",
        ),
    ]


def _table(
    found: Sequence[Measures],
    name: str,
    title: str,
    columns: tuple[str, ...],
    cells: Callable[[Measures, Measures], Row],
    note: str,
) -> Table:
    rows = tuple((m.dose, m.kernel, m.method, *cells(m, before)) for m, before in with_input(found))
    return Table(name, title, (*HEAD, *columns), rows, note)


def _sharpness_table(found: Sequence[Measures], field: str, level: str) -> Table:
    edges = (*HIGH_EDGES, *LOW_EDGES)

    def cells(m: Measures, before: Measures) -> Row:
        row: list[Cell] = []
        for name in edges:
            now, then = frequency(m.edges[name], field), frequency(before.edges[name], field)
            row.append(now)
            if name in LOW_EDGES:
                error = frequency(m.edges[name], field.replace("mtf", "error"))
                row.append(None if error is None else round(error, 4))
            row.append(LOST if is_lost(m, before, name, field) else change(now, then))
        return tuple(row)

    columns = []
    for name in edges:
        columns += [f"{name} lp/cm", *(["±"] if name in LOW_EDGES else []), f"{name} change %"]
    return _table(
        found,
        f"physicist_{field}",
        f"Sharpness: frequency of {level} modulation",
        tuple(columns),
        cells,
        "At the edges of two inserts and of three discs of low contrast, whose noise is taken "
        "off by the same noise without the discs, so that the untouched input has none left. "
        "A dash: not reached below the pixels' Nyquist frequency, or not measurable within 15 %. "
        "Lost: measurable before, no longer so.",
    )


def _noise_cells(m: Measures, before: Measures) -> Row:
    mean = m.nps.mean_lp_cm
    return (
        m.noise,
        100 * (1 - m.noise / before.noise),
        # Where no noise is left there is no grain.
        *((mean, mean / before.nps.mean_lp_cm, m.nps.peak_lp_cm) if mean > 0 else [None] * 3),
        m.pattern,
    )


def _seen_cells(m: Measures, before: Measures) -> Row:
    row: list[Cell] = []
    for size in SIZES:
        now, then = m.seen[size], before.seen[size]
        gain = None if now is None or then is None else now.change_from(then)
        row += [None, None] if now is None else [now.d_prime, now.error]
        lost = then is not None and then.d_prime > 0 and now is None
        row += [LOST if lost else None, None] if gain is None else gain
    return tuple(row)
