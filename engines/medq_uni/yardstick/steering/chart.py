"""A picture of what the words are worth: one panel per task, one row per wording.

matplotlib is imported only when it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engines.medq_uni.yardstick.restoration.figures import ACCENT, GREY, INK, MUTED, new_figure
from engines.medq_uni.yardstick.restoration.found import title_of
from engines.medq_uni.yardstick.steering.gains import OWN, TRUE, WORDINGS
from engines.medq_uni.yardstick.steering.tables import Worth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 4
PANEL_WIDE, ROW_HIGH = 2.35, 0.24
LEAST_SPAN = 0.5
"""In dB: a hundredth must not look like much because nothing else is there."""
LEFT, TOP, BETWEEN = 1.85, 0.75, 0.62
"""Inches: of names beside, of the title above, and between rows of panels."""


def wordings_chart(rows: Sequence[Worth], engine: str) -> Figure:
    """Mean gain of each wording with its 95 % interval; the line is that of the own words.

    Every panel has a scale of its own, as tasks differ in what can be gained.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("rows must hold at least one")
    tasks = list(dict.fromkeys(row.task for row in rows))
    names = [w for w in WORDINGS if any(row.wording == w for row in rows)]
    across = min(ACROSS, len(tasks))
    down = -(-len(tasks) // across)
    panel = ROW_HIGH * (len(names) + 0.6)
    high = TOP + down * (panel + BETWEEN)
    wide = LEFT + across * (PANEL_WIDE + 0.18) + 0.12
    figure = new_figure(wide, high)
    title = f"Do the words matter? Gain of {engine} by what it is told"
    figure.text(0.12 / wide, 1 - 0.12 / high, title, va="top", size=12, weight="bold")
    line = "dB of PSNR over the input; line: its own words; bars: 95 % over patients, from 8 on"
    figure.text(0.12 / wide, 1 - 0.36 / high, line, va="top", size=8.5, color=MUTED)
    for k, task in enumerate(tasks):
        left = LEFT + (k % across) * (PANEL_WIDE + 0.18)
        bottom = high - TOP - (k // across) * (panel + BETWEEN) - panel
        axes = figure.add_axes((left / wide, bottom / high, PANEL_WIDE / wide, panel / high))
        _panel(axes, {row.wording: row for row in rows if row.task == task}, names)
        axes.set_title(title_of(task), loc="left", size=9, pad=3, color=INK)
        if k % across:
            axes.set_yticklabels([])
    return figure


def _panel(axes: Axes, of: dict[str, Worth], names: Sequence[str]) -> None:
    places = {name: len(names) - 1 - k for k, name in enumerate(names)}
    axes.axvline(0, color=MUTED, lw=0.8, ls=":", zorder=1)
    if OWN in of:
        axes.axvline(of[OWN].gain.mean, color=ACCENT, lw=1, alpha=0.5, zorder=1)
    for name, row in of.items():
        colour = ACCENT if name == OWN else INK if name == TRUE else GREY
        place, gain = places[name], row.gain
        if gain.low is not None and gain.high is not None:
            axes.plot([gain.low, gain.high], [place, place], color=colour, lw=2, zorder=2,
                      solid_capstyle="round")  # fmt: skip
        axes.plot(gain.mean, place, "o", ms=5.5, color=colour, mec="white", mew=0.8, zorder=3)
    axes.set_yticks(list(places.values()), list(places))
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_xlim(*_span(list(of.values())))
    axes.tick_params(axis="both", length=0, labelsize=8)
    axes.grid(axis="x", color="#eeeeee", lw=0.8, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _span(rows: Sequence[Worth]) -> tuple[float, float]:
    """What an axis shows: all means and intervals and zero, and some room beside."""
    ends = [0.0]
    for row in rows:
        gain = row.gain
        ends += [end for end in (gain.mean, gain.low, gain.high) if end is not None]
    low, high = min(ends), max(ends)
    room = max(0.1 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    return low - room, high + room
