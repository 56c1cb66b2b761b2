"""The folder of a demonstration: emptied at the start, at the end its results under plain names."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom

from medq_node.errors import MedqError
from medq_node.layout import Layout
from medq_node.status import SeriesStatus


@dataclass(frozen=True, slots=True)
class Found:
    """What was made of one series: restored images in slice order, report, picture."""

    series_instance_uid: str
    restored: tuple[Path, ...]
    report: Path | None
    picture: Path | None


def start_afresh(out: Path) -> Path:
    """An empty ``out``; only what an earlier demonstration left is removed.

    Raises:
        MedqError: other files lie there, or it can't be written.
    """
    try:
        if (out / "node" / "config.yaml").exists():
            shutil.rmtree(out)
        elif out.exists() and any(out.iterdir()):
            raise MedqError(f"{out} holds other files: choose another folder with --out")
        (out / "node").mkdir(parents=True)
    except OSError as error:
        raise MedqError(f"can't write to {out}: {error.strerror}") from error
    return out.resolve()


def keep(
    series: Sequence[SeriesStatus], layout: Layout, received: Path | None, out: Path
) -> tuple[Found, ...]:
    """Give the results of every series plain names below ``out``.

    Objects are those that the built-in PACS has in ``received``; without it, those that the node
    sent.
    """
    arrived = {p.name: p for p in received.rglob("*.dcm")} if received else None
    found = []
    for number, one in enumerate(series, start=1):
        base = out if len(series) == 1 else out / f"series-{number}"
        base.mkdir(exist_ok=True)
        made = layout.output_folder(one.series_instance_uid, one.revision)
        restored = _copies(sorted((made / "restored").glob("*.dcm")), arrived)
        reports = _copies(sorted((made / "report").glob("*.dcm")), arrived)
        found.append(
            Found(
                one.series_instance_uid,
                tuple(
                    _link(file, base / "restored" / f"{place:04d}.dcm")
                    for place, file in enumerate(sorted(restored, key=_instance_number), start=1)
                ),
                _link(reports[0], base / "report.dcm") if reports else None,
                _link(one.page, base / "before-after.png") if one.page else None,
            )
        )
    return tuple(found)


def _copies(made: Sequence[Path], arrived: dict[str, Path] | None) -> list[Path]:
    if arrived is None:
        return list(made)
    return [arrived[file.name] for file in made if file.name in arrived]


def _instance_number(file: Path) -> int:
    return int(pydicom.dcmread(file, specific_tags=["InstanceNumber"]).get("InstanceNumber") or 0)


def _link(file: Path, target: Path) -> Path:
    """The same file under another name, or a copy where the file system has no links."""
    target.parent.mkdir(exist_ok=True)
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, target)
    return target
