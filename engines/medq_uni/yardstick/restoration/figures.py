"""Pictures of a comparison: one typical case side by side with its errors, and gains as dots.

matplotlib is imported here only when a figure is drawn, and without a screen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.yardstick.bootstrap import mean_interval
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import Entry
from engines.medq_uni.yardstick.restoration.found import Found, gain
from engines.medq_uni.yardstick.restoration.scores import Scores, scores_of
from engines.medq_uni.yardstick.restoration.windows import Window, shown_window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
PANEL_INCHES = 3.0
INK, MUTED, ACCENT, GRID = "#1a1a1a", "#6b6b6b", "#0b6e99", "#e3e3e3"
LIGHT, GREY = "#7fb8d1", "#8c8c8c"
"""Of the engine with other words, and of filters."""
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "figure.facecolor": "white",
}
ERROR_PERCENTILE = 98.0
"""Error maps reach so far of the input's errors inside the window, in steps of a 40th of it."""
BORDER_PIXELS = 6
NAME_INCHES = 0.075
"""Of a letter of a contestant's name beside a chart."""
TITLE_INCHES, LINE_INCHES = 0.108, 0.071
"""Of a letter of a title, and of the small line below it: longer ones go on in the next line."""
TITLE_HIGH, LINE_HIGH = 0.22, 0.165
"""Of a line of either."""
COLOURS = {Modality.CT: "gray", Modality.MR: "gray", Modality.PT: "gray_r"}
"""As they are read: PET dark on white."""
SHOWN_SHARE = 0.02
"""Pictures begin where MR and PET have more than this share of the highest value shown."""


def available() -> bool:
    """Whether matplotlib is installed."""
    import importlib.util

    return importlib.util.find_spec("matplotlib") is not None


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG."""
    figure.savefig(path, dpi=DPI)


def new_figure(width: float, height: float) -> Figure:
    """A figure of this size in inches in the house style, drawn without a screen."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type, unused-ignore]
    return Figure(figsize=(width, height))


def comparison(case: Case, restored: Sequence[tuple[str, FloatArray]], title: str) -> Figure:
    """Images (rows, columns) of a case above their errors, in one window; truth comes last.

    Where there are lungs a second row shows them in their own window. ``restored`` holds names and
    images, the input among them. MR and PET are shown in their own range, PET dark on white.
    """
    held, unit = case.ruler, case.pair.source.unit
    truth, modality = held.truth, held.modality
    windows = [shown_window(truth, modality, unit, held.body)]
    if held.lungs is not None:
        windows.append(held.lungs)
    first = windows[0]
    least = first.low if modality is Modality.CT else SHOWN_SHARE * first.high
    part = _seen_part(truth, least)
    rows = len(windows) + 1
    limit = _error_limit(case, part, first)
    columns = len(restored) + 1
    aspect = truth[part].shape[0] / truth[part].shape[1]
    height = PANEL_INCHES * aspect
    width = PANEL_INCHES * columns + 1.1
    title_lines = textwrap.wrap(title, int((width - 0.2) / TITLE_INCHES))
    shown_windows = " and ".join(f"[{w.low:.4g}, {w.high:.4g}] {w.unit}" for w in windows)
    about = textwrap.wrap(_about(case, shown_windows), int((width - 0.2) / LINE_INCHES))
    above = 0.14 + TITLE_HIGH * len(title_lines) + 0.04 + LINE_HIGH * len(about) + 0.4
    figure = new_figure(width, rows * height + above + 0.33)
    high = figure.get_figheight()
    grid = figure.add_gridspec(
        rows, columns, left=0.008, right=1 - 0.85 / width, wspace=0.02, hspace=0.02,
        top=1 - above / high, bottom=0.1 / high,
    )  # fmt: skip
    figure.text(0.008, 1 - 0.14 / high, "\n".join(title_lines), va="top", size=12, weight="bold")
    below = (0.14 + TITLE_HIGH * len(title_lines) + 0.04) / high
    figure.text(0.008, 1 - below, "\n".join(about), va="top", size=8.5, color=MUTED)
    shown: list[Any] = [None] * rows
    for k, (name, image) in enumerate([*restored, ("truth", truth)]):
        cells = [figure.add_subplot(grid[row, k]) for row in range(rows)]
        for row, window in enumerate(windows):
            shown[row] = cells[row].imshow(
                image[part], cmap=COLOURS[modality], vmin=window.low, vmax=window.high
            )
        numbers = "" if image is truth else f"\n{_numbers(scores_of(image, held))}"
        cells[0].set_title(name + numbers, size=9, loc="left", pad=3)
        lower = cells[-1]
        if image is truth:
            lower.text(0.06, 0.94, "errors below each image,\nrestored minus truth",
                       transform=lower.transAxes, va="top", size=8, color=MUTED)  # fmt: skip
        else:
            shown[-1] = lower.imshow((image - truth)[part], cmap="RdBu_r", vmin=-limit, vmax=limit)
        for axes in cells:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(False)
    for row, mapped in enumerate(shown):
        place = grid[row, columns - 1].get_position(figure)
        bar = figure.add_axes((place.x1 + 0.006, place.y0, 0.008, place.height))
        figure.colorbar(mapped, cax=bar).set_label(unit, labelpad=0)
        bar.tick_params(labelsize=7.5, length=2)
        bar.yaxis.label.set_fontsize(8)
    return figure


