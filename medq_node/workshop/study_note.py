"""One report on several series of a study, in a killable child; their outputs are made already."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from medq_node.certify.judges import judges_at_work
from medq_node.certify.objects import check_objects
from medq_node.errors import Unprocessable
from medq_node.layout import sync_folder
from medq_node.objects import Form, OutputIdentity, OutputKind, OutputObject
from medq_node.outputs.content import ReportPart
from medq_node.outputs.forms import write_forms
from medq_node.outputs.key_object import write_key_object
from medq_node.outputs.restored_stack import reread
from medq_node.pixels.series import SeriesStack, open_stacks
from medq_node.provenance import RESEARCH_LABEL
from medq_node.workshop.order import StudyOrder
from medq_node.workshop.result import read_objects, read_result, report_contents, write_objects

_ACTION = "study note"


def write_study_note(order: StudyOrder) -> tuple[OutputObject, ...]:
    """Write the note, or adopt the one that an earlier try has finished.

    Raises:
        Unprocessable: no series of the study is still here.
        OutputError: the report can't be written as it should be.
    """
    if order.folder.exists():
        return read_objects(order.folder)
    part = order.folder.with_name(order.folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    parts = _parts(order)
    identity = _identity(order, parts)
    shown = _shown(order, parts) if _drawn(order) else []
    outputs = write_forms(order.forms, parts, shown, identity, part, study=True)
    if order.retire and order.superseded:
        source, folder = parts[0].source, part / "key-object"
        outputs.append(write_key_object(source, order.superseded, identity, folder, study=True))
    write_objects(outputs, part)
    sync_folder(part)
    part.rename(order.folder)
    sync_folder(order.folder.parent)
    return read_objects(order.folder)


def certify_study_note(order: StudyOrder) -> tuple[str, ...]:
    """Reasons why the note may not leave the node; empty when it is fit."""
    outputs = read_objects(order.folder)
    sources = [stack for series in order.series for stack in open_stacks(series.paths).stacks]
    restored = [output for series in order.series for output in _restored_objects(series.folder)]
    with judges_at_work(outputs, sources, order.judging) as complaints:
        return (
            check_objects(
                outputs, sources, RESEARCH_LABEL, superseded=order.superseded, known=restored
            )
            or complaints()
        )


def _drawn(order: StudyOrder) -> bool:
    """Whether anything is asked for that shows pictures."""
    return Form.PAGE in order.forms or Form.PDF in order.forms


def _restored_objects(folder: Path) -> list[OutputObject]:
    return [o for o in read_result(folder).outputs if o.kind is OutputKind.RESTORED]


def _shown(order: StudyOrder, parts: Sequence[ReportPart]) -> list[SeriesStack | None]:
    """For each part what was restored of it and left the node; None where nothing did."""
    restored = [made for one in order.series for made in _restored_objects(one.folder)]
    paths = {made.sop_instance_uid: made.path for made in restored}
    return [
        reread(part, paths) if part.content.restored_series_instance_uid is not None else None
        for part in parts
    ]


def _parts(order: StudyOrder) -> tuple[ReportPart, ...]:
    parts: list[ReportPart] = []
    for series in order.series:
        result = read_result(series.folder)
        identity = OutputIdentity(
            node_uid=order.node_uid,
            revision=series.revision,
            engine_name=result.engine,
            engine_version=result.engine_version,
            engine_digest=result.engine_digest,
            action=series.action,
            created_at=series.created_at,
            station_name=order.station_name,
            institution_name=order.institution_name,
        )
        # Said once: what the note replaces isn't any single series' business.
        contents = report_contents(result, () if parts else order.superseded)
        stacks = open_stacks(series.paths).stacks
        parts += [
            ReportPart(source, content, identity)
            for source, content in zip(stacks, contents, strict=True)
        ]
    if not parts:
        raise Unprocessable("no series of the study is kept any more")
    return tuple(parts)


def _identity(order: StudyOrder, parts: Sequence[ReportPart]) -> OutputIdentity:
    """The note's own: the engines that its series were assessed by, and the digest of theirs."""

    def together(values: Sequence[str]) -> str:
        return "+".join(dict.fromkeys(values))

    digests = list(dict.fromkeys(part.identity.engine_digest for part in parts))
    return OutputIdentity(
        node_uid=order.node_uid,
        revision=order.number,
        engine_name=together([part.identity.engine_name for part in parts]),
        engine_version=together([part.identity.engine_version for part in parts]),
        engine_digest=(
            digests[0]
            if len(digests) == 1
            else hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
        ),
        action=_ACTION,
        created_at=order.created_at,
        station_name=order.station_name,
        institution_name=order.institution_name,
    )
