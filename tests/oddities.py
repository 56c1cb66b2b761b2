"""Odd files from many scanners and projects: what the node makes of each, told in a word.

``python -m tests.oddities FOLDER`` prints the table of docs/inputs.md.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import structlog

from medq_node.errors import MedqError
from medq_node.objects import CertifySettings, GateLimits
from medq_node.workshop.certify import certify
from medq_node.workshop.order import Wanted, WorkOrder
from medq_node.workshop.produce import produce

_UID = re.compile(r"\b[0-9a-f]{12,}\b|\b\d+(\.\d+){4,}(?: frame \d+)?")


def oddities(folder: Path) -> list[Path]:
    """The files below ``folder``, in order."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "SOURCES.md")


def work_order(path: Path, out: Path, engine: str = "classical") -> WorkOrder:
    """The file as a series of its own, to be restored whatever its quality."""
    return WorkOrder(
        paths=(path,),
        folder=out,
        engine=Wanted(engine),
        restore="always",
        node_uid="2.25.1",
        station_name="MEDQ",
        institution_name=None,
        revision=1,
        created_at="2026-01-01T00:00:00+00:00",
        slab_slices=16,
        limits=GateLimits(),
        judging=CertifySettings(judges=("dciodvfy",)),
    )


def fate(path: Path, out: Path) -> tuple[str, str]:
    """What becomes of a file, and why: ``restored``, ``assessed``, ``not used`` or ``faulty``."""
    order = work_order(path, out)
    try:
        result = produce(order)
        faults = certify(order)
    except MedqError as refusal:
        return "not used", without_uids(str(refusal))
    if faults:
        return "faulty", without_uids(faults[0])
    said = result.sentence_before.splitlines()[0]
    if result.taken.value == "restored":
        return "restored", said
    why = result.reasons[0] if result.reasons else ""
    return "assessed", without_uids(f"{result.taken.value}: {why}")


def without_uids(text: str) -> str:
    """A reason as it is told of any image."""
    return re.sub(r"\s+", " ", _UID.sub("", text)).strip()


def table(folder: Path) -> Iterator[str]:
    """A Markdown row for each file."""
    yield "| file | what becomes of it | why, or what is said first |"
    yield "|---|---|---|"
    with tempfile.TemporaryDirectory() as work:
        for path in oddities(folder):
            out = Path(work) / "out"
            what, why = fate(path, out)
            shutil.rmtree(out, ignore_errors=True)
            yield f"| {path.relative_to(folder)} | {what} | {why[:160].replace('|', '/')} |"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for row in table(Path(sys.argv[1])):
        sys.stdout.write(row + "\n")
        sys.stdout.flush()
