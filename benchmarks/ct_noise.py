"""How near simulated CT noise comes to real noise, and how much noise "clean" images have.

Usage: ``python benchmarks/ct_noise.py --data FOLDER -o docs``, where FOLDER holds one folder of
DICOM files per group, or the ``.npz`` files of ``python -m medq_node.pixels.arrays``. Writes
``ct_noise.md`` and ``ct-noise.png``; takes a minute or two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.ct_noise_fit import LEAST_LP_CM, Compared, cases, compare
from benchmarks.ct_noise_plot import SECTORS, picture
from benchmarks.ct_noise_text import document
from benchmarks.ct_noise_twins import twins_table
from engines.description import (
    Degradation,
    Modality,
)
from engines.medq_uni.degradations.ct.low_dose import Scan
from engines.medq_uni.degradations.ct.residual import ceiling_db, residual
from engines.medq_uni.sources import Series, load_series
from engines.medq_uni.yardstick.physicist import nps
from engines.medq_uni.yardstick.table import Cell, Table
from engines.severity import cut_offs
from medq_node.pixels.arrays import write_arrays

BOW_TIE = 0.8
"""A weaker bow-tie filter than the simulation's own, to see what it changes."""
WINDOW_HU = 400.0
"""Range of values that PSNR is taken in."""


def spectra_table(found: list[Compared]) -> Table:
    """One row of figures per case: the radial spectrum of flat regions."""
    rows: list[tuple[Cell, ...]] = []
    for c in found:
        real, made, again = (spectrum.radial() for spectrum in c.spectra)
        rows.append(
            (
                c.case.name, c.case.kernel, c.spectra[0].regions,
                c.spectra[0].variance**0.5, c.spectra[1].variance**0.5,
                _miss(real, made), _miss(made, again),
                _mean_lp_cm(real), _mean_lp_cm(made), real.peak_lp_cm, made.peak_lp_cm,
                f"{c.fitted.half_lp_cm:.1f} / {c.fitted.steepness:.1f} / {c.fitted.boost:.2f}",
            )
        )  # fmt: skip
    return Table(
        "ct-noise-spectra",
        "Spectra",
        (
            "series", "kernel", "regions", "sigma real", "simulated", "differ %", "by chance %",
            "mean real", "simulated", "peak real", "simulated",
            "fitted half / steepness / boost",
        ),
        tuple(rows),
        "Flat soft tissue in regions of 20 mm. Sigmas in HU, frequencies in lp/cm. *Differ*: root "
        "mean square difference of the radial spectra over that of the real one, from "
        f"{LEAST_LP_CM} lp/cm on; *by chance*: that of two simulations of one scan.",
    )  # fmt: skip


def directions_table(found: list[Compared]) -> Table:
    """One row of figures per case: which way the power points."""
    rows: list[tuple[Cell, ...]] = []
    for c in found:
        real, made, again = (spectrum.directions(SECTORS) for spectrum in c.spectra)
        rows.append(
            (
                c.case.name, 100 * float(real.max() * SECTORS), 100 * float(made.max() * SECTORS),
                int(np.argmax(real)) * 180 // SECTORS, int(np.argmax(made)) * 180 // SECTORS,
                50 * float(np.abs(real - made).sum()), 50 * float(np.abs(made - again).sum()),
            )
        )  # fmt: skip
    return Table(
        "ct-noise-directions",
        "Directions",
        (
            "series", "strongest real %", "simulated %", "at degrees real", "simulated",
            "misplaced %", "by chance %",
        ),
        tuple(rows),
        f"Power in the strongest of {SECTORS} sectors, 100 % where all are equal, and its angle "
        "from the image's rows: 90 is noise that changes from row to row, as horizontal streaks "
        "do. *Misplaced*: share of the power that lies in another direction.",
    )  # fmt: skip


def maps_table(found: list[Compared], weaker: list[Compared]) -> Table:
    """One row of figures per case: where in the image how much noise is.

    ``weaker`` are the same with a weaker bow-tie filter.
    """
    rows: list[tuple[Cell, ...]] = []
    for c, other in zip(found, weaker, strict=True):
        real, made, again = (np.log(blocks) for blocks in c.blocks)
        flat = np.log(other.blocks[1])
        rows.append(
            (
                c.case.name, len(real), 100 * float(real.std()), 100 * float(made.std()),
                float(np.corrcoef(real, made)[0, 1]), float(np.corrcoef(made, again)[0, 1]),
                100 * float((made - real).std()), 100 * float((again - made).std()),
                f"{c.photons:.2g}", 100 * float(flat.std()), 100 * float((flat - real).std()),
            )
        )  # fmt: skip
    return Table(
        "ct-noise-maps",
        "Places",
        (
            "series", "blocks", "variation real %", "simulated %", "correlation", "by chance",
            "ratio varies by %", "by chance %", "photons", f"bow-tie {BOW_TIE}: variation %",
            "ratio varies by %",
        ),
        tuple(rows),
        "Local sigma in blocks of 8 mm of flat soft tissue over its slice's, as logarithms. "
        "*Variation*: standard deviation over the blocks; *ratio*: simulated over real; *by "
        "chance*: between two simulations. *Photons*: per reading at 1 mm, as fitted. Last: the "
        "same with a bow-tie filter that takes less from the rim "
        f"(`Scan.bow_tie` {BOW_TIE} instead of {Scan().bow_tie}).",
    )  # fmt: skip


