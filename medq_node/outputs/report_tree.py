"""The content tree of the quality report: TID 1500 Measurement Report (PS3.16).

One measurement group describes the series as it came, a second one the restored series. Each has a
tracking identifier, the algorithm, a coded overall quality, the severity of every degradation, the
numbers with their units, the sentence a person reads, and the worst slices as image references.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code

from engines.quality import QualityDescription
from medq_node.objects import GateVerdict, OutputIdentity, OutputKind
from medq_node.outputs import codes
from medq_node.outputs.content import ReportContent, worst_slices
from medq_node.outputs.labels import ascii_text
from medq_node.outputs.uids import derived_uid, restored_instance_uid
from medq_node.pixels.series import SeriesStack
from medq_node.provenance import MANUFACTURER

_TEXT_MAX: Final = 4000


def measurement_report(
    source: SeriesStack, content: ReportContent, identity: OutputIdentity
) -> MeasurementReport:
    """Content tree of the report on ``source``."""
    before_extra = [
        (codes.ACTION_TAKEN, codes.ACTIONS_TAKEN[content.action]),
    ]
    comments = [content.sentence_before, f"Action taken: {content.action.value}."]
    comments += [f"Reason: {reason}" for reason in content.reasons]
    if content.gate is not None:
        before_extra.append((codes.GATE, codes.PASSED if content.gate.passed else codes.FAILED))
        comments += gate_lines(content.gate)
    groups = [
        _group(
            source,
            content.before,
            comments,
            before_extra,
            identity,
            part="before",
            title="Series quality before restoration",
            instance_uid=lambda uid: uid,
        )
    ]
    if content.after is not None and content.restored_series_instance_uid is not None:
        groups.append(
            _group(
                source,
                content.after,
                [content.sentence_after or ""],
                [],
                identity,
                part="after",
                title="Series quality after restoration",
                instance_uid=lambda uid: restored_instance_uid(identity, uid),
            )
        )
    return MeasurementReport(
        observation_context=_observer(identity),
        procedure_reported=codes.PROCEDURES[content.before.modality],
        imaging_measurements=groups,
        title=standard.DCM.ImagingMeasurementReport,
    )


def gate_lines(gate: GateVerdict) -> list[str]:
    """What the do-no-harm gate measured, one line per measure, then its reasons."""
    lines = [
        f"Check {'passed' if m.passed else 'FAILED'}: {m.name} {m.value:.4g} {m.unit} "
        f"(limit {m.limit:.4g} {m.unit})"
        for m in gate.measures
    ]
    return lines + [f"Gate: {reason}" for reason in gate.reasons]


def _observer(identity: OutputIdentity) -> ObservationContext:
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=standard.DCM.Device,
            observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
                uid=identity.node_uid,
                name=ascii_text(identity.station_name, 64),
                manufacturer_name=MANUFACTURER,
                model_name=ascii_text(f"{identity.engine_name} {identity.engine_version}", 64),
            ),
        )
    )


def _group(
    source: SeriesStack,
    description: QualityDescription,
    comments: Sequence[str],
    evaluations: Sequence[tuple[Code, Code]],
    identity: OutputIdentity,
    *,
    part: str,
    title: str,
    instance_uid: Callable[[str], str],
) -> MeasurementsAndQualitativeEvaluations:
    """One TID 1501 group; ``instance_uid`` maps a source image to the one to be referenced."""
    series_uid = source.instances[0].series_instance_uid
    images = [source.instances[i] for i in worst_slices(description, len(source.instances))]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derived_uid(identity, series_uid, OutputKind.REPORT, f"tracking/{part}"),
            identifier=title,
        ),
        finding_type=codes.SERIES_QUALITY,
        algorithm_id=AlgorithmIdentification(
            name=ascii_text(identity.engine_name, 64),
            version=ascii_text(identity.engine_version, 64),
            parameters=[f"digest {identity.engine_digest}", f"action {identity.action}"],
            family=codes.algorithm_family(identity.engine_name),
            manufacturer=MANUFACTURER,
        ),
        measurements=_measurements(source, description, instance_uid),
        qualitative_evaluations=_evaluations(description, evaluations),
        source_images=[
            SourceImageForMeasurementGroup(
                image.sop_class_uid, instance_uid(image.sop_instance_uid)
            )
            for image in images
        ],
    )
    _insert_comments(group, comments)
    return group


def _insert_comments(group: MeasurementsAndQualitativeEvaluations, comments: Sequence[str]) -> None:
    """Put the sentences right behind the finding, where a reader of a rendered report starts."""
    items = group[0].ContentSequence
    place = 1 + next(i for i, item in enumerate(items) if item.name == standard.DCM.Finding)
    texts = [
        TextContentItem(
            name=codes.COMMENT,
            value=ascii_text(comment, _TEXT_MAX),
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
        for comment in comments
        if comment
    ]
    for offset, text in enumerate(texts):
        items.insert(place + offset, text)


def _measurements(
    source: SeriesStack, description: QualityDescription, instance_uid: Callable[[str], str]
) -> list[Measurement]:
    """The numbers, each with its unit and, where one slice was worst, that image."""
    result = []
    for finding in description.findings:
        if finding.amount is None:
            continue
        images = None
        if finding.worst_slice is not None and 1 <= finding.worst_slice <= len(source.instances):
            worst = source.instances[finding.worst_slice - 1]
            images = [
                SourceImageForMeasurement(worst.sop_class_uid, instance_uid(worst.sop_instance_uid))
            ]
        result.append(
            Measurement(
                name=codes.amount(finding.degradation),
                value=float(f"{finding.amount:.6g}"),
                unit=codes.unit(finding.unit),
                referenced_images=images,
            )
        )
    return result


def _evaluations(
    description: QualityDescription, further: Sequence[tuple[Code, Code]]
) -> list[QualitativeEvaluation]:
    pairs = [(codes.IMAGE_QUALITY, codes.VERDICTS[description.verdict])]
    pairs += [
        (codes.degradation(f.degradation), codes.SEVERITIES[f.severity])
        for f in description.findings
    ]
    pairs += [(codes.degradation(d), codes.NOT_ASSESSED) for d in description.not_assessed]
    pairs += [
        (codes.CONFIDENCE, codes.CONFIDENCES[description.confidence]),
        (codes.PLANNED_ACTION, codes.ACTIONS[description.action]),
        *further,
    ]
    return [QualitativeEvaluation(name=name, value=value) for name, value in pairs]
