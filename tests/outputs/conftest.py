from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medq_node.objects import OutputIdentity
from medq_node.pixels.series import SeriesStack, open_series


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Function: POSIX name of a time zone -> it is the node's until the test ends."""

    def moved(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield moved
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def in_central_europe(local_zone: Callable[[str], None]) -> None:
    """A fixed zone for the node, so that the tests say the same wherever they run."""
    local_zone("CET-1CEST,M3.5.0,M10.5.0/3")


@pytest.fixture
def identity() -> OutputIdentity:
    return OutputIdentity(
        node_uid="2.25.1234567890",
        revision=1,
        engine_name="classical",
        engine_version="0.1.0",
        engine_digest="ab" * 32,
        action="reduce noise",
        created_at="2026-03-05T23:30:00.250000+01:00",
        station_name="MEDQ-RADIOLOGY-BASEMENT",
        institution_name="Klinikum Süd",
    )


@pytest.fixture
def real_series(data_root: Path):
    """Function: name under dev/ -> opened series (some real files have no .dcm at the end)."""

    def opened(name: str) -> SeriesStack:
        files = [
            p for p in (data_root / "dev" / name).iterdir() if p.suffix not in {".md", ".json"}
        ]
        return open_series(sorted(files))

    return opened
