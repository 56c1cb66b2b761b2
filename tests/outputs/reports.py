"""Reports for tests: what one may say, and how to read it back."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

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
from medq_node.objects import GateMeasure, GateVerdict, OutputIdentity
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.report import write_report
from medq_node.outputs.uids import restored_series_uid
from medq_node.pixels.series import SeriesStack


def description(modality: Modality, noise: float, severity: Severity) -> QualityDescription:
    unit = {"CT": "HU", "PT": "% of signal"}.get(modality.value, "% of signal")
    return QualityDescription(
        modality=modality,
        region="chest",
        findings=(
            Finding(Degradation.NOISE, severity, noise, unit, None, 2),
            Finding(Degradation.BLUR, Severity.NONE, 1.1, "mm FWHM"),
        ),
        not_assessed=(Degradation.METAL, Degradation.MOTION),
        verdict=Verdict.USABLE,
        actions=(Action.REDUCE_NOISE,),
        confidence=Confidence.MEDIUM,
    )


def restored_content(source: SeriesStack, identity: OutputIdentity) -> ReportContent:
    modality = source.info.modality
    return ReportContent(
        before=description(modality, 24.3, Severity.MODERATE),
        sentence_before="Noise is moderate.",
        action=ActionTaken.RESTORED,
        reasons=("rule 'noisy chest' asks for it",),
        after=description(modality, 11.2, Severity.MILD),
        sentence_after="Noise is mild.",
        gate=GateVerdict(True, (GateMeasure("mean bias", 0.2, 2.0, "HU", True),), ()),
        restored_series_instance_uid=restored_series_uid(
            identity, source.instances[0].series_instance_uid
        ),
    )


def numbers(report: Dataset) -> list[tuple[str, float, str]]:
    """(group, value, unit) of every NUM item, in order."""
    found = []
    for group in imaging_measurements(report):
        name = next(i.TextValue for i in group if i.ValueType == "TEXT")
        for item in group:
            if item.ValueType == "NUM":
                measured = item.MeasuredValueSequence[0]
                unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
                found.append((name, float(measured.NumericValue), unit))
    return found


def container(report: Dataset, title: str) -> Dataset:
    return next(i for i in report.ContentSequence if name_of(i) == title)


def imaging_measurements(report: Dataset) -> list[list[Dataset]]:
    groups = container(report, "Imaging Measurements").ContentSequence
    return [list(group.ContentSequence) for group in groups]


def headings(report: Dataset) -> list[str]:
    """Tracking identifiers of the groups, in order."""
    groups = imaging_measurements(report)
    return [next(i.TextValue for i in g if name_of(i) == "Tracking Identifier") for g in groups]


def name_of(item: Dataset) -> str:
    return item.ConceptNameCodeSequence[0].CodeMeaning


def said(group: list[Dataset]) -> list[str]:
    """The sentences for people."""
    return [i.TextValue for i in group if i.ValueType == "TEXT" and name_of(i) == "Comment"]


def evaluations(group: list[Dataset]) -> dict[str, str]:
    """Name -> value of every CODE item."""
    return {name_of(i): meaning(i) for i in group if i.ValueType == "CODE"}


def meaning(item: Dataset) -> str:
    return item.ConceptCodeSequence[0].CodeMeaning


def pointed_at(items: list[Dataset]) -> list[str]:
    """SOP Instance UIDs of the images that ``items`` refer to."""
    images = [i for i in items if i.ValueType == "IMAGE"]
    return [i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in images]


def written(parts: list[ReportPart], folder: Path, *, study: bool = False) -> Dataset:
    return pydicom.dcmread(write_report(parts, parts[0].identity, folder, study=study).path)
