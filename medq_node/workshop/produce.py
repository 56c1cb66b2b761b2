"""One revision from files to finished outputs: assess, restore, gate, report, seal.

Everything is made in ``<folder>.part`` and renamed once whole, so a finished output is adopted by
a second try and an unfinished one is never seen.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np

from engines.base import Engine, load_engine
from engines.quality import QualityDescription, Verdict
from engines.sentence import format_sentence
from medq_node.certify.answer import UnusableAnswer, usable_answer
from medq_node.certify.gate import check_restored, refused
from medq_node.certify.veto import veto
from medq_node.layout import sync_folder
from medq_node.objects import GateVerdict, OutputIdentity, OutputObject
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.key_object import write_key_object
from medq_node.outputs.page import before_after_png
from medq_node.outputs.report import write_report
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import SeriesStack, open_series
from medq_node.workshop.order import WorkOrder, WorkResult
from medq_node.workshop.result import read_result, write_result
from medq_node.workshop.stopwatch import Stopwatch

PAGE = "before-after.png"
RESTORED_FOLDER = "restored"
"""Restored instances are counted here while they are made: that is the progress."""


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
    engine = load_engine(order.engine)
    with watch("read"):
        source = open_series(order.paths)
    with watch("assess"):
        before = engine.assess(source)
    identity = _identity(order, engine)
    taken, reasons = _plan(order.restore, before)
    outputs: list[OutputObject] = []
    restored: SeriesStack | None = None
    gate: GateVerdict | None = None
    after: QualityDescription | None = None
    if taken is ActionTaken.RESTORED:
        try:
            with watch("restore"):
                outputs, changed = _restore(order, engine, source, before, identity, part)
        except UnusableAnswer as unusable:
            gate = refused("answer of the engine", str(unusable))
            shutil.rmtree(part / RESTORED_FOLDER)
        else:
            if not changed:
                reasons = (*reasons, "nothing was changed: the images equal the originals")
            restored = open_series([output.path for output in outputs])
            with watch("gate"):
                gate = check_restored(source, restored, order.limits)
        refusals = gate.reasons
        if gate.passed and restored is not None:
            with watch("assess again"):
                after = engine.assess(restored)
            refusals = veto(before, after, pixel_mm=_pixel_mm(source))
        if refusals:
            taken, reasons, outputs, after = ActionTaken.REFUSED, refusals, [], None
    content = ReportContent(
        before=before,
        sentence_before=format_sentence(before),
        action=taken,
        reasons=reasons,
        after=after,
        sentence_after=format_sentence(after) if after else None,
        gate=gate,
        restored_series_instance_uid=outputs[0].series_instance_uid if outputs else None,
        superseded=order.superseded,
    )
    page: Path | None = None
    if restored is not None:
        # Of a refused restoration the picture alone is kept, for whoever wants to see why.
        with watch("picture"):
            page = part / PAGE
            before_after_png(source, restored, content, f"{engine.name} {engine.version}", page)
        if not outputs:
            shutil.rmtree(part / RESTORED_FOLDER)
    with watch("report"):
        parts = (ReportPart(source, content, identity),)
        if order.report:
            outputs.append(write_report(parts, identity, part / "report"))
        if order.retire and order.superseded:
            outputs.append(
                write_key_object(source, order.superseded, identity, part / "key-object")
            )
    return WorkResult(
        engine=engine.name,
        engine_version=engine.version,
        engine_digest=engine.digest,
        verdict=before.verdict,
        sentence_before=content.sentence_before,
        sentence_after=content.sentence_after,
        taken=taken,
        reasons=reasons,
        gate=gate,
        outputs=tuple(outputs),
        page=page,
        stages=watch.seconds,
    )


def _plan(restore: str, description: QualityDescription) -> tuple[ActionTaken, tuple[str, ...]]:
    planned = f"the assessment plans to {', '.join(description.actions)}"
    if restore == "never":
        return ActionTaken.ASSESSED_ONLY, ("the rule asks for an assessment only",)
    if restore == "always":
        return ActionTaken.RESTORED, (f"the rule asks to restore always; {planned}",)
    if description.restores:
        return ActionTaken.RESTORED, (planned,)
    if description.verdict is Verdict.REJECT:
        return ActionTaken.UNFIT, (planned,)
    if description.verdict is Verdict.GOOD:
        return ActionTaken.UNCHANGED, (planned,)
    return ActionTaken.UNMENDABLE, (planned,)


def _pixel_mm(source: SeriesStack) -> float:
    """In-plane pixel spacing in mm, 0 where unknown: what blur is graded by."""
    _, row_mm, column_mm = source.info.spacing_mm
    return math.sqrt(row_mm * column_mm)


def _restore(
    order: WorkOrder,
    engine: Engine,
    source: SeriesStack,
    description: QualityDescription,
    identity: OutputIdentity,
    part: Path,
) -> tuple[list[OutputObject], bool]:
    """Restore slab by slab; the objects, and whether any value was changed."""
    folder = part / RESTORED_FOLDER
    folder.mkdir()
    outputs, changed = [], False
    for start in range(0, source.info.slices, order.slab_slices):
        slab = source.slab(start, min(start + order.slab_slices, source.info.slices))
        original = slab.values.copy()  # an engine may work in place
        values = usable_answer(engine.restore(slab, source.info, description), slab)
        changed = changed or not np.array_equal(values, original)
        for offset, image in enumerate(values):
            outputs.append(
                write_restored_instance(
                    source, start + offset, image, identity, folder, description
                )
            )
    sync_folder(folder)
    return outputs, changed


def _identity(order: WorkOrder, engine: Engine) -> OutputIdentity:
    return OutputIdentity(
        node_uid=order.node_uid,
        revision=order.revision,
        engine_name=engine.name,
        engine_version=engine.version,
        engine_digest=engine.digest,
        action=order.restore,
        created_at=order.created_at,
        station_name=order.station_name,
        institution_name=order.institution_name,
    )
