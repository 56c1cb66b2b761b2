"""One stack of a series: assess, restore, gate, and look again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from engines.base import Engine, FloatArray, Slab
from engines.blank import blank_description, is_blank
from engines.quality import QualityDescription, Verdict
from engines.sentence import format_sentence
from engines.steering import Steered, steer
from medq_node.certify.answer import UnusableAnswer, usable_answer
from medq_node.certify.attributes import attribute_faults
from medq_node.certify.gate import check_restored, refused
from medq_node.certify.slices import SlicesMeasured
from medq_node.certify.veto import veto
from medq_node.layout import sync_folder
from medq_node.objects import GateVerdict, OutputIdentity, OutputObject
from medq_node.outputs.content import ActionTaken, ReportContent
from medq_node.outputs.page import before_after_png
from medq_node.outputs.restored_stack import RestoredWriter, restored_writer
from medq_node.pixels.series import SeriesStack
from medq_node.workshop.order import RESTORED_FOLDER, StackResult, WorkOrder
from medq_node.workshop.restoring import SLABS_AT_ONCE, restore_slabs
from medq_node.workshop.serving import Serving
from medq_node.workshop.stopwatch import Stopwatch

PAGE = "before-after.png"


_BLANK = "the images are blank: all pixels have one value"


@dataclass(frozen=True, slots=True)
class Work:
    """What all stacks of a revision are worked on with; ``part`` is the folder being filled."""

    order: WorkOrder
    found: Serving
    identity: OutputIdentity
    part: Path
    watch: Stopwatch


@dataclass(frozen=True, slots=True)
class StackMade:
    """What was made of one stack: words, restored objects, and the picture of a restoration.

    ``restored`` is what leaves the node, as a stack.
    """

    result: StackResult
    outputs: tuple[OutputObject, ...] = ()
    page: Path | None = None
    restored: SeriesStack | None = None


@dataclass(frozen=True, slots=True)
class _Restoration:
    """One try to restore: what was written, if it is whole, and what judges it."""

    writer: RestoredWriter
    outputs: tuple[OutputObject, ...]
    restored: SeriesStack | None
    gate: GateVerdict
    after: QualityDescription | None
    refusals: tuple[str, ...]
    changed: bool


def make_stack(work: Work, source: SeriesStack) -> StackMade:
    """All that is made of ``source`` but the report.

    Raises:
        Unprocessable: its pixels can't be read; says why.
        EngineError: the engine can't do what was asked.
        OutputError: an output can't be written as it should be.
    """
    order, engine = work.order, work.found.engine
    with work.watch("assess"):
        blank = is_blank(source)
        before = blank_description(source) if blank else engine.assess(source)
    steered = steer(
        before,
        order.options,
        engine.restorable,
        asked_by=f'the rule "{order.rule}"' if order.rule else "the rule",
        pixel_mm=_pixel_mm(source),
    )
    never = _BLANK if blank else source.never_restored
    taken, reasons = _plan(order.restore, before, steered.description, never)
    if taken is ActionTaken.RESTORED and not work.found.trusted:
        taken = ActionTaken.WITHHELD
    tried: _Restoration | None = None
    if taken is ActionTaken.RESTORED:
        (work.part / RESTORED_FOLDER).mkdir(exist_ok=True)
        writer = restored_writer(source, work.identity, work.part / RESTORED_FOLDER, before)
        if lacking := _lacking(writer, source):
            writer.discard()
            taken, reasons = ActionTaken.ASSESSED_ONLY, (lacking,)
    if taken is ActionTaken.RESTORED:
        tried = _restore(work, source, before, steered, writer)
        if not tried.changed:
            reasons = (*reasons, "nothing was changed: the images equal the originals")
        if tried.refusals:
            taken, reasons = ActionTaken.REFUSED, tried.refusals
    kept = tried if tried and not tried.refusals else None
    result = StackResult(
        verdict=before.verdict,
        sentence_before=format_sentence(before),
        sentence_after=format_sentence(kept.after) if kept and kept.after else None,
        taken=taken,
        reasons=reasons,
        gate=tried.gate if tried else None,
        overridden=steered.overridden,
        label=source.label,
    )
    page = _picture(work, source, before, result, tried) if tried else None
    if tried and tried.refusals:
        # Of a refused restoration the picture alone is kept, for whoever wants to see why.
        tried.writer.discard()
    if kept is None:
        return StackMade(result, page=page)
    return StackMade(result, kept.outputs, page, kept.restored)


def _plan(
    restore: str, before: QualityDescription, obeyed: QualityDescription, never: str
) -> tuple[ActionTaken, tuple[str, ...]]:
    """What to do with a stack that the engine describes ``before``; ``obeyed`` decides.

    ``never`` says why such images are never restored, empty where they may be.
    """
    planned = f"the assessment plans to {', '.join(before.actions)}"
    if never:
        return ActionTaken.ASSESSED_ONLY, (never,)
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


def _lacking(writer: RestoredWriter, source: SeriesStack) -> str:
    """Why no valid restored object can be made: what its IOD needs and the source never had."""
    uid = source.instances[0].sop_class_uid
    faults = list(attribute_faults(writer.header(), uid, [source.header(0)]))
    return f"a restored image would not be valid: {'; '.join(faults[:3])}" if faults else ""


def _pixel_mm(source: SeriesStack) -> float:
    """In-plane pixel spacing in mm, 0 where unknown: what blur is graded by."""
    _, row_mm, column_mm = source.info.spacing_mm
    return math.sqrt(row_mm * column_mm)


def _restore(
    work: Work,
    source: SeriesStack,
    before: QualityDescription,
    steered: Steered,
    writer: RestoredWriter,
) -> _Restoration:
    """Restore as the obeyed words say, and have it judged."""
    order, engine, watch = work.order, work.found.engine, work.watch
    folder = work.part / RESTORED_FOLDER
    measured = SlicesMeasured(source, order.limits)

    def restore(slab: Slab) -> FloatArray:
        return usable_answer(engine.restore(slab, source.info, steered.description), slab)

    def write(index: int, image: FloatArray) -> None:
        path = writer.write(index, image)
        if path is not None:
            measured.measure(index, path)

    try:
        with watch("restore"), source.keeping(SLABS_AT_ONCE * order.slab_slices):
            _, changed = restore_slabs(source, order.slab_slices, restore, write)
            outputs = tuple(writer.finish())
            sync_folder(folder)
    except UnusableAnswer as unusable:
        gate = refused("answer of the engine", str(unusable))
        return _Restoration(writer, (), None, gate, None, gate.reasons, changed=True)
    restored = writer.restored()
    with watch("gate"):
        gate = check_restored(source, restored, order.limits, measured)
    after, refusals = None, gate.reasons
    if gate.passed:
        with watch("assess again"):
            after = engine.assess(restored)
        refusals = veto(before, after, pixel_mm=_pixel_mm(source))
    return _Restoration(writer, outputs, restored, gate, after, refusals, changed)


def _picture(
    work: Work,
    source: SeriesStack,
    before: QualityDescription,
    result: StackResult,
    tried: _Restoration,
) -> Path | None:
    """Before, after and what changed; ``None`` where there is no restored stack to show."""
    if tried.restored is None:
        return None
    engine: Engine = work.found.engine
    content = ReportContent(
        before=before,
        sentence_before=result.sentence_before,
        action=result.taken,
        reasons=result.reasons,
        after=None if tried.refusals else tried.after,
        gate=tried.gate,
    )
    page = work.part / (PAGE if source.number == 1 else f"before-after-{source.number}.png")
    with work.watch("picture"):
        before_after_png(source, tried.restored, content, f"{engine.name} {engine.version}", page)
    return page
