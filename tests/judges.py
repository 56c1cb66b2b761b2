"""Judges of DICOM objects from Debian's packages; each returns what it complains of."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import require_program


def dciodvfy_errors(file: Path) -> list[str]:
    """``Error`` lines of dicom3tools' dciodvfy (it writes to stderr; its exit code says little)."""
    done = subprocess.run(
        [require_program("dciodvfy"), "-new", str(file)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


def dsrdump_reads(file: Path) -> bool:
    """Whether DCMTK's dsrdump reads the report without complaint."""
    done = subprocess.run(
        [require_program("dsrdump"), str(file)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode == 0
