"""One set of finished outputs for tests to break: a restored series, a report, a key object.

Made by the workshop itself, as the second revision of a generated series.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from engines.quality import Action, Confidence, QualityDescription, Verdict
from medq_node.certify.objects import check_objects
from medq_node.objects import (
    CertifySettings,
    Form,
    GateLimits,
    OutputIdentity,
    OutputKind,
    OutputObject,
    OutputReference,
)
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.report import write_report
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import SeriesStack, open_series
from medq_node.provenance import RESEARCH_LABEL
from medq_node.workshop.order import Wanted, WorkOrder
from medq_node.workshop.produce import produce

Change = Callable[[Dataset], object]


@dataclass(frozen=True)
class Made:
    """Outputs of one revision, and what they may be compared with."""

    source: SeriesStack
    outputs: tuple[OutputObject, ...]
    superseded: tuple[OutputReference, ...]

    def of(self, kind: OutputKind) -> list[OutputObject]:
        return [output for output in self.outputs if output.kind is kind]

    def copied(self, folder: Path) -> Made:
        """The same in files of its own, for a test that breaks one."""
        folder.mkdir(parents=True, exist_ok=True)
        outputs = tuple(
            replace(output, path=Path(shutil.copy(output.path, folder))) for output in self.outputs
        )
        return replace(self, outputs=outputs)

    def changed(self, old: OutputObject, change: Change, *, recorded: bool = True) -> Made:
        """After ``change`` of one file; ``recorded`` as if the writer had meant it."""
        dataset = pydicom.dcmread(old.path)
        change(dataset)
        dataset.save_as(old.path)
        new = recorded_as(old.kind, old.path) if recorded else redigested(old)
        return replace(self, outputs=tuple(new if o is old else o for o in self.outputs))

    def faults(self) -> tuple[str, ...]:
        return check_objects(
            self.outputs, (self.source,), RESEARCH_LABEL, superseded=self.superseded
        )


def redigested(output: OutputObject) -> OutputObject:
    """With the digest of the file as it is now."""
    return replace(output, sha256=hashlib.sha256(output.path.read_bytes()).hexdigest())


def recorded_as(kind: OutputKind, path: Path) -> OutputObject:
    """A row as it would be, had the writer written this file."""
    ds = pydicom.dcmread(path)
    keywords = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")
    uids = (str(ds.get(keyword, "")) for keyword in keywords)
    return redigested(OutputObject(kind, *uids, path, ""))


def referred(outputs: Sequence[OutputObject]) -> tuple[OutputReference, ...]:
    return tuple(
        OutputReference(o.kind, o.sop_class_uid, o.sop_instance_uid, o.series_instance_uid)
        for o in outputs
    )


def work_order(paths: Sequence[Path], folder: Path) -> WorkOrder:
    """Restore always and report in every form, as a first revision."""
    return WorkOrder(
        paths=tuple(paths),
        folder=folder,
        engine=Wanted("classical"),
        restore="always",
        node_uid="2.25.1",
        station_name="MEDQ",
        institution_name="Klinikum",
        revision=1,
        created_at="2026-01-01T00:00:00+00:00",
        slab_slices=8,
        limits=GateLimits(),
        judging=CertifySettings(),
        forms=tuple(Form),
    )


def revised(order: WorkOrder, folder: Path) -> WorkOrder:
    """A second revision in place of ``order``, whose outputs it retires; makes both."""
    first = produce(order)
    second = replace(
        order,
        folder=folder,
        revision=2,
        superseded=referred(first.outputs),
        retire=True,
    )
    produce(second)
    return second


def made(paths: Sequence[Path], folder: Path) -> Made:
    """Everything that the node makes of a series at its second revision."""
    order = revised(work_order(paths, folder / "r1"), folder / "r2")
    return Made(open_series(paths), produce(order).outputs, order.superseded)


def written(paths: Sequence[Path], folder: Path) -> Made:
    """Restored images of unchanged values and a report that says nothing much: made quickly."""
    source = open_series(paths)
    identity = OutputIdentity(
        node_uid="2.25.1",
        revision=1,
        engine_name="classical",
        engine_version="1",
        engine_digest="0" * 64,
        action="always",
        created_at="2026-01-01T00:00:00+00:00",
        station_name="MEDQ",
    )
    description = QualityDescription(
        modality=source.info.modality,
        region="unknown",
        findings=(),
        not_assessed=(),
        verdict=Verdict.GOOD,
        actions=(Action.KEEP,),
        confidence=Confidence.HIGH,
    )
    outputs = [
        write_restored_instance(source, i, source.values(i), identity, folder / "restored")
        for i in range(len(source.instances))
    ]
    content = ReportContent(
        description,
        "Nothing is wrong.",
        ActionTaken.RESTORED,
        after=description,
        sentence_after="Nothing is wrong.",
        restored_series_instance_uid=outputs[0].series_instance_uid,
    )
    outputs.append(write_report([ReportPart(source, content, identity)], identity, folder))
    return Made(source, tuple(outputs), ())


def put(keyword: str, value: object) -> Change:
    return lambda ds: setattr(ds, keyword, value)


def drop(keyword: str) -> Change:
    return lambda ds: delattr(ds, keyword)


def item(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def source_reference(**values: object) -> Change:
    return lambda ds: [setattr(ds.SourceImageSequence[0], k, v) for k, v in values.items()]


def references(ds: Dataset) -> list[Dataset]:
    """Every reference in the content tree."""
    found = [r for i in ds.get("ContentSequence", []) for r in i.get("ReferencedSOPSequence", [])]
    return found + [r for i in ds.get("ContentSequence", []) for r in references(i)]
