"""``medq-node demo``: a scanner pushes a series, minutes later the PACS holds the results."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from rich.console import Console

from medq_node.config import load_config
from medq_node.console.lines import tell
from medq_node.console.progress import Progress, progress_bar
from medq_node.delivery.dicom import DicomDestination
from medq_node.delivery.parcel import Parcel
from medq_node.demo import node, pacs
from medq_node.demo.found import Found, keep, start_afresh
from medq_node.demo.measure import rmse_hu
from medq_node.demo.rules import write_rules
from medq_node.demo.sample import DOSE_FRACTION, SIZE, SLICES, Sample, make_sample
from medq_node.demo.telling import tell_result, tell_start
from medq_node.errors import MedqError
from medq_node.layout import Layout
from medq_node.ports import free_port
from medq_node.status import NodeStatus, SeriesStatus, node_status, settled
from medq_node.store.database import open_database

_SCANNER = "DEMOSCANNER"
_QUIET_S = 2.0
_POLL_S = 0.25
_PATIENCE_S = 1800.0


@dataclass(frozen=True, slots=True)
class Told:
    """What the demonstration found, for programs; ``found`` goes with ``series``."""

    worked: bool
    series: tuple[SeriesStatus, ...]
    sent_s: float
    total_s: float
    rmse_before_hu: float | None
    rmse_after_hu: float | None
    found: tuple[Found, ...]


def run_demo(
    images: Path | None, peer: str | None, out: Path, restore: str, console: Console
) -> Told:
    """Play the main job once through; everything lands below ``out``.

    Raises:
        MedqError: it can't be played; says why.
    """
    destination = None if peer is None else _peer(peer)
    files = () if images is None else _images(images, out)
    out = start_afresh(out)
    start = time.monotonic()
    with ExitStack() as stack:
        sample: Sample | None = None
        if images is None:
            tell(
                console,
                "sample",
                f"{SLICES} slices {SIZE}x{SIZE}, a generated chest phantom at {DOSE_FRACTION:.0%} "
                "dose; its truth is known",
                indent=0,
            )
            with console.status("making the sample"):
                sample = make_sample(out / "sample")
            files = sample.files
        received: Path | None = None
        if destination is None:
            peer_port, received = free_port(), out / "pacs"
            stack.enter_context(pacs.small_pacs(received, peer_port))
            destination = _destination(pacs.AE_TITLE, "127.0.0.1", peer_port)
        port = free_port()
        settings = _settings(port, destination, restore, out)
        with console.status("starting the node"):
            config = stack.enter_context(node.demo_node(settings, out / "node"))
        tell_start(console, port, destination)
        sent_s = _push(files, port, console)
        status = _watch(config, {_series_uid(f) for f in files}, console)
        found = keep(status.series, Layout(out / "node" / "data"), received, out)
        before = after = None
        if sample is not None and found[0].restored:
            before = rmse_hu(sample.files, sample.truth_hu)
            after = rmse_hu(found[0].restored, sample.truth_hu)
        told = Told(
            worked=all(_worked(series) for series in status.series),
            series=status.series,
            sent_s=round(sent_s, 2),
            total_s=round(time.monotonic() - start, 2),
            rmse_before_hu=before,
            rmse_after_hu=after,
            found=found,
        )
    tell_result(console, told)
    return told


def _images(folder: Path, out: Path) -> tuple[Path, ...]:
    if not folder.exists():
        raise MedqError(f"{folder}: no such file or folder")
    if folder.resolve().is_relative_to(out.resolve()):
        raise MedqError(f"{folder} lies in {out}, which is emptied first: choose another --out")
    files = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            if "SOPInstanceUID" in pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]):
                files.append(path)
        except InvalidDicomError:
            continue
    if not files:
        raise MedqError(f"no DICOM files below {folder}")
    return tuple(files)


def _peer(peer: str) -> dict[str, Any]:
    title, at, address = peer.partition("@")
    host, colon, port_text = address.rpartition(":")
    if not (at and colon and title and host and port_text.isdigit()):
        raise MedqError(f"--pacs needs AE@host:port, such as ORTHANC@127.0.0.1:4242, not {peer!r}")
    return _destination(title, host, int(port_text))


def _destination(ae_title: str, host: str, port: int) -> dict[str, Any]:
    return {"kind": "dicom", "ae_title": ae_title, "host": host, "port": port}


def _settings(port: int, destination: dict[str, Any], restore: str, out: Path) -> dict[str, Any]:
    """Embedded defaults on free ports; the rules are those that every node starts with."""
    return {
        "node": {"ae_title": node.AE_TITLE, "data": str(out / "node" / "data")},
        "receiver": {"host": "127.0.0.1", "port": port},
        "intake": {"quiet_minimum_s": _QUIET_S},
        "destinations": {"pacs": destination},
        "delivery": {"retry_initial_s": 1.0, "retry_attempts": 5},
        "rules": {"seed": str(write_rules(restore, out / "node" / "rules.yaml"))},
        "log": {"format": "json"},
    }


def _push(files: tuple[Path, ...], port: int, console: Console) -> float:
    """Be the scanner; returns how long sending took, in seconds."""
    scanner = DicomDestination(_SCANNER, node.AE_TITLE, "127.0.0.1", port, 30.0, 131072)
    parcels = [Parcel(path, path.name, PurePosixPath(path.name)) for path in files]
    start = time.monotonic()
    with progress_bar(console, "scanner pushes", len(parcels)) as advance:
        scanner.send(parcels, advance)
    return time.monotonic() - start


def _watch(config: Path, pushed: set[str], console: Console) -> NodeStatus:
    """Follow the series until each has been settled and delivered."""
    settings = load_config(config)
    sessions, layout = open_database(settings.database_url), Layout(settings.node.data)
    deadline = time.monotonic() + _PATIENCE_S
    with console.status(f"waiting for {_QUIET_S:g} s of silence"):
        while not (status := node_status(sessions, layout)).series:
            _wait(deadline)
    with Progress(console) as progress:
        while True:
            status = node_status(sessions, layout)
            progress.show(status, layout)
            if {s.series_instance_uid for s in status.series} >= pushed and settled(status):
                return status
            _wait(deadline)


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise MedqError(f"nothing settled within {_PATIENCE_S:g} s; see node/node.log")
    time.sleep(_POLL_S)


def _series_uid(path: Path) -> str:
    return str(pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)


def _worked(series: SeriesStatus) -> bool:
    return series.state != "held" and all(d.state == "confirmed" for d in series.deliveries)
