"""Programs of others that judge what we write, and how to read their verdicts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import require_program

_JAVA_OPTIONS = " ".join(
    [f"-Djdk.xml.xpath{name}=0" for name in ("TotalOpLimit", "ExprOpLimit", "ExprGrpLimit")]
    + ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # starts in half the time
)
"""JDK 17's XPath limits are too low for the template rules."""


def dciodvfy_errors(path: Path) -> list[str]:
    """Lines that dciodvfy (dicom3tools) calls an error; its exit code misses some of them."""
    program = require_program("dciodvfy")
    result = subprocess.run([program, "-new", str(path)], capture_output=True, text=True)
    assert result.stderr, "dciodvfy prints at least the name of the IOD"
    return [line for line in result.stderr.splitlines() if line.startswith("Error")]


def dsrdump(path: Path) -> str:
    """The report as DCMTK renders it; fails where DCMTK can't read it."""
    program = require_program("dsrdump")
    result = subprocess.run([program, str(path)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def pixelmed_output(path: Path) -> list[str]:
    """What PixelMed's DicomSRValidator prints: it knows the templates; exit code always 0."""
    program = require_program("DicomSRValidator")
    environment = os.environ | {"JDK_JAVA_OPTIONS": _JAVA_OPTIONS}
    result = subprocess.run([program, str(path)], capture_output=True, text=True, env=environment)
    return (result.stdout + result.stderr).splitlines()
