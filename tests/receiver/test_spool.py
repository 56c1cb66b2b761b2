"""The spool's promises: whole files only, names in order, nothing left of the dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medq_node.errors import ConfigError
from medq_node.receiver.spool import Spool, SpoolFullError


def test_an_object_is_invisible_until_it_is_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path, minimum_free_bytes=1)
    file = spool.begin(b"head")
    file.write(b"first")
    file.write(memoryview(b"second"))
    assert list(spool.incoming.glob("*.dcm")) == []
    path = Path(file.commit())
    assert list(spool.incoming.glob("*.dcm")) == [path]
    assert path.read_bytes() == b"headfirstsecond"
    assert list(spool.part.glob("*.part")) == []
    spool.close()


def test_names_sort_by_arrival_even_when_the_clock_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, minimum_free_bytes=1)
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_999_999_000)
    names = [spool.arrival_name() for _ in range(1000)]
    assert names == sorted(set(names))
    other = Spool(tmp_path, minimum_free_bytes=1)
    assert other.arrival_name() not in names
    spool.close()
    other.close()


@pytest.mark.parametrize("step", ["write", "writev", "fdatasync", "rename", "fsync"])
def test_a_disk_that_refuses_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    spool = Spool(tmp_path, minimum_free_bytes=1)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = spool.begin(b"head")
    monkeypatch.setattr(os, step, refuse)
    try:
        with pytest.raises(OSError, match="No space"):
            file.write(b"data")
            file.write(b"more")
            file.commit()
    finally:
        file.discard()
    assert [p for p in spool.incoming.rglob("*") if p.suffix in (".part", ".dcm")] == []


def test_space_runs_out_before_the_disk_is_full(tmp_path: Path) -> None:
    spool = Spool(tmp_path, minimum_free_bytes=2**62)
    with pytest.raises(SpoolFullError, match="make room"):
        spool.begin(b"head")
    assert list(spool.part.glob("*.part")) == []


def test_temp_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    living = Spool(tmp_path, minimum_free_bytes=1)
    half = living.begin(b"head")
    half.write(b"half an object")
    code = (
        "import os; from pathlib import Path; from medq_node.receiver.spool import Spool;"
        f"s = Spool(Path({str(tmp_path)!r}), 1); s.begin(b'x').write(b'y'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    (living.part / "feedbeef-1.part").write_bytes(b"without a lock")
    assert len(list(living.part.glob("*.part"))) == 3
    another = Spool(tmp_path, minimum_free_bytes=1)
    assert [p.name.split("-")[0] for p in living.part.glob("*.part")] == [living.token]
    assert Path(half.commit()).read_bytes() == b"headhalf an object"
    assert len(list(living.part.glob("*.lock"))) == 2
    living.close()
    another.close()
    assert list(living.part.iterdir()) == []


def test_a_folder_that_cannot_be_had_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="can't write"):
        Spool(tmp_path / "file", minimum_free_bytes=1)
