"""Judges of DICOM objects from Debian's packages; each returns what it complains of.

Those that the node itself asks are asked as the node asks them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from medq_node.certify.judges import DCIODVFY, PIXELMED, run_judge
from tests.conftest import require_program

_TIMEOUT_S = 170.0


def dciodvfy_errors(path: Path) -> list[str]:
    """What dicom3tools' dciodvfy calls an error."""
    require_program(DCIODVFY)
    return list(run_judge(DCIODVFY, path, _TIMEOUT_S).errors)


def pixelmed_output(path: Path) -> list[str]:
    """All that PixelMed's DicomSRValidator prints: it knows the templates."""
    require_program(PIXELMED)
    return list(run_judge(PIXELMED, path, _TIMEOUT_S).lines)


def pixelmed_errors(path: Path) -> list[str]:
    """What PixelMed's DicomSRValidator calls an error, less what it is known to be wrong in."""
    require_program(PIXELMED)
    return list(run_judge(PIXELMED, path, _TIMEOUT_S).errors)


def dcentvfy_errors(paths: Sequence[Path]) -> list[str]:
    """What dicom3tools' dcentvfy finds to differ among objects of one patient and study."""
    said = _run(["dcentvfy", *map(str, paths)])
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]


def dsrdump(path: Path) -> str:
    """A report or key object as DCMTK renders it; fails where DCMTK can't read it."""
    said = _run(["dsrdump", str(path)])
    assert said.returncode == 0, said.stderr
    return said.stdout


def dsr2html(path: Path) -> str:
    """A report as DCMTK shows it to people; fails where DCMTK can't read it."""
    said = _run(["dsr2html", str(path)])
    assert said.returncode == 0, said.stderr
    return said.stdout


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    program = require_program(command[0])
    return subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, errors="replace", check=False
    )
