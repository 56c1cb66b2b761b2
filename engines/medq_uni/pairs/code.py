"""A digest of the code that pairs are made by: other code, other pairs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import engines

ENGINES = Path(engines.__file__).parent
_PARTS = ("classical", "phantoms", "medq_uni")
_ASIDE = ("medq_uni/yardstick/", "medq_uni/evaluate.py")
"""What measures and doesn't make."""


def files_of(folder: Path = ENGINES) -> list[Path]:
    """The Python files of ``engines`` that may take part in making pairs, by their paths."""
    found = set(folder.glob("*.py"))
    for part in _PARTS:
        found |= set((folder / part).rglob("*.py"))
    return sorted(p for p in found if not p.relative_to(folder).as_posix().startswith(_ASIDE))


def code_digest(folder: Path = ENGINES) -> str:
    """SHA-256 over the names and bytes of ``files_of`` the folder."""
    found = hashlib.sha256()
    for path in files_of(folder):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()
