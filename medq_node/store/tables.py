"""The tables. Rows say what has durably happened; files hold the pixels."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from medq_node.store.states import (
    Content,
    DeliveryState,
    FeedbackVerdict,
    HoldKind,
    KeptKind,
    RevisionState,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A time zone aware UTC time; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC, with its zone."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def _words(of: type[StrEnum]) -> Enum:
    """A column that holds the words of ``of`` as text, and only those."""
    return Enum(of, native_enum=False, length=16, values_callable=lambda e: [m.value for m in e])


class Base(DeclarativeBase):
    """Root of the tables."""


class Node(Base):
    """This installation; one row. ``uid`` roots the UIDs of all we make."""

    __tablename__ = "node"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class RuleSetRow(Base):
    """One version of the rules, as text; versions are never changed."""

    __tablename__ = "rule_set"

    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    source: Mapped[str]
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Series(Base):
    """A series as it arrived, whatever associations it came over.

    Times are those of the receiver. ``longest_gap_s`` is the longest pause in seconds between two
    images that followed each other; the quiet time adapts to it. ``repeats`` counts images that
    were sent again after we had them.
    """

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(primary_key=True)
    series_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    modality: Mapped[str | None] = mapped_column(String(16))
    calling_ae_title: Mapped[str | None] = mapped_column(String(16))
    called_ae_title: Mapped[str | None] = mapped_column(String(16))
    peer_host: Mapped[str | None]
    first_arrival: Mapped[datetime] = mapped_column(UtcDateTime)
    last_arrival: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    longest_gap_s: Mapped[float] = mapped_column(default=0.0)
    repeats: Mapped[int] = mapped_column(default=0)

    instances: Mapped[list[Instance]] = relationship(back_populates="series")
    revisions: Mapped[list[Revision]] = relationship(back_populates="series")


class Instance(Base):
    """One original. ``path`` is relative to the data folder, ``None`` once retention removed it.

    ``since_revision`` is the first revision that holds it, ``None`` while the series is open.
    ``digest`` is the SHA-256 of the data set as received (without file meta).
    """

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    path: Mapped[str | None]
    digest: Mapped[str] = mapped_column(String(64))
    arrived_at: Mapped[datetime] = mapped_column(UtcDateTime)
    since_revision: Mapped[int | None] = mapped_column(index=True)

    series: Mapped[Series] = relationship(back_populates="instances")


class Revision(Base):
    """A series at the moment it was found complete; late images make the next revision.

    ``snapshot`` maps DICOM keywords to their distinct values over the revision's images.
    ``stages`` maps a stage's name to its duration in seconds. ``hold`` says why it is held;
    ``releases`` counts how often a person let it go on; ``identity_accepted`` is set once a person
    has accepted that its patient or study differ from the rest of the study, ``loop_accepted`` that
    it isn't our own work come back. ``awaits_note`` is
    set from when it is done until a note on the whole study speaks of it.
    """

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("series_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    number: Mapped[int]
    predecessor_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"))
    state: Mapped[RevisionState] = mapped_column(_words(RevisionState), index=True)
    reason: Mapped[str | None]
    images: Mapped[int]
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON)
    stages: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    hold: Mapped[HoldKind | None] = mapped_column(_words(HoldKind))
    releases: Mapped[int] = mapped_column(default=0)
    identity_accepted: Mapped[bool] = mapped_column(default=False)
    loop_accepted: Mapped[bool] = mapped_column(default=False)
    awaits_note: Mapped[bool] = mapped_column(default=False, index=True)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cleaned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    series: Mapped[Series] = relationship(back_populates="revisions")
    decision: Mapped[DecisionRow | None] = relationship(back_populates="revision")
    assessment: Mapped[Assessment | None] = relationship(back_populates="revision")
    outputs: Mapped[list[Output]] = relationship(back_populates="revision")
    deliveries: Mapped[list[Delivery]] = relationship(back_populates="revision")
    feedback: Mapped[list[Feedback]] = relationship(back_populates="revision")


class DecisionRow(Base):
    """What the rules said of a revision, and why: the rule, the values seen, why others not.

    ``note`` is ``series`` or ``study``: what one report is about. ``restoring`` are the rule's
    options as written, ``None`` where it has none. ``refusal`` is set later where
    nothing could be made of the series after all.
    """

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), unique=True)
    rule_set_version: Mapped[int] = mapped_column(ForeignKey("rule_set.version"))
    rule: Mapped[str | None]
    action: Mapped[str] = mapped_column(String(16))
    restore: Mapped[str] = mapped_column(String(16))
    engine: Mapped[str]
    destinations: Mapped[list[str]] = mapped_column(JSON)
    forward_originals: Mapped[bool]
    note: Mapped[str] = mapped_column(String(16))
    restoring: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    values_seen: Mapped[dict[str, Any]] = mapped_column(JSON)
    why_not: Mapped[list[Any]] = mapped_column(JSON)
    explanation: Mapped[str]
    refusal: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    revision: Mapped[Revision] = relationship(back_populates="decision")

    @property
    def restore_mode(self) -> str:
        """``never``, ``when_needed`` or ``always``."""
        return "never" if self.action == "assess" else self.restore


class Assessment(Base):
    """What the engine said and did: sentences before and after, gate verdict, action taken.

    ``overridden`` are sentences on what the rule's options changed of the engine's words,
    ``alarms`` those on an engine that could not be used or is not trusted.
    """

    __tablename__ = "assessment"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), unique=True)
    engine: Mapped[str]
    engine_version: Mapped[str]
    engine_digest: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    sentence_before: Mapped[str]
    sentence_after: Mapped[str | None]
    taken: Mapped[str] = mapped_column(String(32))
    reasons: Mapped[list[str]] = mapped_column(JSON)
    overridden: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    alarms: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    gate: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    page: Mapped[str | None]

    revision: Mapped[Revision] = relationship(back_populates="assessment")


class Output(Base):
    """One object that we made; the SHA-256 is stored before its first send.

    It belongs to a revision of a series or to a study note, never to both.
    """

    __tablename__ = "output"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"), index=True)
    study_note_id: Mapped[int | None] = mapped_column(ForeignKey("study_note.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    series_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    path: Mapped[str | None]
    sha256: Mapped[str] = mapped_column(String(64))

    revision: Mapped[Revision | None] = relationship(back_populates="outputs")
    study_note: Mapped[StudyNote | None] = relationship(back_populates="outputs")


class StudyNote(Base):
    """One report on all series of a study whose rule asks for one note per study.

    ``revisions`` holds the ids of the revisions that it speaks of; a series that is late or
    revised makes the next ``number``. ``state``, ``hold``, ``reason``, ``failures`` and
    ``releases`` mean what they mean in a revision.
    """

    __tablename__ = "study_note"
    __table_args__ = (UniqueConstraint("study_instance_uid", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    number: Mapped[int]
    predecessor_id: Mapped[int | None] = mapped_column(ForeignKey("study_note.id"))
    revisions: Mapped[list[int]] = mapped_column(JSON)
    destinations: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[RevisionState] = mapped_column(_words(RevisionState), index=True)
    hold: Mapped[HoldKind | None] = mapped_column(_words(HoldKind))
    reason: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)
    releases: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cleaned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    outputs: Mapped[list[Output]] = relationship(back_populates="study_note")
    deliveries: Mapped[list[Delivery]] = relationship(back_populates="study_note")


class Delivery(Base):
    """Some objects on their way to one destination.

    ``confirmed`` of ``total`` objects are there. ``left`` names those that aren't after a try that
    failed, by SOP Instance UID; before, the leading ``confirmed`` ones are. ``key`` says what goes
    where, so that nothing is handed over twice.
    """

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"), index=True)
    study_note_id: Mapped[int | None] = mapped_column(ForeignKey("study_note.id"), index=True)
    quarantine_id: Mapped[int | None] = mapped_column(ForeignKey("quarantine.id"), index=True)
    destination: Mapped[str]
    content: Mapped[Content] = mapped_column(_words(Content))
    state: Mapped[DeliveryState] = mapped_column(_words(DeliveryState), index=True)
    confirmed: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    left: Mapped[list[str] | None] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refusals: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    revision: Mapped[Revision | None] = relationship(back_populates="deliveries")
    study_note: Mapped[StudyNote | None] = relationship(back_populates="deliveries")


class Quarantine(Base):
    """A received object that stands outside every series; kept, with the reason.

    ``digest`` is that of ``Instance``. ``dropped_at`` is when a person decided that it may go;
    retention then removes it.
    """

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(unique=True)
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    series_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    study_instance_uid: Mapped[str | None] = mapped_column(String(64))
    calling_ae_title: Mapped[str | None] = mapped_column(String(16))
    kind: Mapped[KeptKind] = mapped_column(_words(KeptKind), index=True)
    reason: Mapped[str]
    digest: Mapped[str | None] = mapped_column(String(64))
    arrived_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dropped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Notice(Base):
    """A message to people on its way: somebody should look now. It holds no patient data.

    ``key`` says what goes where, so that nobody is told twice; ``target`` is a name among the
    settings' notifications.
    """

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), index=True)
    target: Mapped[str]
    state: Mapped[DeliveryState] = mapped_column(_words(DeliveryState), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    revision: Mapped[Revision] = relationship()


class Feedback(Base):
    """What a radiologist or an admin says of the note on a revision; never changed, only added."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), index=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    verdict: Mapped[FeedbackVerdict] = mapped_column(_words(FeedbackVerdict))
    why: Mapped[str | None]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    revision: Mapped[Revision] = relationship(back_populates="feedback")


class Audit(Base):
    """What a person decided: who, when, about what, why, and what it was before; never changed."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    by: Mapped[str]
    what: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(index=True)
    before: Mapped[str]
    reason: Mapped[str]
