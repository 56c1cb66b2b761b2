"""The physicist's table as pictures: the phantom itself, sharpness, noise and detectability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant
from engines.medq_uni.yardstick.physicist.acquire import FULL, QUICK, acquire_sections, restored
from engines.medq_uni.yardstick.physicist.measures import (
    HIGH_EDGES,
    LOW_EDGES,
    SIZES,
    Measures,
    Progress,
    physicist_measures,
)
from engines.medq_uni.yardstick.report import Picture
from engines.medq_uni.yardstick.restoration.figures import GRID, INK, MUTED
from engines.phantoms import image_quality

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#222222", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, told apart by colour-blind readers too; the input comes first."""
SHOWN_DOSE = 0.25
SHOWN_CONTRAST_HU = 20.0
WINDOWS = {
    "inserts": (-160.0, 240.0),
    "low contrast": (-35.0, 115.0),
    "uniform": (-35.0, 115.0),
    "line pairs": (-300.0, 1300.0),
}
SHOWN_MM = 206.0
PANEL_INCHES = 2.9


def physicist_figures(
    out: Path,
    contestants: Sequence[Contestant],
    found: Sequence[Measures] | None = None,
    quick: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the pictures as PNG files into the folder ``out`` and return their paths.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: see ``physicist_measures``.
    """
    from engines.medq_uni.yardstick.restoration import figures

    measured = physicist_measures(contestants, quick, progress) if found is None else found
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for picture in physicist_pictures(contestants, measured, quick):
        paths.append(out / f"{picture.name}.png")
        figures.save(picture.figure, paths[-1])
    return paths


def physicist_pictures(
    contestants: Sequence[Contestant], found: Sequence[Measures], quick: bool = False
) -> list[Picture]:
    """The phantom restored, and curves of ``found``, what was measured for ``contestants``.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: nothing was measured.
    """
    if not found:
        raise ValueError("found: no measures to draw")
    methods = list(dict.fromkeys(m.method for m in found))
    colours = {m: COLOURS[k % len(COLOURS)] for k, m in enumerate(methods)}
    dose = f"{_at_shown_dose(found)[0].dose:g} of full dose"
    return [
        Picture(
            "physicist_phantom",
            _phantom(contestants, quick),
            "The phantom without noise, with it, and restored.",
        ),
        Picture(
            "physicist_sharpness",
            _sharpness(found, colours),
            f"Modulation transfer at edges of high and low contrast, {dose}. What lies below the "
            "input's curve has been blurred.",
        ),
        Picture(
            "physicist_noise",
            _noise(found, colours),
            f"Noise power spectrum, {dose}: how much noise is left, and whether its grain is still "
            "the input's.",
        ),
        Picture(
            "physicist_detectability",
            _detectability(found, colours),
            "Detectability of discs of 6 HU (channelized Hotelling observer) against dose.",
        ),
    ]


def _phantom(contestants: Sequence[Contestant], quick: bool) -> Figure:
    """Sections in columns, the truth and contestants in rows."""
    protocol = QUICK if quick else FULL
    size, mm = protocol.size, protocol.pixel_mm
    sections = [
        image_quality.inserts(size, mm),
        image_quality.low_contrast(size, mm, SHOWN_CONTRAST_HU),
        image_quality.uniform(size, mm),
        image_quality.line_pairs(size, mm),
    ]
    kernel = protocol.kernels[len(protocol.kernels) // 2]
    counts = dict.fromkeys((s.name for s in sections), 1)
    series = acquire_sections(sections, counts, SHOWN_DOSE, kernel)
    methods = [UNTREATED, *(c for c in contestants if c is not UNTREATED)]
    rows = [("no noise", [series.sharp[s.name] for s in sections])]
    for contestant in methods:
        values = restored(series, contestant)
        rows.append((contestant.name, [series.of(values, s.name)[0] for s in sections]))
    figure, axes = _grid(len(rows), len(sections), PANEL_INCHES, PANEL_INCHES)
    cut = max(0, size // 2 - round(SHOWN_MM / 2 / mm))
    for k, (method, images) in enumerate(rows):
        for axis, section, image in zip(axes[k], sections, images, strict=True):
            low, high = WINDOWS[section.name]
            # Wholly shown pixels would alias the line pairs: interpolate in the image's values.
            axis.imshow(
                image[cut : size - cut, cut : size - cut], cmap="gray", vmin=low, vmax=high,
                interpolation="antialiased", interpolation_stage="data",
            )  # fmt: skip
            axis.set(xticks=[], yticks=[])
            axis.set_frame_on(False)
            if k == 0:
                axis.set_title(f"{section.name}\n{low:.0f} to {high:.0f} HU", size=10)
        axes[k, 0].set_ylabel(method, size=11, color=INK)
    figure.suptitle(
        f"{SHOWN_DOSE:g} of full dose, {kernel.name} kernel; "
        f"faint discs of {SHOWN_CONTRAST_HU:g} HU",
        weight="bold",
    )
    return figure


def _sharpness(found: Sequence[Measures], colours: dict[str, str]) -> Figure:
    edges = (HIGH_EDGES[0], *LOW_EDGES)
    chosen = _at_shown_dose(found)
    kernels = list(dict.fromkeys(m.kernel for m in chosen))
    figure, axes = _grid(len(kernels), len(edges))
    for m in chosen:
        for column, edge in enumerate(edges):
            axis, sharp = axes[kernels.index(m.kernel), column], m.edges[edge]
            if sharp is not None:
                curve = sharp.transfer
                axis.plot(curve.lp_cm, curve.modulation, **_style(m.method, colours))
            axis.set(xlim=(0, 10), ylim=(0, 1.3), title=f"{m.kernel} kernel, {edge} edge")
            axis.set(xlabel="lp/cm", ylabel="modulation")
            for level in (0.5, 0.1):
                axis.axhline(level, color=GRID, lw=0.8, zorder=0)
    _legend(axes)
    figure.suptitle(f"Modulation transfer at {chosen[0].dose:g} of full dose", weight="bold")
    return figure


def _noise(found: Sequence[Measures], colours: dict[str, str]) -> Figure:
    chosen = _at_shown_dose(found)
    kernels = list(dict.fromkeys(m.kernel for m in chosen))
    figure, axes = _grid(len(kernels), 2)
    for m in chosen:
        left, right = axes[kernels.index(m.kernel)]
        share = m.nps.power / max(float(m.nps.power.max()), 1e-12)
        left.plot(m.nps.lp_cm, m.nps.power, **_style(m.method, colours))
        right.plot(m.nps.lp_cm, share, **_style(m.method, colours))
        left.set(title=f"{m.kernel} kernel", ylabel="power (HU² mm²)")
        right.set(title="the same, each to its peak", ylabel="relative power")
        for axis in (left, right):
            axis.set(xlim=(0, 10), xlabel="lp/cm")
            axis.set_ylim(bottom=0)
    _legend(axes)
    figure.suptitle(f"Noise power spectrum at {chosen[0].dose:g} of full dose", weight="bold")
    return figure


def _detectability(found: Sequence[Measures], colours: dict[str, str]) -> Figure:
    kernels = list(dict.fromkeys(m.kernel for m in found))
    ticks = sorted({m.dose for m in found})
    figure, axes = _grid(len(kernels), len(SIZES), 3.2)
    for row, kernel in enumerate(kernels):
        for column, size in enumerate(SIZES):
            axis = axes[row, column]
            for k, method in enumerate(colours):
                aside = 1.03 ** (k - (len(colours) - 1) / 2)  # so that error bars don't overlap
                own = [m for m in found if m.method == method and m.kernel == kernel]
                _against_dose(axis, own, size, aside, _style(method, colours))
            axis.set(xscale="log", title=f"{size} disc, {kernel} kernel")
            axis.set(xlabel="dose", ylabel="d'")
            axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
            axis.minorticks_off()
            axis.set_ylim(bottom=0)
    _legend(axes)
    figure.suptitle("Detectability of discs of 6 HU, channelized Hotelling observer", weight="bold")
    return figure


def _against_dose(
    axis: Any,  # noqa: ANN401 - matplotlib's Axes
    own: list[Measures],
    size: str,
    aside: float,
    style: dict[str, Any],
) -> None:
    """One method's d' with error bars; the input's also with the square root of dose."""
    points = [(m.dose, s.d_prime, s.error) for m in own if (s := m.seen[size]) is not None]
    if not points:
        return
    dose, seen, error = np.array(sorted(points)).T
    axis.errorbar(dose * aside, seen, error, marker="o", ms=4, capsize=2, **style)
    if own[0].method == UNTREATED.name:
        fine = np.geomspace(dose.min(), dose.max(), 40)
        weight = 1 / np.maximum(error, 1e-9) ** 2
        factor = (weight * seen * np.sqrt(dose)).sum() / (weight * dose).sum()
        axis.plot(fine, factor * np.sqrt(fine), ":", color=MUTED, label="square root of dose")


def _grid(
    rows: int, columns: int, width: float = 3.7, height: float = 3.0
) -> tuple[Figure, NDArray[Any]]:
    """A figure and its axes (rows, columns), each of this size in inches."""
    from engines.medq_uni.yardstick.restoration import figures

    figure = figures.new_figure(width * columns + 0.3, height * rows + 0.6)
    figure.set_layout_engine("constrained")
    axes: NDArray[Any] = np.asarray(figure.subplots(rows, columns, squeeze=False))
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _legend(axes: NDArray[Any]) -> None:
    """A legend in the first panel of what any panel shows."""
    found: dict[str, Any] = {}
    for axis in axes.flat:
        lines, labels = axis.get_legend_handles_labels()
        found.update(zip(labels, lines, strict=True))
    axes[0, 0].legend(found.values(), found.keys(), frameon=False)


def _style(method: str, colours: dict[str, str]) -> dict[str, Any]:
    plain = method == UNTREATED.name
    return {"color": colours[method], "lw": 2.4 if plain else 1.5, "label": method}


def _at_shown_dose(found: Sequence[Measures]) -> list[Measures]:
    dose = min({m.dose for m in found}, key=lambda d: abs(d - SHOWN_DOSE))
    return [m for m in found if m.dose == dose]
