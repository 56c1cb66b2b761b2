"""Times on the objects: those of the wall clock beside the scanner, and honest about their zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity
from medq_node.outputs.restored import write_restored_instance
from medq_node.outputs.times import creation_time
from medq_node.pixels.series import open_series
from tests.build import ct_series


@pytest.mark.parametrize(
    ("created_at", "zone", "date", "time", "offset"),
    [
        ("2026-03-05T23:30:00+00:00", None, "20260306", "003000.000000", "+0100"),
        ("2026-07-05T22:30:00+00:00", None, "20260706", "003000.000000", "+0200"),  # summer
        ("2026-03-05T23:30:00+00:00", "-0330", "20260305", "200000.000000", "-0330"),
        ("2026-03-05T23:30:00+00:00", "+9900", "20260306", "003000.000000", "+0100"),
        ("2026-03-05T23:30:00+00:00", "+0199", "20260306", "003000.000000", "+0100"),
    ],
)
def test_utc_becomes_the_sources_zone_else_the_nodes(
    identity: OutputIdentity,
    created_at: str,
    zone: str | None,
    date: str,
    time: str,
    offset: str,
) -> None:
    created = creation_time(replace(identity, created_at=created_at), zone)
    assert (created.date, created.time) == (date, time)
    assert created.date_time == f"{date}{time}{offset}"


@pytest.mark.parametrize("created_at", ["yesterday", "2026-03-05T23:30:00"])
def test_an_instant_without_an_offset_is_refused(identity: OutputIdentity, created_at: str) -> None:
    with pytest.raises(OutputError):
        creation_time(replace(identity, created_at=created_at), None)


def test_no_zone_is_claimed_for_a_scanner_that_states_none(
    identity: OutputIdentity, tmp_path: Path, local_zone: Callable[[str], None]
) -> None:
    local_zone("JST-9")
    utc = replace(identity, created_at="2026-03-05T22:30:00+00:00")
    source = open_series(ct_series(tmp_path / "in"))
    values = source.slab(0, 1).values[0]
    first = write_restored_instance(source, 0, values, utc, tmp_path)
    restored = pydicom.dcmread(first.path)
    assert "TimezoneOffsetFromUTC" not in restored
    assert (restored.ContentDate, restored.ContentTime) == ("20260306", "073000.000000")
    equipment = restored.ContributingEquipmentSequence[-1]
    assert equipment.ContributionDateTime == "20260306073000.000000+0900"
    assert write_restored_instance(source, 0, values, utc, tmp_path).sha256 == first.sha256
