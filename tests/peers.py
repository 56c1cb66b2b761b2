"""Real DICOM peers for tests: Orthanc and DCMTK, on free loopback ports."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medq_node.ports import free_port
from tests.conftest import require_program


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc as PACS."""

    dicom_port: int
    http_port: int
    ae_title: str = "ORTHANC"

    def get(self, path: str) -> Any:
        """Answer of the REST API, from JSON."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}") as answer:
            return json.loads(answer.read())

    def file(self, orthanc_id: str) -> bytes:
        """One instance as stored."""
        url = f"http://127.0.0.1:{self.http_port}/instances/{orthanc_id}/file"
        with urllib.request.urlopen(url) as answer:
            return answer.read()

    def series(self) -> list[dict[str, Any]]:
        """Every series: MainDicomTags, Instances, ParentStudy."""
        return [self.get(f"/series/{s}") for s in self.get("/series")]

    def destination(self) -> dict[str, Any]:
        """As it stands in a node's configuration."""
        return {
            "kind": "dicom",
            "ae_title": self.ae_title,
            "host": "127.0.0.1",
            "port": self.dicom_port,
        }


@contextmanager
def running_orthanc(folder: Path, **options: Any) -> Iterator[Orthanc]:
    """Orthanc with its storage in ``folder``, until the block ends."""
    program = require_program("Orthanc")
    folder.mkdir(parents=True, exist_ok=True)
    peer = Orthanc(options.get("DicomPort") or free_port(), free_port())
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": peer.ae_title,
        "DicomPort": peer.dicom_port,
        "HttpPort": peer.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "Plugins": [],
        **options,
    }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(config)], stdout=log, stderr=log)
    try:
        _wait_http(peer, process)
        yield peer
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_http(peer: Orthanc, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"Orthanc ended with code {process.returncode}")
        try:
            peer.get("/system")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("Orthanc did not come up")


@contextmanager
def running_storescp(folder: Path, syntaxes: Sequence[str]) -> Iterator[int]:
    """DCMTK's storescp that takes images in these syntaxes alone (its names); yields its port.

    Files lie in ``folder`` as they were sent, named by DCMTK.
    """
    folder.mkdir(parents=True, exist_ok=True)
    classes = (
        "VerificationSOPClass",
        "CTImageStorage",
        "MRImageStorage",
        "SecondaryCaptureImageStorage",
        "MultiframeGrayscaleWordSecondaryCaptureImageStorage",
    )
    lines = ["[[TransferSyntaxes]]", "[Taken]"]
    lines += [f"TransferSyntax{n} = {syntax}" for n, syntax in enumerate(syntaxes, start=1)]
    lines += ["[Echo]", "TransferSyntax1 = LittleEndianImplicit"]
    lines += ["[[PresentationContexts]]", "[Storage]"]
    lines += [
        f"PresentationContext{n} = {name}\\{'Echo' if n == 1 else 'Taken'}"
        for n, name in enumerate(classes, start=1)
    ]
    lines += ["[[Profiles]]", "[Default]", "PresentationContexts = Storage", ""]
    profile = folder.parent / f"{folder.name}.cfg"
    profile.write_text("\n".join(lines))
    port = free_port()
    command = [require_program("storescp"), "-od", str(folder), "+B", "+uf"]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-xf", str(profile), "Default", str(port)], stdout=log, stderr=log
        )
    try:
        _wait_port(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"storescp ended with code {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("storescp did not come up")


def storescu(
    port: int, files: Sequence[Path], called: str = "MEDQ", calling: str = "SCANNER"
) -> subprocess.CompletedProcess[str]:
    """DCMTK's storescu as the scanner, all files over one association."""
    program = require_program("storescu")
    command = [program, "-aet", calling, "-aec", called, "-R", "127.0.0.1", str(port)]
    return subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, timeout=120, check=False
    )
