"""One row per contestant: what is typical, and the worst where harm is meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.medq_uni.yardstick.contestant import UNTREATED
from engines.medq_uni.yardstick.physicist.measures import HIGH_EDGES, LOW_EDGES, SIZES, Measures
from engines.medq_uni.yardstick.physicist.mtf import Sharpness
from engines.medq_uni.yardstick.physicist.through_plane import LEAST_KEPT
from engines.medq_uni.yardstick.table import Cell, Table

Row = tuple[Cell, ...]
Pairs = Sequence[tuple[Measures, Measures]]

LOST = "lost"
"""What could be measured before and no longer can."""
LEVELS = {"mtf50": 0.5, "mtf10": 0.1}
PUBLISHED = ("a cleared product", "39 to 49", "0.84", None, "within 1.4", *[None] * 9)
COLUMNS = (
    "method", "noise reduction %", "NPS mean ratio", "median reduction %",
    f"worst MTF50 % ({', '.join(HIGH_EDGES)})",
    f"worst MTF50 % ({LOW_EDGES[0]} to {LOW_EDGES[-1]})",
    "edges lost", "least contrast kept %", "largest HU shift", "fixed pattern HU",
    "widest edge through the plane (slices)",
    f"median d' % ({SIZES[0]})", f"median d' % ({SIZES[-1]})", "d' lost",
)  # fmt: skip
NOTE = (
    "Over all doses and kernels, against the untouched input. Worst is the greatest loss (above "
    "zero where all gained). Lost counts what could be measured before and no longer can, of all "
    "that could: medians are of the rest, so read them only where nothing is lost. Least "
    "contrast kept is that of the discs of 25 mm; an edge between two slices has 0.8 slices until "
    "slices are mixed. The first row is what one cleared product reports of an ACR phantom on a "
    "real scanner; how its noise power spectrum was taken is not said, and smaller regions freed "
    "of their planes show coarse grain less than these."
)


def summary_table(found: Sequence[Measures]) -> Table:
    """The summary of ``found``; each condition's ``input`` must be among them."""
    pairs = with_input(found)
    rows: list[Row] = [PUBLISHED]
    for method in dict.fromkeys(m.method for m in found if m.method != UNTREATED.name):
        rows.append(_row(method, [(m, before) for m, before in pairs if m.method == method]))
    return Table("physicist_summary", "The physicist's summary", COLUMNS, tuple(rows), NOTE)


def _row(method: str, own: Pairs) -> Row:
    reduction = [100 * (1 - m.noise / b.noise) for m, b in own]
    # Where no noise is left there is no grain to compare.
    ratio = [m.nps.mean_lp_cm / b.nps.mean_lp_cm for m, b in own if m.nps.mean_lp_cm > 0]
    bias = max(abs(m.bias[k] - b.bias[k]) for m, b in own for k in m.bias)
    kept = min(100 * m.contrast[k] / b.contrast[k] for m, b in own for k in m.contrast)
    widths = [w for m, _ in own for w in m.through.values() if w is not None]
    return (
        method,
        f"{min(reduction):.0f} to {max(reduction):.0f}",
        f"{min(ratio):.2f} to {max(ratio):.2f}" if ratio else None,
        float(np.median(reduction)),
        _worst_change(own, HIGH_EDGES),
        _worst_change(own, LOW_EDGES),
        _edges_lost(own),
        kept,
        bias,
        max(m.pattern for m, _ in own),
        max(widths, default=None),
        _typical_seen(own, SIZES[0]),
        _typical_seen(own, SIZES[-1]),
        _seen_lost(own),
    )


def with_input(found: Sequence[Measures]) -> list[tuple[Measures, Measures]]:
    """Each measure beside the untouched input's under the same condition."""
    inputs = {(m.dose, m.kernel): m for m in found if m.method == UNTREATED.name}
    return [(m, inputs[m.dose, m.kernel]) for m in found]


def frequency(edge: Sharpness | None, field: str) -> float | None:
    """One of an edge's figures, such as ``mtf50``; ``None`` where there is no edge."""
    value: float | None = None if edge is None else getattr(edge, field)
    return value


def change(now: float | None, then: float | None) -> float | None:
    """Change in %; ``None`` where either was not measurable."""
    return None if now is None or then is None or not then > 0 else 100 * (now / then - 1)


def is_lost(m: Measures, before: Measures, name: str, field: str) -> bool:
    """Whether ``field`` of the edge ``name`` was measurable and no longer is, for no good reason.

    A frequency that rose, maybe beyond the pixels' Nyquist frequency, is no loss, if there is still
    a disc.
    """
    now, then = m.edges[name], frequency(before.edges[name], field)
    if then is None or frequency(now, field) is not None:
        return False
    if now is None or m.contrast.get(name, 1.0) < LEAST_KEPT:
        return True
    found = now.transfer.frequency_at(LEVELS[field])
    return found is not None and found < then


def _worst_change(own: Pairs, names: Sequence[str]) -> Cell:
    """The greatest loss of the 50 % frequency, or the least gain; first what is lost altogether."""
    changes = [
        change(frequency(m.edges[n], "mtf50"), frequency(b.edges[n], "mtf50"))
        for m, b in own
        for n in names
    ]
    worst = min((c for c in changes if c is not None), default=None)
    lost = sum(is_lost(m, b, n, "mtf50") for m, b in own for n in names)
    if not lost:
        return worst
    return f"{lost} {LOST}" if worst is None else f"{lost} {LOST}, else {worst:.1f}"


def _edges_lost(own: Pairs) -> str:
    """How many edges, in the plane and through it, can't be measured any longer."""
    names = (*HIGH_EDGES, *LOW_EDGES)
    known = sum(frequency(b.edges[n], "mtf50") is not None for _, b in own for n in names)
    through = [m.through[n] is None for m, b in own for n in m.through if b.through[n] is not None]
    lost = sum(is_lost(m, b, n, "mtf50") for m, b in own for n in names)
    return f"{lost + sum(through)} of {known + len(through)}"


def _typical_seen(own: Pairs, size: str) -> float | None:
    changes = []
    for m, b in own:
        now, then = m.seen[size], b.seen[size]
        gain = None if now is None or then is None else now.change_from(then)
        if gain is not None:
            changes.append(gain[0])
    return float(np.median(changes)) if changes else None


def _seen_lost(own: Pairs) -> str:
    before = [(m.seen[n], s) for m, b in own for n in SIZES if (s := b.seen[n]) is not None]
    known = [now for now, then in before if then.d_prime > 0]
    return f"{sum(now is None for now in known)} of {len(known)}"