def gains_chart(
    found: Found, entries: Sequence[Entry], cases: Sequence[str], title: str, seed: int, engine: str
) -> Figure:
    """Gain of every entry: a faint dot per case, mean and 95% interval over it, best on top.

    Only those that saw all of ``cases`` are ranked, on these alone. Filters are grey, the engine as
    it is used is dark and with other words light.
    """
    rows = []
    colours = {e.name: GREY if e.is_filter else LIGHT for e in entries} | {engine: ACCENT}
    for name in (entry.name for entry in entries):
        of_name = found.get(name, {})
        if cases and all(case in of_name for case in cases):
            gains = [gain(found, name, case) for case in cases]
            patients = [of_name[case].case.pair.source.patient for case in cases]
            rows.append((name, gains, mean_interval(gains, patients, seed)))
    rows.sort(key=lambda row: row[2].mean)
    left = NAME_INCHES * max((len(row[0]) for row in rows), default=0) + 0.25
    title_lines = textwrap.wrap(title, int((left + 6.1) / TITLE_INCHES))
    above = 0.23 + TITLE_HIGH * len(title_lines)
    figure = new_figure(left + 6.3, 0.8 + above + 0.42 * len(rows))
    wide = figure.get_figwidth()
    high = figure.get_figheight()
    axes = figure.add_axes((left / wide, 0.55 / high, 5.6 / wide, 1 - (0.55 + above) / high))
    figure.text(0.02, 1 - 0.12 / high, "\n".join(title_lines), va="top", size=11.5, weight="bold")
    chance = np.random.default_rng(seed)
    shown = [g for _, gains, _ in rows for g in gains]
    low, high_gain = min(0.0, *shown), max(0.0, *shown)
    margin = 0.04 * max(high_gain - low, 0.1)
    for place, (name, gains, mean) in enumerate(rows):
        colour = colours[name]
        scatter = place + chance.uniform(-0.2, 0.2, len(gains))
        axes.plot(gains, scatter, "o", ms=3.2, color=colour, alpha=0.22, mew=0, zorder=2)
        if mean.low is not None and mean.high is not None:
            axes.plot([mean.low, mean.high], [place, place], color=colour, lw=2.4, zorder=3,
                      solid_capstyle="round")  # fmt: skip
        axes.plot(mean.mean, place, "o", ms=7.5, color=colour, mec="white", mew=1.2, zorder=4)
        axes.annotate(f"{mean.mean:+.2f}", (1.01, place), xycoords=("axes fraction", "data"),
                      va="center", size=8.5, color=INK)  # fmt: skip
    axes.axvline(0, color=MUTED, lw=1, zorder=1)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(low - margin, high_gain + margin)
    axes.set_xlabel("gain in PSNR over the input (dB); dot: mean, bar: 95% interval, faint: cases")
    axes.grid(axis="x", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure


def _numbers(found: Scores) -> str:
    """The scores of an image in one short line; MR's in its own range."""
    if found.psnr_own is not None and found.ssim_own is not None:
        return f"{found.psnr_own:.2f} dB   SSIM {found.ssim_own:.3f} (own range)"
    lungs = "" if found.psnr_lung is None else f"   lungs {found.psnr_lung:.2f} dB"
    return f"{found.psnr:.2f} dB   SSIM {found.ssim:.3f}{lungs}"


def _about(case: Case, windows: str) -> str:
    """One line on a case: what it is and what was done to it."""
    source = case.pair.source
    what = f"{source.region} {source.contrast}".strip()
    parts = [f"{what}, {case.origin}", f"shown {windows}"]
    if case.draw.variant is not None:
        parts.append(f"{case.draw.variant.name} {case.draw.task.variant_of}")
    for finding in case.pair.findings:
        amounts = " and ".join(f"{a.value:.3g} {a.unit}" for a in finding.amounts)
        parts.append(f"{finding.severity} {finding.degradation} {amounts}".strip())
    return "  ·  ".join(parts)


def _seen_part(truth: FloatArray, low: float) -> tuple[slice, slice]:
    """The rows and columns that show more than black, with a small border."""
    seen = truth > low
    if not seen.any():
        return slice(None), slice(None)
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(seen.any(axis=axis))
        most = seen.shape[1 - axis]
        found.append(
            slice(
                max(0, int(places[0]) - BORDER_PIXELS),
                min(most, int(places[-1]) + 1 + BORDER_PIXELS),
            )
        )
    return found[0], found[1]


def _error_limit(case: Case, part: tuple[slice, slice], window: Window) -> float:
    truth = case.pair.truth[part]
    inside = (truth > window.low) & (truth < window.high)
    errors = np.abs(case.pair.image[part] - truth)
    chosen = errors[inside] if inside.any() else errors.ravel()
    step = window.span / 40
    return float(max(step, np.ceil(np.percentile(chosen, ERROR_PERCENTILE) / step) * step))