def residual_table(found: Sequence[Series]) -> Table:
    """One row per group: what noise its images have of their own."""
    groups: dict[str, list[Series]] = {}
    for series in found:
        groups.setdefault(series.group, []).append(series)
    return Table(
        "ct-residual",
        "Noise of the sources themselves",
        (
            "group", "slices", "sigma", "lowest", "highest", "flat regions", "fine / sigma",
            "mean lp/cm", "slices with flat regions", "clean slices",
        ),
        tuple(_residual_row(group, members) for group, members in groups.items()),
        "Median over slices, in HU, of the Global Noise Level (6 mm windows), its range, the upper "
        "bound from flat regions of 22 mm, and diagonal differences of neighbours over the first: "
        "1 would be white noise. *Clean*: below what the words call mild noise.",
    )  # fmt: skip


def ceiling_table() -> Table:
    """What PSNR against a noisy truth can reach."""
    levels = (5.0, 10.0, 15.0, 20.0, 25.0)
    rows: list[tuple[Cell, ...]] = []
    for own in levels:
        cells: list[Cell] = [own, 20 * float(np.log10(WINDOW_HU / own))]
        for added in (3**0.5 * own, 20.0, 40.0):
            cells.extend(ceiling_db(own, added))
        rows.append(tuple(cells))
    return Table(
        "psnr-ceiling",
        "What noise in the truth costs",
        (
            "truth's sigma HU", "PSNR of the noise-free object dB", "gain at quarter dose dB",
            "most", "gain at +20 HU", "most", "gain at +40 HU", "most",
        ),
        tuple(rows),
        "PSNR in a window of 400 HU against a truth with noise of its own. *Gain*: what a perfect "
        "restoration, the noise-free object, gains over the input. *Most*: what the best guess at "
        "the noisy truth gains, which keeps a share of the noise, if both noises have one "
        "spectrum. Quarter dose adds 1.73 times the truth's sigma.",
    )  # fmt: skip


def _residual_row(group: str, members: Sequence[Series]) -> tuple[Cell, ...]:
    measured = [
        residual(values, series.pixel_mm, valid)[0]
        for series in members
        for values, valid in zip(series.values, series.valid, strict=True)
    ]
    row = cut_offs(Modality.CT, Degradation.NOISE, members[0].region)
    mild = row.mild if row is not None else np.inf
    sigmas = [r.sigma for r in measured if r.sigma is not None]
    return (
        group.removeprefix("ct_"),
        len(measured),
        float(np.median(sigmas)),
        min(sigmas),
        max(sigmas),
        _median([r.regions for r in measured]),
        _median([r.fine / r.sigma for r in measured if r.fine and r.sigma]),
        _median([r.mean_lp_cm for r in measured]),
        sum(r.spectrum is not None for r in measured),
        sum(r.level < mild for r in measured),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.median(known)) if known else None


def _miss(wanted: nps.Radial, found: nps.Radial) -> float:
    """Root mean square difference in % of ``wanted``, at the frequencies that are compared."""
    used = wanted.lp_cm >= LEAST_LP_CM
    difference = (found.power - wanted.power)[used]
    return 100 * float(np.sqrt((difference**2).mean() / (wanted.power[used] ** 2).mean()))


def _mean_lp_cm(radial: nps.Radial) -> float:
    used = radial.lp_cm >= LEAST_LP_CM
    return nps.Radial(radial.lp_cm[used], radial.power[used]).mean_lp_cm


def write(folder: Path, out: Path) -> None:
    """Measure the arrays in ``folder``, write the document and its picture to ``out``."""
    usable, left = cases(folder)
    found: list[Compared] = []
    weaker: list[Compared] = []
    for case in usable:
        sys.stderr.write(f"{case.name} ({case.kernel})\n")
        found.append(compare(case, Scan()))
        weaker.append(compare(case, Scan(bow_tie=BOW_TIE)))
    text = document(
        spectra_table(found),
        directions_table(found),
        twins_table(found),
        maps_table(found, weaker),
        residual_table(load_series(folder, Modality.CT)),
        ceiling_table(),
        left,
    )
    out.mkdir(parents=True, exist_ok=True)
    picture(found, out / "ct-noise.png")
    (out / "ct_noise.md").write_text(text, encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Real against simulated CT noise.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    if any(given.data.glob("*.npz")):
        write(given.data, given.out)
        return
    with tempfile.TemporaryDirectory() as made:
        for line in write_arrays(given.data, Path(made), b"of no use", keep_names=True):
            sys.stderr.write(line + "\n")
        write(Path(made), given.out)


if __name__ == "__main__":
    main()
