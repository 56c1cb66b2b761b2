"""The physicist's table: noise, grain, sharpness, CT numbers and detectability, before and after.

Every contestant restores the same series of the phantom, ``input`` is what nobody touched, and
changes are against it. One cleared product reports, for the inserts and the uniform section of an
ACR phantom (ClariCT.AI, abstract at the AAPM's meeting in 2026): noise less by 39 to 49 %, the 50 %
frequency unchanged within 1.4 % and the 10 % one within 3.6 %, mean noise frequency 2.6 against
3.1 lp/cm. That is the company to be in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant
from engines.medq_uni.yardstick.physicist.measures import (
    HIGH_EDGES,
    LOW_EDGES,
    SIZES,
    Measures,
    Progress,
    physicist_measures,
)
from engines.medq_uni.yardstick.physicist.mtf import Sharpness
from engines.medq_uni.yardstick.physicist.pictures import (
    physicist_figures,
    physicist_pictures,
)
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
PUBLISHED = ("a cleared product", "39 to 49", "0.84", None, "within 1.4", None, None, None, None)

Row = tuple[Cell, ...]


def physicist_tables(
    contestants: Sequence[Contestant], quick: bool = False, progress: Progress | None = None
) -> list[Table]:
    """Summary, noise, sharpness (50 % and 10 %), CT numbers and detectability.

    ``quick`` scans a coarser phantom under two conditions only.

    Raises:
        ValueError: see ``physicist_measures``.
    """
    return tables_of(physicist_measures(contestants, quick, progress))


def tables_of(found: Sequence[Measures]) -> list[Table]:
    """The tables of measures; each condition's ``input`` must be among them."""
    return [
        _summary(found),
        _table(
            found,
            "physicist_noise",
            "Noise and its grain",
            ("noise HU", "reduction %", "NPS mean lp/cm", "ratio", "NPS peak lp/cm"),
            _noise_cells,
            "Standard deviation in the uniform section, and the mean and peak frequency of the "
            "noise power spectrum. A ratio below 1 means coarser grain than before.",
        ),
        _sharpness_table(found, "mtf50", "50 %"),
        _sharpness_table(found, "mtf10", "10 %"),
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
            tuple(c for s in SIZES for c in (f"{s} d'", "±", "change %", "± %")),
            _seen_cells,
            "d' of a channelized Hotelling observer without internal noise, for discs of 6 HU. It "
            "doubles where the dose is four times as high; no filter can be expected to raise it "
            "much, and one that lowers it takes something away. A change is known better than "
            "d' itself, since the noise is the same.",
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
    rows = tuple(
        (m.dose, m.kernel, m.method, *cells(m, before)) for m, before in _with_input(found)
    )
    return Table(name, title, (*HEAD, *columns), rows, note)


def _sharpness_table(found: Sequence[Measures], field: str, level: str) -> Table:
    edges = (*HIGH_EDGES, *LOW_EDGES)

    def cells(m: Measures, before: Measures) -> Row:
        row: list[Cell] = []
        for name in edges:
            now, then = _frequency(m.edges[name], field), _frequency(before.edges[name], field)
            row.append(now)
            if name in LOW_EDGES:
                error = _frequency(m.edges[name], field.replace("mtf", "error"))
                row.append(None if error is None else round(error, 4))
            row.append(_change(now, then))
        return tuple(row)

    columns = []
    for name in edges:
        columns += [f"{name} lp/cm", *(["±"] if name in LOW_EDGES else []), "change %"]
    return _table(
        found,
        f"physicist_{field}",
        f"Sharpness: frequency of {level} modulation",
        tuple(columns),
        cells,
        "At the edges of two inserts and of three discs of low contrast, whose noise is taken "
        "off by the same noise without the discs, so that the untouched input has none left. "
        "A dash: not reached below the pixels' Nyquist frequency, or not measurable within 15 %.",
    )


def _noise_cells(m: Measures, before: Measures) -> Row:
    frequency = m.nps.mean_lp_cm
    return (
        m.noise,
        100 * (1 - m.noise / before.noise),
        frequency,
        frequency / before.nps.mean_lp_cm,
        m.nps.peak_lp_cm,
    )


def _seen_cells(m: Measures, before: Measures) -> Row:
    row: list[Cell] = []
    for size in SIZES:
        now, then = m.seen[size], before.seen[size]
        change = None if now is None or then is None else now.change_from(then)
        row += [None, None] if now is None else [now.d_prime, now.error]
        row += [None, None] if change is None else change
    return tuple(row)


def _summary(found: Sequence[Measures]) -> Table:
    """One row per contestant: the middle of all conditions, the worst where harm is meant."""
    pairs = _with_input(found)
    rows: list[Row] = [PUBLISHED]
    for method in dict.fromkeys(m.method for m in found if m.method != UNTREATED.name):
        own = [(m, before) for m, before in pairs if m.method == method]
        reduction = [100 * (1 - m.noise / b.noise) for m, b in own]
        ratio = [m.nps.mean_lp_cm / b.nps.mean_lp_cm for m, b in own]
        bias = [max(abs(m.bias[k] - b.bias[k]) for k in m.bias) for m, b in own]
        rows.append(
            (
                method,
                f"{min(reduction):.0f} to {max(reduction):.0f}",
                f"{min(ratio):.2f} to {max(ratio):.2f}",
                float(np.median(reduction)),
                _worst_change(own, HIGH_EDGES),
                _worst_change(own, LOW_EDGES),
                max(bias),
                _typical_seen(own, SIZES[0]),
                _typical_seen(own, SIZES[-1]),
            )
        )
    columns = (
        "method", "noise reduction %", "NPS mean ratio", "median reduction %",
        f"worst MTF50 % ({', '.join(HIGH_EDGES)})",
        f"worst MTF50 % ({LOW_EDGES[0]} to {LOW_EDGES[-1]})", "largest HU shift",
        f"median d' % ({SIZES[0]})", f"median d' % ({SIZES[-1]})",
    )  # fmt: skip
    return Table(
        "physicist_summary",
        "The physicist's summary",
        columns,
        tuple(rows),
        "Over all doses and kernels, against the untouched input. The first row is what one "
        "cleared product reports of an ACR phantom on a real scanner.",
    )


def _with_input(found: Sequence[Measures]) -> list[tuple[Measures, Measures]]:
    inputs = {(m.dose, m.kernel): m for m in found if m.method == UNTREATED.name}
    return [(m, inputs[m.dose, m.kernel]) for m in found]


def _frequency(edge: Sharpness | None, field: str) -> float | None:
    value: float | None = None if edge is None else getattr(edge, field)
    return value


def _change(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None or not then > 0 else 100 * (now / then - 1)


def _worst_change(pairs: list[tuple[Measures, Measures]], edges: tuple[str, ...]) -> float | None:
    """The change of the 50 % frequency that is farthest from none."""
    changes = [
        _change(_frequency(m.edges[n], "mtf50"), _frequency(b.edges[n], "mtf50"))
        for m, b in pairs
        for n in edges
    ]
    return max((c for c in changes if c is not None), key=abs, default=None)


def _typical_seen(pairs: list[tuple[Measures, Measures]], size: str) -> float | None:
    changes = []
    for m, b in pairs:
        now, then = m.seen[size], b.seen[size]
        change = None if now is None or then is None else now.change_from(then)
        if change is not None:
            changes.append(change[0])
    return float(np.median(changes)) if changes else None
