"""Reports and key objects: unverified, preliminary, and about nothing but what they may name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from medq_node.certify.references import Instances, items, listed, named, references_of
from medq_node.objects import OutputKind, OutputReference
from medq_node.pixels.header import text

_EVIDENCE: Final = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
_REJECTED_FOR_QUALITY: Final = ("113001", "DCM")
_MEASUREMENTS: Final = ("126000", "DCM")


def document_faults(
    dataset: Dataset,
    kind: OutputKind,
    allowed: Instances,
    superseded: Sequence[OutputReference],
) -> Iterator[str]:
    """A report says that nobody has verified it, and is about ``allowed`` (C.17.2, C.17.3).

    Viewers tell by its title which it is: measurements for a machine, or a text for people.
    """
    if (title_of(dataset) == _MEASUREMENTS) is not (kind is OutputKind.REPORT):
        yield f"its title is not one of a {kind}"
    for keyword, expected in (
        ("VerificationFlag", "UNVERIFIED"),
        ("PreliminaryFlag", "PRELIMINARY"),
        ("CompletionFlag", "COMPLETE"),
    ):
        if text(dataset, keyword) != expected:
            yield f"its {keyword} is not {expected}"
    if "VerifyingObserverSequence" in dataset:
        yield "it names somebody who verified it"
    yield from evidence_faults(dataset, allowed, "neither a source image nor ours")
    reports = references_of([old for old in superseded if old.kind is kind])
    for study, series, class_uid, uid in listed(dataset, "PredecessorDocumentsSequence"):
        if reports.get(uid) != (class_uid, series) or study != text(dataset, "StudyInstanceUID"):
            yield f"it names a predecessor {uid} that is no {kind} of ours that it replaces"


def key_object_faults(
    dataset: Dataset, originals: Instances, superseded: Sequence[OutputReference]
) -> Iterator[str]:
    """A key object retires our own superseded outputs and nothing else (A.35.4, TID 2010)."""
    if title_of(dataset) != _REJECTED_FOR_QUALITY:
        yield "its title is not Rejected for Quality Reasons (113001, DCM)"
    for _, uid in {*_referenced(dataset), *(entry[2:] for entry in _evidence(dataset))}:
        if uid in originals:
            yield f"it rejects {uid}, which is an original"
    allowed = references_of(superseded)
    yield from evidence_faults(dataset, allowed | originals, "no object of ours that is replaced")


def title_of(item: Dataset) -> tuple[str, str]:
    """Code and scheme of what a document or a content item is called; empty where it isn't."""
    name = next(items(item, "ConceptNameCodeSequence"), Dataset())
    return text(name, "CodeValue"), text(name, "CodingSchemeDesignator")


def _evidence(dataset: Dataset) -> Iterator[tuple[str, str, str, str]]:
    for keyword in _EVIDENCE:
        yield from listed(dataset, keyword)


def evidence_faults(dataset: Dataset, allowed: Instances, else_words: str) -> Iterator[str]:
    """Whatever the content refers to is listed as evidence, and nothing unknown (C.17.2.3)."""
    own_study = text(dataset, "StudyInstanceUID")
    evidence = set()
    for study, series, class_uid, uid in _evidence(dataset):
        evidence.add((class_uid, uid))
        if allowed.get(uid, ("", ""))[0] != class_uid:
            yield f"its evidence names {uid}, which is {else_words}"
        elif allowed[uid][1] != series or study != own_study:
            yield f"its evidence names {uid} in another series or study than its own"
    referenced = set(_referenced(dataset))
    for _, uid in sorted(referenced - evidence):
        yield f"its content refers to {uid}, which its evidence doesn't list"
    if text(dataset, "SOPClassUID") == KeyObjectSelectionDocumentStorage and not referenced:
        yield "it selects no object"


def _referenced(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(class, instance) of everything that the content tree refers to, at every depth."""
    for item in items(dataset, "ContentSequence"):
        for reference in items(item, "ReferencedSOPSequence"):
            yield named(reference)
        yield from _referenced(item)
