"""``medq-node demo``: a scanner pushes a series, minutes later the PACS holds the results."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pydicom
from pydantic import ValidationError
from pydicom.errors import InvalidDicomError
from rich.console import Console

from medq_node.config import load_config
from medq_node.config_sections import DicomDestination as DicomSettings
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
from medq_node.errors import ConfigError, MedqError
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
    kept_aside: dict[str, int]
    """Objects that fit into no series, counted by reason."""


def run_demo(
    images: Path | None, peer: str | None, out: Path, restore: str, console: Console
) -> Told:
    """Play the main job once through; everything lands below ``out``.

    Raises:
        ConfigError: ``peer`` names no PACS.
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
        status = _watch(config, _pushed(files), console)
        found = keep(status.series, Layout(out / "node" / "data"), received, out)
        before = after = None
        if sample is not None and found[0].restored:
            before = rmse_hu(sample.files, sample.truth_hu)
            after = rmse_hu(found[0].restored, sample.truth_hu)
        told = Told(
            worked=_worked(status),
            series=status.series,
            sent_s=round(sent_s, 2),
            total_s=round(time.monotonic() - start, 2),
            rmse_before_hu=before,
            rmse_after_hu=after,
            found=found,
            kept_aside=dict(Counter(kept.reason for kept in status.quarantine)),
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
        raise ConfigError(
            f"--pacs needs AE@host:port, such as ORTHANC@127.0.0.1:4242, not {peer!r}"
        )
    wanted = _destination(title, host, int(port_text))
    try:
        DicomSettings.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--pacs {peer!r}: {first['loc'][-1]}: {message}") from error
    return wanted


def _destination(ae_title: str, host: str, port: int) -> dict[str, Any]:
    return {"kind": "dicom", "ae_title": ae_title, "host": host, "port": port}


def _settings(port: int, destination: dict[str, Any], restore: str, out: Path) -> dict[str, Any]:
    """Embedded defaults on free ports; the rules are those that every node starts with."""
    return {
        "node": {"ae_title": node.AE_TITLE, "data": str(out / "node" / "data")},
        "receiver": {"host": "127.0.0.1", "port": port},
        "intake": {"quiet_minimum_s": _QUIET_S},
        # PixelMed would take longer for the report than all the rest.
        "certify": {"judges": ["dciodvfy"]},
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
        scanner.send(parcels, lambda _: advance())
    return time.monotonic() - start


def _watch(config: Path, pushed: dict[str, str], console: Console) -> NodeStatus:
    """Follow what was ``pushed`` until each series has been settled and delivered."""
    settings = load_config(config)
    sessions, layout = open_database(settings.database_url), Layout(settings.node.data)
    deadline = time.monotonic() + _PATIENCE_S
    with console.status(f"waiting for {_QUIET_S:g} s of silence"):
        while True:
            status = node_status(sessions, layout, limit=None)
            if status.series or all_settled(status, pushed):
                break
            _wait(deadline)
    with Progress(console) as progress:
        while True:
            status = node_status(sessions, layout, limit=None)
            progress.show(status, layout)
            if all_settled(status, pushed):
                return status
            _wait(deadline)


def all_settled(status: NodeStatus, pushed: dict[str, str]) -> bool:
    """Whether nothing is to be waited for any more.

    ``pushed`` gives the SeriesInstanceUID of every SOPInstanceUID. Of what is kept aside no series
    is to be expected.
    """
    aside = {kept.sop_instance_uid for kept in status.quarantine}
    expected = {series for image, series in pushed.items() if image not in aside}
    return {s.series_instance_uid for s in status.series} >= expected and settled(status)


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise MedqError(f"nothing settled within {_PATIENCE_S:g} s; see node/node.log")
    time.sleep(_POLL_S)


def _pushed(files: tuple[Path, ...]) -> dict[str, str]:
    """SeriesInstanceUID, empty where there is none, by SOPInstanceUID."""
    tags = ["SOPInstanceUID", "SeriesInstanceUID"]
    read = (pydicom.dcmread(path, specific_tags=tags) for path in files)
    return {str(ds.SOPInstanceUID): str(ds.get("SeriesInstanceUID") or "") for ds in read}


def _worked(status: NodeStatus) -> bool:
    """Something was made, and all of it has arrived."""
    return any(series.outputs for series in status.series) and all(
        series.state != "held" and all(d.state == "confirmed" for d in series.deliveries)
        for series in status.series
    )
