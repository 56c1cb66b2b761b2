"""How the cost of the journey grows with slices, series and destinations, for each engine.

Starts a node on loopback, pushes generated CT series of 512x512 images, receives the results in the
built-in PACS and prints, per case, seconds from the last image sent to the last result confirmed
(less the quiet time), the peak memory of the engine child with what it starts, that of the node's
other processes, and the stages.
``python benchmarks/journey.py [--engine NAME ...] [--quick | --slices N ... | --long N |
--frames N ...]``
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

import numpy as np
import pydicom
from sqlalchemy import select

from benchmarks.enhanced import enhanced_ct
from benchmarks.resident import PeakMemory
from engines.base import REGISTRY
from medq_node.config import load_config
from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.parcel import Parcel
from medq_node.demo.node import demo_node
from medq_node.demo.pacs import AE_TITLE, small_pacs
from medq_node.demo.rules import write_rules
from medq_node.demo.sample import make_sample
from medq_node.outputs.content import ActionTaken
from medq_node.ports import free_port
from medq_node.standing import SETTLED_DELIVERY
from medq_node.store.database import Sessions, open_existing
from medq_node.store.states import RevisionState
from medq_node.store.tables import Delivery, Revision, utc_now

QUIET_S = 2.0
SHOWN_S = 0.05
LARGEST_STORED = 4095
CASES = ((20, 1, 1), (100, 1, 1), (300, 1, 1), (400, 1, 1), (20, 5, 1), (100, 1, 3))
"""(slices, series, destinations)"""
QUICK = ((20, 1, 1), (40, 1, 1))


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: ``seconds`` less the quiet time; ``stages`` of the first series, in seconds."""

    seconds: float
    peak_mib: float
    roles_mib: dict[str, float]
    stages: dict[str, float]


def copies(files: tuple[Path, ...], slices: int, folder: Path) -> list[Path]:
    """A series of ``slices`` images made of the sample's, with UIDs and positions of its own.

    No two are alike, as an engine may know an image again: each pixel is one HU higher or not.
    """
    folder.mkdir(parents=True)
    study, series = (pydicom.uid.generate_uid(prefix="2.25.") for _ in range(2))
    made = []
    templates = [(pydicom.dcmread(file), pydicom.dcmread(file).pixel_array) for file in files]
    for number in range(slices):
        ds, stored = templates[number % len(files)]
        dither = np.random.default_rng(number).integers(0, 2, stored.shape, stored.dtype)
        ds.PixelData = np.where(stored < LARGEST_STORED, stored + dither, stored).tobytes()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.SOPInstanceUID = pydicom.uid.generate_uid(prefix="2.25.")
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.InstanceNumber = number + 1
        x, y, _ = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, 3.0 * number]
        path = folder / f"{number:05d}.dcm"
        ds.save_as(path)
        made.append(path)
    return made


def journey(
    sample: tuple[Path, ...],
    case: tuple[int, int, int],
    engine: str,
    folder: Path,
    enhanced: bool = False,
) -> Measured:
    """Push the series of a case through a node of its own and wait for the last result.

    ``enhanced`` has each series as one object.
    """
    slices, series, destinations = case
    folder.mkdir()
    pushed = [
        [enhanced_ct(sample, slices, folder / f"series{k}.dcm")]
        if enhanced
        else copies(sample, slices, folder / f"series{k}")
        for k in range(series)
    ]
    names = [f"pacs{k}" for k in range(destinations)]
    ports = {name: free_port() for name in names}
    (folder / "node").mkdir()
    rules = write_rules("always", folder / "node" / "rules.yaml")
    rules.write_text(rules.read_text().replace("- pacs\n", "- " + "\n    - ".join(names) + "\n"))
    settings = {
        "node": {"ae_title": "MEDQ", "data": str(folder / "node" / "data")},
        "receiver": {"port": free_port()},
        "intake": {"quiet_minimum_s": QUIET_S},
        "engine": {"default": engine},
        # What is measured is time, not harm: all images are to be sent, whichever engine made them.
        "gate": {"bias_noise_levels": 1.0},
        "destinations": {
            n: {"kind": "dicom", "ae_title": AE_TITLE, "host": "127.0.0.1", "port": p}
            for n, p in ports.items()
        },
        "rules": {"seed": str(rules)},
        "log": {"format": "json"},
    }
    with ExitStack() as stack:
        for name, port in ports.items():
            stack.enter_context(small_pacs(folder / name, port))
        config = load_config(stack.enter_context(demo_node(settings, folder / "node")))
        memory = stack.enter_context(PeakMemory())
        scanner = DicomDestination("CT1", "MEDQ", "127.0.0.1", config.receiver.port, 600.0, 131072)
        for files in pushed:
            scanner.send([Parcel(f, f.name, PurePosixPath(f.name)) for f in files], lambda _: None)
        start, sent_at = time.monotonic(), utc_now()
        sessions = open_existing(config.database_url)
        while not finished(sessions, series):
            time.sleep(0.1)
        seconds = time.monotonic() - start - QUIET_S
        for reason in not_restored(sessions):
            print(f"{engine}: not restored: {reason}")
        return Measured(seconds, memory.mib, memory.roles, stages_of(sessions, sent_at))


