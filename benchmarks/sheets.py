"""Contact sheets of the made world, to be looked at by eye: phantoms, and what spoils them.

Usage: ``python benchmarks/sheets.py -o docs [--size 512] [--data ARRAYS]``. Only phantoms are
shown, so that sheets can be passed on. With ``--data`` the same is done to real slices of MR and
PET: those sheets are for the eye alone and no part of the project.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import sheets_ct, sheets_mr, sheets_pet
from benchmarks.sheet import sheet
from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import SIZES, phantom_source
from engines.medq_uni.sources import load_series, slices_of
from engines.phantoms.anatomy import Kind

BRAIN = Kind(Modality.MR, "head", "T2")
ABDOMEN = Kind(Modality.MR, "abdomen", "T2")
TRUNK, HEAD = Kind(Modality.PT, "whole body"), Kind(Modality.PT, "head")
REAL_MR = ("mr_brain_t2", "mr_brain_pd", "mr_thigh_t1")
REAL_PET = ("pet_brain", "pet_wb")
"""Groups of real series by the beginnings of their names, as ``--keep-names`` gives them."""


def of_ct(out: Path, size: int) -> None:
    """All sheets of CT."""
    sheet(sheets_ct.phantoms(size), "Random phantoms: no patients", out / "ct-phantoms.png")
    title = "Low dose on a phantom: noise added in soft tissue, by kernel"
    sheet(sheets_ct.low_dose(size), title, out / "ct-low-dose.png")
    title = "Metal in phantoms, more of it to the right"
    sheet(sheets_ct.metal(size), title, out / "ct-metal.png")


def of_mr(out: Path, sources: Sequence[Source], where: str) -> None:
    """What is done to MR."""
    title = f"Fewer lines, {where}: more are missing further down"
    sheet(sheets_mr.undersampling(sources[:1]), title, out / "mr-undersampling.png")
    title = f"Movement while lines are measured, {where}"
    sheet(sheets_mr.motion(sources), title, out / "mr-motion.png")
    title = f"Noise, with fewer lines, and with movement, {where}"
    sheet(sheets_mr.mixtures(sources[:1]), title, out / "mr-mixtures.png")


def of_pet(out: Path, sources: Sequence[Source], where: str) -> None:
    """What is done to PET."""
    title = f"Fewer counts, {where}"
    sheet(sheets_pet.low_count(sources), title, out / "pet-low-count.png", inverted=True)
    title = f"Breathing while counts are gathered, alone and with few counts, {where}"
    sheet(sheets_pet.breathing(sources[-1:]), title, out / "pet-motion.png", inverted=True)


def real(data: Path, modality: Modality, groups: Sequence[str]) -> list[Source]:
    """The middle slice of the first series of each group that is there."""
    found = load_series(data, modality)
    series = [next((s for s in found if s.group.startswith(group)), None) for group in groups]
    there = [slices_of(s)[len(s.values) // 2] for s in series if s is not None]
    if not there:
        raise SystemExit(f"sheets: {data} has no {modality} series of {', '.join(groups)}")
    return there


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description="Contact sheets of phantoms and what spoils them.")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512, help="of CT phantoms")
    parser.add_argument("--data", type=Path, help="folder of arrays: real slices instead")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.data is not None:
        of_mr(given.out, real(given.data, Modality.MR, REAL_MR), "real images")
        of_pet(given.out, real(given.data, Modality.PT, REAL_PET), "real images")
        return
    of_ct(given.out, given.size)
    mr, pet = SIZES[Modality.MR], SIZES[Modality.PT]
    sheet(sheets_mr.phantoms(mr), "Random phantoms of MR", given.out / "mr-phantoms.png")
    made = [phantom_source(kind, 3, mr) for kind in (BRAIN, ABDOMEN)]
    of_mr(given.out, made, "phantoms")
    title = "Random phantoms of PET"
    sheet(sheets_pet.phantoms(pet), title, given.out / "pet-phantoms.png", inverted=True)
    of_pet(given.out, [phantom_source(kind, 2, pet) for kind in (HEAD, TRUNK)], "phantoms")


if __name__ == "__main__":
    main()
