"""The picture of real beside simulated CT noise."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from benchmarks.ct_noise_fit import Compared

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SECTORS = 8
REAL, MADE = "#1f3b57", "#e07a1f"


def picture(found: list[Compared], path: Path) -> None:
    """One row per series: spectra, directions, maps at one scale; no images of patients."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(
        len(found), 4, figsize=(12, 2.75 * len(found)), squeeze=False,
        gridspec_kw={"width_ratios": (1.35, 1.0, 1.1, 1.1)}, layout="constrained",
    )  # fmt: skip
    for k, (row, compared) in enumerate(zip(axes, found, strict=True)):
        _spectra(row[0], compared, last=k == len(found) - 1)
        _directions(row[1], compared, last=k == len(found) - 1)
        _maps(row[2], row[3], compared)
    titles = (
        "noise power spectrum", "power by direction",
        "local sigma, real", "local sigma, simulated",
    )  # fmt: skip
    for axis, title in zip(axes[0], titles, strict=True):
        above = axis.get_title()
        axis.set_title(f"{title}\n{above}" if above else title, fontsize=10)
    axes[0][0].legend(frameon=False, loc="upper left")
    figure.savefig(path, dpi=90, pil_kwargs={"optimize": True})
    plt.close(figure)


def _spectra(axis: Axes, compared: Compared, last: bool) -> None:
    for spectrum, colour, label in zip(
        compared.spectra, (REAL, MADE), ("real", "simulated"), strict=False
    ):
        radial = spectrum.radial()
        axis.plot(radial.lp_cm, radial.power / 1000, color=colour, label=label, linewidth=1.8)
    axis.set_ylim(bottom=0)
    axis.set_xlim(0, 8)
    axis.margins(y=0.25)
    axis.set_ylabel(
        f"{compared.case.name.replace('_', ' ')}\nkernel {compared.case.kernel}\n1000 HU$^2$ mm$^2$"
    )
    if last:
        axis.set_xlabel("lp/cm")


def _directions(axis: Axes, compared: Compared, last: bool) -> None:
    angles = np.arange(SECTORS + 1) * 180 / SECTORS
    for spectrum, colour in zip(compared.spectra, (REAL, MADE), strict=False):
        shares = spectrum.directions(SECTORS) * SECTORS
        axis.plot(angles, np.append(shares, shares[0]), color=colour, linewidth=1.8)
    axis.axhline(1, color="0.8", linewidth=0.8, zorder=0)
    axis.set_ylim(0, 2)
    axis.set_yticks([0, 1, 2])
    axis.set_xticks([0, 45, 90, 135, 180])
    if last:
        axis.set_xlabel("degrees from the rows")


def _maps(left: Axes, right: Axes, compared: Compared) -> None:
    known = compared.maps[0][np.isfinite(compared.maps[0])]
    low, high = np.percentile(known, [1, 99])
    rows, columns = np.nonzero(np.isfinite(compared.maps[0]))
    place = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    for axis, values in zip((left, right), compared.maps, strict=True):
        shown = axis.imshow(values[place], cmap="viridis", vmin=low, vmax=high)
        axis.set_axis_off()
    bar = right.figure.colorbar(shown, ax=[left, right], shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("HU")