def finished(sessions: Sessions, series: int) -> bool:
    """Whether all ``series`` have come to their end; asks for little, as it is asked often."""
    with sessions() as session:
        states = session.scalars(select(Revision.state)).all()
        at_work = {RevisionState.COMPLETE, RevisionState.PROCESSING} & set(states)
        deliveries = session.scalars(select(Delivery.state)).all()
    return len(states) == series and not at_work and set(deliveries) <= set(SETTLED_DELIVERY)


def not_restored(sessions: Sessions) -> list[str]:
    """Why of series that nothing was restored of, if any."""
    with sessions() as session:
        return [
            "; ".join(one.assessment.reasons) if one.assessment else str(one.reason)
            for one in session.scalars(select(Revision))
            if one.assessment is None or one.assessment.taken != ActionTaken.RESTORED
        ]


def stages_of(sessions: Sessions, sent_at: datetime) -> dict[str, float]:
    """Stages of the first series in seconds: what the child names and what lies around it."""
    with sessions() as session:
        revision = session.scalars(select(Revision).order_by(Revision.id)).first()
        if revision is None or revision.finished_at is None:
            return {}
        inside = dict(revision.stages)
        work = (revision.finished_at - revision.created_at).total_seconds()
        confirmed = max(
            (d.confirmed_at for d in revision.deliveries if d.confirmed_at), default=None
        )
        around = {
            "found complete": (revision.created_at - sent_at).total_seconds() - QUIET_S,
            "between the stages": work - sum(s for k, s in inside.items() if k != "receive"),
        }
        if confirmed is not None:
            around["delivery"] = (confirmed - revision.finished_at).total_seconds()
    return inside | around


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--engine",
        action="append",
        choices=sorted(REGISTRY),
        help="may be given again; all engines where it isn't given",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="fewer and smaller cases")
    which.add_argument("--slices", type=int, action="append", help="one series of so many images")
    which.add_argument("--long", type=int, help="for memory: a short series, then one of so many")
    which.add_argument("--frames", type=int, action="append", help="one object of so many frames")
    given = parser.parse_args()
    cases = QUICK if given.quick else CASES
    if lengths := given.slices or given.frames or ([300, given.long] if given.long else []):
        cases = tuple((length, 1, 1) for length in lengths)
    print(
        "engine     slices  series  destinations  seconds  ms/image  peak MiB  others; stages (s)"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sample = make_sample(folder / "sample").files
        for slices, series, destinations in cases:
            for engine in given.engine or sorted(REGISTRY):
                case = folder / "case"
                counts = (slices, series, destinations)
                found = journey(sample, counts, engine, case, enhanced=bool(given.frames))
                shutil.rmtree(case)  # a long series takes gigabytes
                stages = ", ".join(
                    f"{stage} {s:.1f}" for stage, s in found.stages.items() if s >= SHOWN_S
                )
                others = ", ".join(f"{r} {mib:.0f}" for r, mib in found.roles_mib.items())
                per_image = 1000 * found.seconds / (slices * series)
                print(
                    f"{engine:9s}  {slices:6d}  {series:6d}  {destinations:12d}  "
                    f"{found.seconds:7.1f}  {per_image:8.0f}  {found.peak_mib:8.0f}  "
                    f"{others}; {stages}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
