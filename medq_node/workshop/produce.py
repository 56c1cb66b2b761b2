"""One revision from files to finished outputs: assess, restore, gate, report, seal.

Everything is made in ``<folder>.part`` and renamed once whole, so a finished output is adopted by
a second try and an unfinished one is never seen.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from engines.base import Engine, FloatArray, Slab
from engines.quality import QualityDescription, Verdict
from engines.sentence import format_sentence
from engines.steering import steer
from medq_node.certify.answer import UnusableAnswer, usable_answer
from medq_node.certify.gate import check_restored, refused
from medq_node.certify.slices import SlicesMeasured
from medq_node.certify.veto import veto
from medq_node.layout import sync_folder
from medq_node.objects import GateVerdict, OutputIdentity, OutputObject
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.forms import write_forms
from medq_node.outputs.key_object import write_key_object
from medq_node.outputs.page import before_after_png
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import SeriesStack, open_series
from medq_node.workshop.order import WorkOrder, WorkResult
from medq_node.workshop.restoring import SLABS_AT_ONCE, restore_slabs
from medq_node.workshop.result import read_result, write_result
from medq_node.workshop.serving import serving
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
    found = serving(order.engine)
    engine = found.engine
    with watch("read"):
        source = open_series(order.paths)
    with watch("assess"):
        before = engine.assess(source)
    steered = steer(
        before,
        order.options,
        engine.restorable,
        asked_by=f'the rule "{order.rule}"' if order.rule else "the rule",
        pixel_mm=_pixel_mm(source),
    )
    obeyed = steered.description
    identity = _identity(order, engine)
    taken, reasons = _plan(order.restore, before, obeyed)
    if taken is ActionTaken.RESTORED and not found.trusted:
        taken = ActionTaken.WITHHELD
    outputs: list[OutputObject] = []
    restored: SeriesStack | None = None
    gate: GateVerdict | None = None
    after: QualityDescription | None = None
    if taken is ActionTaken.RESTORED:
        try:
            with watch("restore"):
                outputs, changed, measured = _restore(
                    order, engine, source, before, obeyed, identity, part
                )
        except UnusableAnswer as unusable:
            gate = refused("answer of the engine", str(unusable))
            shutil.rmtree(part / RESTORED_FOLDER)
        else:
            if not changed:
                reasons = (*reasons, "nothing was changed: the images equal the originals")
            restored = open_series([output.path for output in outputs])
            with watch("gate"):
                gate = check_restored(source, restored, order.limits, measured)
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
        overridden=steered.overridden,
        alarms=found.alarms,
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
            sent = (restored if outputs else None,)
            outputs += write_forms(order.forms, parts, sent, identity, part)
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
        overridden=steered.overridden,
        alarms=found.alarms,
    )


def _plan(
    restore: str, before: QualityDescription, obeyed: QualityDescription
) -> tuple[ActionTaken, tuple[str, ...]]:
    """What to do with a series that the engine describes ``before``; ``obeyed`` decides."""
    planned = f"the assessment plans to {', '.join(before.actions)}"
    if restore == "never":
        return ActionTaken.ASSESSED_ONLY, ("the rule asks for an assessment only",)
    if restore == "always":
        return ActionTaken.RESTORED, (f"the rule asks to restore always; {planned}",)
    if obeyed.restores:
        return ActionTaken.RESTORED, (planned,)
    if obeyed.verdict is Verdict.REJECT:
        return ActionTaken.UNFIT, (planned,)
    if before.restores or before.verdict is Verdict.REJECT:
        return ActionTaken.ASSESSED_ONLY, (planned, "the rule leaves alone what is wrong")
    if before.verdict is obeyed.verdict is Verdict.GOOD:
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
    before: QualityDescription,
    obeyed: QualityDescription,
    identity: OutputIdentity,
    part: Path,
) -> tuple[list[OutputObject], bool, SlicesMeasured]:
    """As ``obeyed`` says: the objects, if any value changed, what the gate measured of each."""
    folder = part / RESTORED_FOLDER
    folder.mkdir()
    measured = SlicesMeasured(source, order.limits)

    def restore(slab: Slab) -> FloatArray:
        return usable_answer(engine.restore(slab, source.info, obeyed), slab)

    def write(index: int, image: FloatArray) -> OutputObject:
        written = write_restored_instance(source, index, image, identity, folder, before)
        measured.measure(index, written.path)
        return written

    with source.keeping(SLABS_AT_ONCE * order.slab_slices):
        outputs, changed = restore_slabs(source, order.slab_slices, restore, write)
    sync_folder(folder)
    return outputs, changed, measured


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
