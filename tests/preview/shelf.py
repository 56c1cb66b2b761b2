"""A node's database and data folder with finished series in them, without a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from sqlalchemy import Select, select

from medq_node.config import Destination
from medq_node.layout import Layout
from medq_node.objects import CertifySettings, Form, GateLimits, OutputKind, OutputReference
from medq_node.preview.found import StudyPreview
from medq_node.preview.study import preview
from medq_node.records import record_outputs, record_result
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.states import Content, DeliveryState, RevisionState
from medq_node.store.tables import (
    Assessment,
    Delivery,
    Instance,
    Output,
    Revision,
    Series,
    StudyNote,
    utc_now,
)
from medq_node.workshop.order import StudyOrder, StudySeries, Wanted, WorkOrder
from medq_node.workshop.produce import produce
from medq_node.workshop.study_note import write_study_note


@dataclass
class Shelf:
    """``root`` holds ``data/`` with the database in it."""

    root: Path
    sessions: Sessions = field(init=False)
    destinations: dict[str, Destination] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layout.make()
        migrate(self.url)
        self.sessions = open_database(self.url)

    @property
    def layout(self) -> Layout:
        return Layout(self.root / "data")

    @property
    def url(self) -> str:
        return f"sqlite:///{self.layout.data / 'medq.sqlite'}"

    def look(self, name: object) -> StudyPreview:
        return preview(self.sessions, self.layout, str(name), self.destinations)

    def add(
        self,
        paths: Sequence[Path] = (),
        *,
        uids: tuple[str, str] | None = None,
        state: RevisionState = RevisionState.DONE,
        reason: str | None = None,
        restore: str = "never",
        sent: DeliveryState = DeliveryState.CONFIRMED,
        report: bool = True,
        forms: Sequence[Form] = (Form.SR,),
    ) -> int:
        """A revision of the series in ``paths``; with ``uids`` (study, series) none is made."""
        study, series_uid = uids or _uids(paths[0])
        with self.sessions.begin() as session:
            now = utc_now()
            series = session.scalar(select(Series).where(Series.series_instance_uid == series_uid))
            if series is None:
                series = Series(
                    series_instance_uid=series_uid,
                    study_instance_uid=study,
                    modality="CT",
                    first_arrival=now,
                    last_arrival=now,
                )
            before = max(series.revisions, key=lambda r: r.number, default=None)
            revision = Revision(
                series=series,
                number=before.number + 1 if before else 1,
                state=state,
                reason=reason,
                images=len(paths),
                snapshot={},
                awaits_note=not report,
            )
            session.add(revision)
            session.flush()
            known = {instance.sop_instance_uid for instance in series.instances}
            for path in paths:
                uid = str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)
                if uid not in known:
                    session.add(_instance(series, uid, revision.number))
            if paths and not uids:
                superseded = list(before.outputs) if before else []
                result = produce(
                    WorkOrder(
                        paths=tuple(paths),
                        folder=self.layout.output_folder(series_uid, revision.number),
                        engine=Wanted("classical"),
                        restore=restore,
                        node_uid="2.25.1",
                        station_name="MEDQ",
                        institution_name=None,
                        revision=revision.number,
                        created_at="2026-01-01T00:00:00+00:00",
                        slab_slices=8,
                        limits=GateLimits(),
                        judging=CertifySettings(),
                        report=report,
                        forms=tuple(forms),
                        superseded=tuple(
                            OutputReference(
                                OutputKind(o.kind),
                                o.sop_class_uid,
                                o.sop_instance_uid,
                                o.series_instance_uid,
                            )
                            for o in superseded
                        ),
                    )
                )
                record_result(session, revision, result, self.layout)
                session.flush()
                if state is RevisionState.DONE:
                    self._deliver(revision, sent, len(result.outputs))
            return revision.id

    def _deliver(self, revision: Revision, sent: DeliveryState, total: int) -> None:
        done = sent is DeliveryState.CONFIRMED
        revision.deliveries.append(
            Delivery(
                key=f"revision-{revision.id}",
                destination="pacs",
                content=Content.OUTPUTS,
                state=sent,
                confirmed=total if done else 0,
                total=total,
                last_error=None if done else "connection refused",
            )
        )

    def note(self, revision: int, *, number: int = 1, state: RevisionState, reason: str) -> int:
        """A note on a whole study that speaks of ``revision`` and hasn't been written."""
        with self.sessions.begin() as session:
            note = StudyNote(
                study_instance_uid=session.get_one(Revision, revision).series.study_instance_uid,
                number=number,
                revisions=[revision],
                destinations=["pacs"],
                state=state,
                reason=reason,
            )
            session.add(note)
            session.flush()
            return note.id

    def written_note(self, *series: tuple[int, Sequence[Path]]) -> int:
        """A note on the whole study that speaks of ``series``: revision id and images of each."""
        with self.sessions.begin() as session:
            rows = [session.get_one(Revision, revision) for revision, _ in series]
            study = rows[0].series.study_instance_uid
            note = StudyNote(
                study_instance_uid=study,
                number=1,
                revisions=[row.id for row in rows],
                destinations=["pacs"],
                state=RevisionState.DONE,
            )
            session.add(note)
            session.flush()
            parts = tuple(
                StudySeries(
                    row.id,
                    row.series_id,
                    tuple(images),
                    self.layout.output_folder(row.series.series_instance_uid, row.number),
                    row.number,
                    "never",
                    "2026-01-01T00:00:00+00:00",
                    len(images),
                )
                for row, (_, images) in zip(rows, series, strict=True)
            )
            order = StudyOrder(
                series=parts,
                folder=self.layout.study_folder(study, note.number),
                node_uid="2.25.1",
                station_name="MEDQ",
                institution_name=None,
                number=note.number,
                created_at="2026-01-01T00:00:00+00:00",
                judging=CertifySettings(),
            )
            record_outputs(session, note, write_study_note(order), self.layout)
            return note.id

    def arriving(self, study: str, series_uid: str) -> None:
        """A series that isn't complete."""
        now = utc_now()
        with self.sessions.begin() as session:
            series = Series(
                series_instance_uid=series_uid,
                study_instance_uid=study,
                first_arrival=now,
                last_arrival=now,
            )
            session.add(_instance(series, f"{series_uid}.1", None))

    @staticmethod
    def every_assessment() -> Select[tuple[Assessment]]:
        return select(Assessment)

    def reports(self) -> list[Output]:
        """Rows of all reports, oldest first."""
        with self.sessions() as session:
            query = select(Output).where(Output.kind == OutputKind.REPORT).order_by(Output.id)
            return list(session.scalars(query))

    def clean(self, revision: int) -> None:
        """As retention does."""
        with self.sessions.begin() as session:
            row = session.get_one(Revision, revision)
            for output in row.outputs:
                if output.path:
                    self.layout.absolute(output.path).unlink()
                output.path = None
            if row.assessment:
                row.assessment.page = None


def _uids(path: Path) -> tuple[str, str]:
    image = dcmread(path, stop_before_pixels=True)
    return str(image.StudyInstanceUID), str(image.SeriesInstanceUID)


def _instance(series: Series, uid: str, since_revision: int | None) -> Instance:
    return Instance(
        series=series,
        sop_instance_uid=uid,
        sop_class_uid="1",
        path=None,
        digest="",
        arrived_at=utc_now(),
        since_revision=since_revision,
    )
