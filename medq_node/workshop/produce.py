"""One revision from files to finished outputs: assess, restore, gate, report, seal.

Everything is made in ``<folder>.part`` and renamed once whole, so a finished output is adopted by
a second try and an unfinished one is never seen.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engines.base import Engine
from medq_node.layout import sync_folder
from medq_node.objects import OutputIdentity
from medq_node.outputs.content import ReportPart
from medq_node.outputs.forms import write_forms
from medq_node.outputs.key_object import write_key_object
from medq_node.pixels.series import SeriesStack, open_stacks
from medq_node.workshop.order import RESTORED_FOLDER, WorkOrder, WorkResult
from medq_node.workshop.result import read_result, report_contents, write_result
from medq_node.workshop.serving import serving
from medq_node.workshop.stack import Work, make_stack
from medq_node.workshop.stopwatch import Stopwatch


def produce(order: WorkOrder) -> WorkResult:
    """Make the outputs of one revision, or adopt those that an earlier try has finished.

    Raises:
        Unprocessable: nothing can be made of this series; says why.
        EngineError: the engine can't be had.
        OutputError: an output can't be written as it should be.
    """
    if order.folder.exists():
        return read_result(order.folder)
    part = order.folder.with_name(order.folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    result = _make(order, part)
    write_result(result, part)
    sync_folder(part)
    part.rename(order.folder)
    sync_folder(order.folder.parent)
    return read_result(order.folder)


def _make(order: WorkOrder, part: Path) -> WorkResult:
    watch = Stopwatch()
    with watch("read"):
        opened = open_stacks(order.paths)
    found = serving(order.engine, {stack.info.modality for stack in opened.stacks})
    work = Work(order, found, _identity(order, found.engine), part, watch)
    made = [make_stack(work, source) for source in opened.stacks]
    restored = [output for one in made for output in one.outputs]
    if not restored:
        shutil.rmtree(part / RESTORED_FOLDER, ignore_errors=True)
    result = WorkResult(
        engine=found.engine.name,
        engine_version=found.engine.version,
        engine_digest=found.engine.digest,
        stacks=tuple(one.result for one in made),
        outputs=tuple(restored),
        page=next((one.page for one in made if one.page), None),
        stages=watch.seconds,
        alarms=found.alarms,
        left_out=opened.left_out,
    )
    with watch("report"):
        parts = _parts(order, opened.stacks, result, work)
        sent = [one.restored for one in made]
        documents = (
            write_forms(order.forms, parts, sent, work.identity, part) if order.report else []
        )
        if order.retire and order.superseded:
            source, folder = opened.stacks[0], part / "key-object"
            documents.append(write_key_object(source, order.superseded, work.identity, folder))
    return replace(result, outputs=(*restored, *documents), stages=watch.seconds)


def _parts(
    order: WorkOrder, stacks: Sequence[SeriesStack], result: WorkResult, work: Work
) -> list[ReportPart]:
    """What the note is about: each stack, with what is said of it."""
    contents = report_contents(result, order.superseded)
    return [
        ReportPart(source, content, work.identity)
        for source, content in zip(stacks, contents, strict=True)
    ]


def _identity(order: WorkOrder, engine: Engine) -> OutputIdentity:
    return OutputIdentity(
        node_uid=order.node_uid,
        revision=order.revision,
        engine_name=engine.name,
        engine_version=engine.version,
        engine_digest=engine.digest,
        action=order.action,
        created_at=order.created_at,
        station_name=order.station_name,
        institution_name=order.institution_name,
    )
