"""What the do-no-harm gate says of engines that cheat, and of filters that only remove noise.

Usage: ``python benchmarks/cheats.py [--data FOLDER]`` where FOLDER holds one folder of DICOM files
per series; default ``MEDQ_TEST_DATA/dev``. Prints a Markdown table, cheat by group of series: how
many passed, and how often each measure refused; below it, which series passed or were refused
though they shouldn't. The phantoms are always among the series.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medq_node.certify.gate import check_restored
from medq_node.certify.residual import measure_slice
from medq_node.errors import Unprocessable
from medq_node.objects import GateVerdict
from medq_node.pixels.series import SeriesStack, open_series

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cheating import (
    BIASED,
    CHEATS,
    HONEST,
    LESION,
    SERIES_ONLY,
    Case,
    Change,
)
from tests.build import ct_series, mr_series, pet_series

SHORT = {
    "bias of the series": "bias",
    "bias of the worst slice": "bias",
    "structure in the residual": "structure",
    "change at edges": "edges",
    "largest local change": "local",
    "largest local change in HU": "local",
    "largest change of an organ's size": "organ",
    "padding": "padding",
    "range": "range",
}
"""Names of measures as the table shows them."""


def in_memory(source: SeriesStack, change: Callable[[int], NDArray[np.floating]]) -> SeriesStack:
    """A series like ``source`` with other pixels, rounded as they would be stored."""
    stored = {
        i: source.to_stored(i, np.asarray(change(i), np.float32))
        for i in range(len(source.instances))
    }
    return SeriesStack(source.info, source.instances, stored)


def judge(case: Case, name: str, change: Change) -> GateVerdict:
    """The gate's verdict on ``change``."""
    if name.startswith("lesion erased"):
        ill = in_memory(
            case.source,
            lambda i: case.source.values(i) + (case.bump(i, *LESION) if i == 0 else 0),
        )
        return check_restored(ill, case.source)
    return check_restored(case.source, in_memory(case.source, lambda i: change(case, i)))


def case_of(name: str, paths: list[Path], most: int = 3) -> Case | None:
    """Slices spread over a series; ``None`` where it isn't a series of ours."""
    try:
        whole = open_series(paths)
    except Unprocessable:
        return None
    count = len(whole.instances)
    chosen = (
        sorted({round((k + 0.5) * count / most - 0.5) for k in range(most)})
        if count > most
        else range(count)
    )
    source = open_series([whole.instances[k].path for k in chosen])
    noise = []
    for i in range(len(source.instances)):
        measured = measure_slice(
            source.values(i),
            source.values(i),
            ~source.padding(i),
            source.instances[i].pixel_spacing_mm,
            source.info.unit,
        )
        noise.append(measured.noise if measured else 0.0)
    return Case(name, source, tuple(noise))


def cases(root: Path, scratch: Path) -> Iterator[Case]:
    """The phantoms, then one case per folder; one per file where files are of many patients."""
    for name, build in (("CT", ct_series), ("MR", mr_series), ("PET", pet_series)):
        case = case_of(f"phantom {name}", build(scratch / name, slices=3, rows=192, columns=192))
        assert case is not None
        source = case.source  # an organ that wanders from slice to slice
        wandering = in_memory(source, lambda i, s=source: np.roll(s.values(i), 12 * i, axis=1))
        yield replace(case, source=wandering)
    for folder in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []:
        files = sorted(p for p in folder.iterdir() if p.is_file())
        if folder.name.startswith("ct_tcga"):
            found = [case_of(f"{folder.name}/{k}", [file]) for k, file in enumerate(files)]
        else:
            found = [case_of(folder.name, files)]
        yield from (case for case in found if case is not None)


def group_of(case: Case) -> str:
    """The column of a series."""
    if case.name.startswith("phantom"):
        return "phantoms"
    if "/" in case.name:
        return "CT, one slice per patient"
    return {"HU": "CT", "signal": "MR"}.get(case.source.info.unit, "PET")


def cell(verdicts: dict[str, GateVerdict]) -> str:
    """How many passed, and how often each measure refused."""
    if not verdicts:
        return ""
    passed = sum(verdict.passed for verdict in verdicts.values())
    refusals = Counter(
        word
        for verdict in verdicts.values()
        for word in {SHORT.get(m.name, m.name) for m in verdict.measures if not m.passed}
    )
    words = ", ".join(f"{word} {count}" for word, count in refusals.most_common())
    return f"{passed} of {len(verdicts)} pass" + (f"; {words}" if words else "")


def main() -> None:
    """Print the table and what in it is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("MEDQ_TEST_DATA", ".")) / "dev"
    parser.add_argument("--data", type=Path, default=default)
    root = parser.parse_args().data
    found: dict[str, dict[str, dict[str, GateVerdict]]] = defaultdict(lambda: defaultdict(dict))
    columns: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases(root, Path(scratch)):
            group = group_of(case)
            columns[group] += 1
            for name, change in (HONEST | BIASED | CHEATS).items():
                if name not in SERIES_ONLY or len(case.source.instances) > 1:
                    found[name][group][case.name] = judge(case, name, change)
            print(".", end="", file=sys.stderr, flush=True)
    print("| | " + " | ".join(f"{group} ({count})" for group, count in columns.items()) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in HONEST | BIASED | CHEATS:
        print(f"| {name} | " + " | ".join(cell(found[name][group]) for group in columns) + " |")
    print()
    for name in HONEST | CHEATS:
        for verdicts in found[name].values():
            for series, verdict in verdicts.items():
                if verdict.passed != (name in HONEST):
                    why = " ".join(verdict.reasons) or "passed"
                    print(f"- {name}, {series}: {why}")


if __name__ == "__main__":
    main()
