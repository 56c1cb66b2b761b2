"""How fast images arrive: this node against Orthanc and DCMTK, same sender, same disk.

    python benchmarks/ingest.py [--images 800] [--rounds 1] [--folder /var/tmp]

DCMTK's storescu sends 0.5 MB CT images with random pixels over 1, 4 and 8 associations at a time to
each receiver in turn, on loopback. Every image must have reached the disk, or the run fails. Ours
answers after the disk has the image (fdatasync, rename, fsync of the folder); Orthanc runs with its
default settings; ``storescp --fork`` never syncs and shows what the sender can do. Sender and
receiver share the machine's cores: compare figures of one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ASSOCIATIONS = (1, 4, 8)
FOLDERS = max(ASSOCIATIONS)
AE_TITLE = "INGEST"
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
"""DCMTK's switch against Nagle's algorithm, for the sender and for the receivers built on DCMTK:
without it Orthanc and storescp answer some 20 images/s per association, which would flatter us."""
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Receiver:
    """One competitor: its commands, and where its files go. ``%p`` in a command is the port."""

    name: str
    commands: list[list[str]]
    folder: Path
    port: int
    http_port: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start and wait until it answers C-ECHO."""
        for command in self.commands:
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=ENVIRONMENT,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        echo = ["echoscu", "-to", "1", "-aec", AE_TITLE, "127.0.0.1", str(self.port)]
        deadline = time.monotonic() + 30
        while subprocess.run(echo, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name} does not answer on port {self.port}")
            time.sleep(0.2)
        if len(self.processes) > 1:
            time.sleep(2)  # until all share the port

    def stop(self) -> None:
        """End it."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)

    def cpu_s(self) -> float:
        """CPU seconds of its processes and their children, dead or alive."""
        total = 0
        pids = [process.pid for process in self.processes]
        while pids:
            pid = pids.pop()
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
                total += sum(int(value) for value in fields[11:15])
                for task in Path(f"/proc/{pid}/task").iterdir():
                    pids += [int(child) for child in (task / "children").read_text().split()]
        return total / _TICKS_PER_S

    def images_on_disk(self) -> int:
        """Images that it holds."""
        if self.http_port:
            url = f"http://127.0.0.1:{self.http_port}/statistics"
            with urllib.request.urlopen(url, timeout=10) as answer:
                counted = int(json.load(answer)["CountInstances"])
            stored = sum(p.stat().st_size > 400_000 for p in self.folder.glob("*/*/*-*-*"))
            return min(counted, stored)
        files = [p for p in self.folder.rglob("*") if p.is_file() and ".part" not in p.parts]
        return sum(p.stat().st_size > 400_000 for p in files)


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=800, help="images per measurement")
    parser.add_argument("--rounds", type=int, default=1, help="repetitions; medians are printed")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure")
    parser.add_argument("--serve", nargs=2, metavar=("SPOOL", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_here(Path(options.serve[0]), int(options.serve[1]))
        return
    images = options.images // FOLDERS * FOLDERS
    rates: dict[tuple[str, int], list[float]] = {}
    cpu: dict[tuple[str, int], list[float]] = {}
    names: list[str] = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="ingest-") as work:
        sources = make_images(Path(work) / "source", images)
        for _ in range(options.rounds):
            for associations in ASSOCIATIONS:
                for receiver in receivers(Path(work) / "target"):
                    key = receiver.name, associations
                    seconds, cpu_s = measure(receiver, sources, associations, images)
                    rates.setdefault(key, []).append(images / seconds)
                    cpu.setdefault(key, []).append(1000 * cpu_s / images)
                    if receiver.name not in names:
                        names.append(receiver.name)
    print_table(names, rates, cpu, images, options.rounds)


def serve_here(spool: Path, port: int) -> None:
    """One receiver process of ours, until SIGTERM."""
    from medq_node.log import configure_logging
    from medq_node.receiver import ReceiverSettings, serve

    configure_logging("json", "info", "receiver")

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serve(ReceiverSettings(spool=spool, port=port, minimum_free_bytes=1024**3), stop)


def receivers(target: Path) -> list[Receiver]:
    """The competitors that are installed, ours among them."""
    found: list[Receiver] = []
    for count in (1, 2):
        folder, port = target / f"ours{count}", free_port()
        command = [sys.executable, __file__, "--serve", str(folder), str(port)]
        plural = "es" if count > 1 else ""
        found.append(
            Receiver(f"MedQ Node, {count} process{plural}", [command] * count, folder, port)
        )
    orthanc = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if orthanc:
        folder, port, http_port = target / "orthanc", free_port(), free_port()
        settings = {
            "StorageDirectory": str(folder),
            "IndexDirectory": str(folder),
            "DicomPort": port,
            "HttpPort": http_port,
            "RemoteAccessAllowed": False,
        }
        target.mkdir(exist_ok=True)
        file = target / "orthanc.json"
        file.write_text(json.dumps(settings))
        found.append(Receiver("Orthanc, default", [[orthanc, str(file)]], folder, port, http_port))
    storescp = shutil.which("storescp")
    if storescp:
        folder, port = target / "storescp", free_port()
        command = [storescp, "--fork", "--max-pdu", "131072", "-od", str(folder), str(port)]
        found.append(Receiver("storescp --fork, no sync", [command], folder, port))
    return found


def measure(
    receiver: Receiver, sources: list[Path], associations: int, images: int
) -> tuple[float, float]:
    """Wall seconds and the receiver's CPU seconds for all images over ``associations``."""
    shutil.rmtree(receiver.folder, ignore_errors=True)
    receiver.folder.mkdir(parents=True)
    receiver.start()
    try:
        os.sync()
        share = len(sources) // associations
        cpu_before, begin = receiver.cpu_s(), time.perf_counter()
        senders = [
            subprocess.Popen(
                [
                    *("storescu", "--max-send-pdu", "131072", "-aec", AE_TITLE),
                    *("127.0.0.1", str(receiver.port), "--scan-directories"),
                    *map(str, sources[n * share : (n + 1) * share]),
                ],
                env=ENVIRONMENT,
            )
            for n in range(associations)
        ]
        failed = [sender.wait() for sender in senders]
        seconds = time.perf_counter() - begin
        time.sleep(0.2)
        cpu_s = receiver.cpu_s() - cpu_before
        arrived = receiver.images_on_disk()
    finally:
        receiver.stop()
        shutil.rmtree(receiver.folder, ignore_errors=True)
    if any(failed) or arrived != images:
        raise SystemExit(f"{receiver.name}: {arrived} of {images} images arrived ({failed})")
    return seconds, cpu_s


