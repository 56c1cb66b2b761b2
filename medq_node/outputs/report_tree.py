"""The content tree of the quality report: TID 1500 Measurement Report (PS3.16).

One measurement group (TID 1501) describes a series as it came, one more each range of slices that
differs, and as many the restored series. Each has a tracking identifier, the finding (111101, DCM,
"Image Quality"), the algorithm (TID 4019 in every group, as IHE AI Results asks for: each result
names what made it), coded severities, the numbers with their units, and the worst slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ContentSequence,
    FindingSite,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code

from engines.quality import Finding, QualityDescription
from medq_node.objects import OutputIdentity, OutputKind
from medq_node.outputs import codes
from medq_node.outputs.content import ReportPart, worst_slices
from medq_node.outputs.document import device_observer, write_plainly
from medq_node.outputs.image_library import Refer, image_library
from medq_node.outputs.labels import ascii_text
from medq_node.outputs.report_words import SeriesWords, finding_words, series_words, slices_words
from medq_node.outputs.restored_places import restored_of
from medq_node.outputs.uids import derived_uid
from medq_node.pixels.instance import SourceInstance
from medq_node.provenance import MANUFACTURER

TEXT_MAX: Final = 4000
ENGLISH: Final = CodedConcept("en", "RFC5646", "English")

Range = tuple[int, int] | None
"""1-based, inclusive; None means the whole series."""


def measurement_report(parts: Sequence[ReportPart], identity: OutputIdentity) -> MeasurementReport:
    """Content tree of the report on ``parts``, in their order."""
    groups: list[MeasurementsAndQualitativeEvaluations] = []
    library: list[tuple[list[SourceInstance], Refer]] = []
    for part in parts:
        for side in _sides(part):
            groups += [side.group(where) for where in side.ranges()]
            library.append((side.images(), side.refer))
    modalities = {part.source.info.modality for part in parts}
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device_observer(identity)),
        # One code, though TID 1500 takes several: PixelMed's validator finds fault with a second.
        procedure_reported=(
            codes.PROCEDURES[modalities.pop()] if len(modalities) == 1 else codes.SEVERAL_PROCEDURES
        ),
        imaging_measurements=groups,
        title=standard.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(ENGLISH),
    )
    items = report[0].ContentSequence
    measurements = [item.name == standard.DCM.ImagingMeasurements for item in items].index(True)
    items.insert(measurements, image_library(library))
    _separate(report[0])
    return report


def _separate(container: Dataset) -> None:
    """Items stand apart, each under its name (PS3.3 C.18.8); else viewers run them together."""
    for item in container.get("ContentSequence", ()):
        _separate(item)
    if "ContinuityOfContent" in container:
        container.ContinuityOfContent = "SEPARATE"


def _sides(part: ReportPart) -> list[_Side]:
    """The series as received and, where one leaves the node, the restored series."""
    content = part.content
    names = SeriesWords.of(part.source.header(0), part.source.label)
    slices = len(part.source.instances)
    further: list[tuple[Code, Code]] = [
        (codes.ACTION_TAKEN, codes.ACTIONS_TAKEN[content.action]),
    ]
    if content.gate is not None:
        further.append((codes.GATE, codes.PASSED if content.gate.passed else codes.FAILED))
    before = _Side(
        part=part,
        key="before",
        title=f"{names.source[0].upper()}{names.source[1:]} as received",
        description=content.before,
        comments=series_words(content, names),
        further=further,
        shown=worst_slices(content.before, slices),
        refer=lambda image: (image.sop_instance_uid, image.frame),
    )
    if content.after is None or content.restored_series_instance_uid is None:
        return [before]
    after = _Side(
        part=part,
        key="after",
        title=f"{names.restored[0].upper()}{names.restored[1:]}, restored from {names.source}",
        description=content.after,
        comments=[content.sentence_after or ""],
        further=[],
        # The same slices as before, so that a reader can compare.
        shown=before.shown,
        refer=restored_of(part),
    )
    return [before, after]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One series, received or restored, as its groups describe it.

    ``shown`` are the 0-based slices that stand for the whole series; ``refer`` maps a source image
    to the object, and the frame of it, that is referred to.
    """

    part: ReportPart
    key: str
    title: str
    description: QualityDescription
    comments: Sequence[str]
    further: Sequence[tuple[Code, Code]]
    shown: list[int]
    refer: Refer

    def ranges(self) -> list[Range]:
        """The whole series first, then every range of slices that has findings of its own."""
        own = {self._range(finding) for finding in self.description.findings} - {None}
        return [None, *sorted(where for where in own if where is not None)]

    def images(self) -> list[SourceInstance]:
        """All images that the groups point at, in the order of the stack."""
        shown = {index for where in self.ranges() for index in self._shown(where)}
        return [self.part.source.instances[index] for index in sorted(shown)]

    def group(self, where: Range) -> MeasurementsAndQualitativeEvaluations:
        """The TID 1501 group on the slices ``where``."""
        part, findings = self.part, self._findings(where)
        site = codes.REGIONS.get(self.description.region)
        key = f"tracking/{self.key}" + (f"/{where[0]}-{where[1]}" if where else "")
        if part.source.number > 1:
            key += f"/stack-{part.source.number}"
        series_uid = part.source.instances[0].series_instance_uid
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(
                uid=derived_uid(part.identity, series_uid, OutputKind.REPORT, key),
                identifier=f"{self.title}, {slices_words(where)}",
            ),
            finding_type=codes.IMAGE_QUALITY,
            finding_sites=[FindingSite(site)] if site else None,
            algorithm_id=_algorithm(part.identity),
            measurements=[m for f in findings for m in self._measurements(f)],
            qualitative_evaluations=self._evaluations(where, findings),
            source_images=[
                SourceImageForMeasurementGroup(*self._named(part.source.instances[index]))
                for index in self._shown(where)
            ],
        )
        words = [finding_words(f) for f in findings] if where else self.comments
        _insert_comments(group, words)
        return group

    def _range(self, finding: Finding) -> Range:
        whole = (1, len(self.part.source.instances))
        return None if finding.slices == whole else finding.slices

    def _findings(self, where: Range) -> list[Finding]:
        return [f for f in self.description.findings if self._range(f) == where]

    def _shown(self, where: Range) -> list[int]:
        """0-based slices that the group on ``where`` points at."""
        if where is None:
            return self.shown
        slices = len(self.part.source.instances)
        worst = {f.worst_slice for f in self._findings(where)} - {None}
        middle = (where[0] + where[1]) // 2
        wanted = sorted(number for number in worst if number is not None) or [middle]
        return [number - 1 for number in wanted if number <= slices]

    def _measurements(self, finding: Finding) -> list[Measurement]:
        """The numbers of a finding with their units and, where one slice was worst, that image."""
        worst = self._worst(finding)
        measurements = [
            Measurement(
                name=codes.amount(finding.degradation, amount.unit),
                value=amount.value,
                unit=codes.unit(amount.unit),
                referenced_images=[worst] if worst else None,
            )
            for amount in finding.amounts
        ]
        for measurement in measurements:
            write_plainly(measurement[0])
        return measurements

    def _worst(self, finding: Finding) -> SourceImageForMeasurement | None:
        """The image that a finding is worst on, if one is named."""
        instances = self.part.source.instances
        if finding.worst_slice is None or finding.worst_slice > len(instances):
            return None
        return SourceImageForMeasurement(*self._named(instances[finding.worst_slice - 1]))

    def _named(self, image: SourceInstance) -> tuple[str, str, list[int] | None]:
        """Class, instance and frames of what is referred to for ``image``."""
        uid, frame = self.refer(image)
        return image.sop_class_uid, uid, None if frame is None else [frame]

    def _evaluation(self, finding: Finding) -> QualitativeEvaluation:
        """The severity of a finding; without a number it is what names the worst image."""
        evaluation = QualitativeEvaluation(
            name=codes.degradation(finding.degradation, self.description.modality),
            value=codes.SEVERITIES[finding.severity],
        )
        worst = self._worst(finding)
        if worst is not None and not finding.amounts:
            evaluation[0].ContentSequence = ContentSequence([worst])
        return evaluation

    def _evaluations(
        self, where: Range, findings: Sequence[Finding]
    ) -> list[QualitativeEvaluation]:
        said = self.description
        pairs: list[tuple[Code, Code]] = [
            (codes.place(f.degradation), codes.PLACES[f.place])
            for f in findings
            if f.place is not None
        ]
        severities = [self._evaluation(finding) for finding in findings]
        if where is None:
            verdict = codes.VERDICTS[said.verdict]
            severities.insert(0, QualitativeEvaluation(codes.SERIES_QUALITY, verdict))
            pairs += [
                (codes.degradation(kind, said.modality), codes.NOT_ASSESSED)
                for kind in said.not_assessed
            ]
            pairs += [
                (codes.CONFIDENCE, codes.CONFIDENCES[said.confidence]),
                *((codes.PLANNED_ACTION, codes.ACTIONS[action]) for action in said.actions),
                *self.further,
            ]
        return [*severities, *(QualitativeEvaluation(name, value) for name, value in pairs)]


def _algorithm(identity: OutputIdentity) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=ascii_text(identity.engine_name, 64),
        version=ascii_text(identity.engine_version, 64),
        parameters=[f"digest {identity.engine_digest}", f"action {identity.action}"],
        family=codes.algorithm_family(identity.engine_name),
        manufacturer=MANUFACTURER,
    )


def _insert_comments(group: MeasurementsAndQualitativeEvaluations, comments: Sequence[str]) -> None:
    """Put the sentences right behind the finding, where a reader of a rendered report starts."""
    items = group[0].ContentSequence
    place = 1 + next(i for i, item in enumerate(items) if item.name == standard.DCM.Finding)
    texts = [
        TextContentItem(
            name=codes.COMMENT,
            value=ascii_text(comment, TEXT_MAX),
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
        for comment in comments
        if comment
    ]
    for offset, text in enumerate(texts):
        items.insert(place + offset, text)
