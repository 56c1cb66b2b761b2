"""Everything that the node writes, each with what it is made of: one entry an IOD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engines.quality import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)
from medq_node.objects import (
    Form,
    GateMeasure,
    GateVerdict,
    OutputIdentity,
    OutputKind,
    OutputObject,
    OutputReference,
)
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.forms import write_forms
from medq_node.outputs.key_object import write_key_object
from medq_node.outputs.report import write_report
from medq_node.outputs.restored import write_restored_instance
from medq_node.outputs.uids import derived_uid, restored_series_uid
from medq_node.pixels.series import SeriesStack

Write = Callable[[SeriesStack, OutputIdentity, Path], OutputObject]

IDENTITY = OutputIdentity(
    node_uid="2.25.1234567890",
    revision=2,
    engine_name="engine",
    engine_version="1.0",
    engine_digest="ab" * 32,
    action="when_needed",
    created_at="2026-03-05T12:30:00+00:00",
    station_name="MEDQ",
    institution_name="Institution",
)
SPARSE = replace(IDENTITY, institution_name=None, revision=1)
"""Where nothing that may be left out is said, and nothing is replaced."""


@dataclass(frozen=True)
class Written:
    """An object of the annex: ``modality`` is that of the source that it is shown for."""

    title: str
    kind: OutputKind
    modality: str
    write: Write


def _restored(source: SeriesStack, identity: OutputIdentity, folder: Path) -> OutputObject:
    return write_restored_instance(source, 0, source.values(0), identity, folder, _said())


def _report(source: SeriesStack, identity: OutputIdentity, folder: Path) -> OutputObject:
    part = ReportPart(source, report_content(source, identity), identity)
    return write_report([part], identity, folder)


def _key_object(source: SeriesStack, identity: OutputIdentity, folder: Path) -> OutputObject:
    return write_key_object(source, _superseded(source, identity), identity, folder)


def report_content(source: SeriesStack, identity: OutputIdentity) -> ReportContent:
    """What says as much as a report may say; of a first revision as little."""
    if identity.revision == 1:
        return ReportContent(_nothing(), "Nothing is wrong.", ActionTaken.ASSESSED_ONLY)
    return full_content(source, identity)


def full_content(source: SeriesStack, identity: OutputIdentity) -> ReportContent:
    """What says as much as a report may say."""
    return ReportContent(
        before=_said(),
        sentence_before="CT, chest. Moderate noise.",
        action=ActionTaken.RESTORED,
        reasons=("the assessment plans to reduce noise",),
        after=_said(),
        sentence_after="CT, chest. Mild noise.",
        gate=GateVerdict(True, (GateMeasure("mean bias", 0.2, 1.0, "HU", True),), ()),
        restored_series_instance_uid=restored_series_uid(
            identity, source.instances[0].series_instance_uid
        ),
        superseded=_superseded(source, identity),
        overridden=("The rule asks for less.",),
        alarms=("Another engine worked in its place.",),
    )


def _said() -> QualityDescription:
    return QualityDescription(
        modality=Modality.CT,
        region="chest",
        findings=(
            Finding(Degradation.NOISE, Severity.MODERATE, 24.3, "HU", (1, 1), 1, (), "throughout"),
            Finding(Degradation.BLUR, Severity.NONE),
        ),
        not_assessed=(Degradation.MOTION,),
        verdict=Verdict.USABLE,
        actions=(Action.REDUCE_NOISE,),
        confidence=Confidence.MEDIUM,
    )


def _nothing() -> QualityDescription:
    return QualityDescription(
        modality=Modality.CT,
        region="unknown",
        findings=(),
        not_assessed=(),
        verdict=Verdict.GOOD,
        actions=(Action.KEEP,),
        confidence=Confidence.HIGH,
    )


def _superseded(source: SeriesStack, identity: OutputIdentity) -> tuple[OutputReference, ...]:
    """The report and the image of an earlier revision."""
    image = source.instances[0]
    return tuple(
        OutputReference(
            kind,
            sop_class_uid,
            derived_uid(identity, image.sop_instance_uid, kind, "before"),
            derived_uid(identity, image.series_instance_uid, kind, "before"),
        )
        for kind, sop_class_uid in (
            (OutputKind.RESTORED, image.sop_class_uid),
            (OutputKind.REPORT, "1.2.840.10008.5.1.4.1.1.88.22"),
        )
    )


def _form(form: Form) -> Write:
    # With nothing wrong there is no key object on it.
    said = full_content if form is Form.KEY else report_content

    def write(source: SeriesStack, identity: OutputIdentity, folder: Path) -> OutputObject:
        part = ReportPart(source, said(source, identity), identity)
        return write_forms((form,), [part], [None], identity, folder)[0]

    return write


WRITTEN: tuple[Written, ...] = (
    Written("Restored CT image", OutputKind.RESTORED, "CT", _restored),
    Written("Restored MR image", OutputKind.RESTORED, "MR", _restored),
    Written("Restored PET image", OutputKind.RESTORED, "PT", _restored),
    Written("Quality report", OutputKind.REPORT, "CT", _report),
    Written("Quality report as text", OutputKind.TEXT, "CT", _form(Form.TEXT)),
    Written("Quality report as page", OutputKind.PAGE, "CT", _form(Form.PAGE)),
    Written("Quality report as PDF", OutputKind.PDF, "CT", _form(Form.PDF)),
    Written("Key object on quality issues", OutputKind.QUALITY_ISSUE, "CT", _form(Form.KEY)),
    Written("Key object on replaced outputs", OutputKind.KEY_OBJECT, "CT", _key_object),
)
"""One line for each kind of object; a test finds the kind that has none."""