def make_images(folder: Path, images: int) -> list[Path]:
    """CT images of 512 x 512 random pixels, each with its own UID, dealt to 8 folders."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    pixels = np.random.default_rng(1).integers(0, 4096, (512, 512), dtype=np.uint16)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.PatientID, ds.Modality = "Ingest^Test", "INGEST", "CT"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 512, 512, 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = pixels.tobytes()
    sources = [folder / str(n) for n in range(FOLDERS)]
    for source in sources:
        source.mkdir(parents=True)
    for number in range(images):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber = number + 1
        ds.save_as(sources[number % FOLDERS] / f"{number}.dcm", enforce_file_format=True)
    return sources


def print_table(
    names: list[str],
    rates: dict[tuple[str, int], list[float]],
    cpu: dict[tuple[str, int], list[float]],
    images: int,
    rounds: int,
) -> None:
    """Images per second and CPU per image, as Markdown."""
    print(f"{images} CT images of 0.53 MB, median of {rounds}, {os.cpu_count()} cores, images/s")
    print("| receiver |" + "".join(f" {n} assoc. |" for n in ASSOCIATIONS), end="")
    print(" against Orthanc | CPU ms/image |")
    print("|---|" + "---|" * (len(ASSOCIATIONS) + 2))
    for name in names:
        own = [statistics.median(rates[name, n]) for n in ASSOCIATIONS]
        other = [statistics.median(rates.get(("Orthanc, default", n), [0])) for n in ASSOCIATIONS]
        ratios = " / ".join(f"{a / b:.1f}" if b else "-" for a, b in zip(own, other, strict=True))
        used = " / ".join(f"{statistics.median(cpu[name, n]):.1f}" for n in ASSOCIATIONS)
        print(f"| {name} |" + "".join(f" {rate:.0f} |" for rate in own), end="")
        print(f" {ratios} | {used} |")


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
