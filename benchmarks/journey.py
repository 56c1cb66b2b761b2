"""How the cost of the journey grows with slices, series and destinations.

Starts a node on loopback, pushes generated CT series of 512x512 images, receives the results in the
built-in PACS and prints, per case, seconds from the last image sent to the last result confirmed
(less the quiet time) and the stages. ``python benchmarks/journey.py [--quick]``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

import pydicom

from medq_node.config import load_config
from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.parcel import Parcel
from medq_node.demo.node import demo_node
from medq_node.demo.pacs import AE_TITLE, small_pacs
from medq_node.demo.rules import write_rules
from medq_node.demo.sample import make_sample
from medq_node.layout import Layout
from medq_node.ports import free_port
from medq_node.status import NodeStatus, node_status, settled
from medq_node.store.database import open_existing

QUIET_S = 2.0


def copies(files: tuple[Path, ...], slices: int, folder: Path) -> list[Path]:
    """A series of ``slices`` images made of the sample's, with UIDs and positions of its own."""
    folder.mkdir(parents=True)
    study, series = (pydicom.uid.generate_uid(prefix="2.25.") for _ in range(2))
    made = []
    for number in range(slices):
        ds = pydicom.dcmread(files[number % len(files)])
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
    sample: tuple[Path, ...], slices: int, series: int, destinations: int, folder: Path
) -> tuple[float, NodeStatus]:
    """Seconds from the last image sent to the last result confirmed, less the quiet time."""
    pushed = [copies(sample, slices, folder / f"series{k}") for k in range(series)]
    names = [f"pacs{k}" for k in range(destinations)]
    ports = {name: free_port() for name in names}
    (folder / "node").mkdir()
    rules = write_rules("always", folder / "node" / "rules.yaml")
    rules.write_text(rules.read_text().replace("- pacs\n", "- " + "\n    - ".join(names) + "\n"))
    settings = {
        "node": {"ae_title": "MEDQ", "data": str(folder / "node" / "data")},
        "receiver": {"port": free_port()},
        "intake": {"quiet_minimum_s": QUIET_S},
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
        scanner = DicomDestination("CT1", "MEDQ", "127.0.0.1", config.receiver.port, 60.0, 131072)
        for files in pushed:
            scanner.send([Parcel(f, f.name, PurePosixPath(f.name)) for f in files], lambda _: None)
        start = time.monotonic()
        sessions = open_existing(config.database_url)
        while True:
            status = node_status(sessions, Layout(config.node.data))
            if len(status.series) == series and settled(status):
                break
            time.sleep(0.1)
        return time.monotonic() - start - QUIET_S, status


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cases")
    quick = parser.parse_args().quick
    cases = [(20, 1, 1), (40, 1, 1)] if quick else [
        (20, 1, 1), (100, 1, 1), (400, 1, 1), (20, 5, 1), (100, 1, 3),
    ]  # fmt: skip
    print("slices  series  destinations  seconds  ms/image   stages of the first series (s)")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sample = make_sample(folder / "sample").files
        for number, (slices, series, destinations) in enumerate(cases):
            seconds, status = journey(
                sample, slices, series, destinations, folder / f"case{number}"
            )
            stages = ", ".join(
                f"{stage} {s:.1f}" for stage, s in status.series[-1].stages_s.items() if s >= 0.05
            )
            per_image = 1000 * seconds / (slices * series)
            print(
                f"{slices:6d}  {series:6d}  {destinations:12d}  {seconds:7.1f}  {per_image:8.0f}   "
                f"{stages}",
                flush=True,
            )


if __name__ == "__main__":
    main()
