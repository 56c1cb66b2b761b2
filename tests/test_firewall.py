"""Each net of the loop firewall catches alone, lets the scanner through, and says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from medq_node.config import Config
from medq_node.firewall import FIREWALL, limited_callers, why_ours
from medq_node.snapshot import MADE_BY_US, SOURCE_IMAGE_UIDS, header_snapshot
from medq_node.store.database import migrate, open_database
from medq_node.store.states import RevisionState
from medq_node.store.tables import (
    DecisionRow,
    Instance,
    Output,
    Revision,
    RuleSetRow,
    Series,
    StudyNote,
    utc_now,
)
from rules.model import Action
from tests.build import ct_series

ORIGINAL = [["ORIGINAL", "PRIMARY", "AXIAL"]]
DERIVED = [["DERIVED", "SECONDARY", "AXIAL"]]
PACS = {"kind": "dicom", "ae_title": "PACS", "host": "pacs", "port": 104}


@pytest.fixture
def session(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    with open_database(url)() as session:
        session.add(RuleSetRow(version=1, text="", source="test"))
        yield session


def config(destinations: dict[str, Any] | None = None, **firewall: Any) -> Config:
    return Config(destinations={"pacs": PACS, **(destinations or {})}, firewall=firewall)


def arrived(
    session: Session,
    uid: str = "1.1",
    study: str = "9",
    caller: str = "SCANNER",
    images: tuple[str, ...] = (),
    worked_on: bool = False,
    **snapshot: Any,
) -> Revision:
    """A series of a study that has just been found complete, or was worked on before."""
    now = utc_now()
    series = Series(
        series_instance_uid=uid,
        study_instance_uid=study,
        calling_ae_title=caller,
        first_arrival=now,
        last_arrival=now,
    )
    state = RevisionState.DONE if worked_on else RevisionState.PROCESSING
    revision = Revision(
        series=series,
        number=1,
        state=state,
        images=max(1, len(images)),
        snapshot={"ImageType": ORIGINAL, **snapshot},
    )
    session.add(revision)
    session.flush()
    for image in images:
        session.add(
            Instance(
                series_id=series.id,
                sop_instance_uid=image,
                sop_class_uid="1.2",
                path=None,
                digest="",
                arrived_at=now,
            )
        )
    if worked_on:
        decided(session, revision, Action.RESTORE)
    session.flush()
    return revision


def decided(session: Session, revision: Revision, action: Action) -> None:
    session.add(
        DecisionRow(
            revision_id=revision.id,
            rule_set_version=1,
            action=action,
            restore="never",
            engine="classical",
            destinations=[],
            forward_originals=False,
            note="series",
            values_seen={},
            why_not=[],
            explanation="",
        )
    )
    session.flush()


def made(session: Session, sop: str, series: str, of: Revision | StudyNote) -> None:
    owner = "revision_id" if isinstance(of, Revision) else "study_note_id"
    session.add(
        Output(
            **{owner: of.id},
            kind="restored",
            sop_class_uid="1.2",
            sop_instance_uid=sop,
            series_instance_uid=series,
            path=None,
            study_instance_uid="1.2",
            sha256="",
        )
    )
    session.flush()


def reason(session: Session, revision: Revision, chosen: Config) -> str:
    caught = why_ours(session, revision, chosen)
    return caught.reason if caught else ""


def test_what_a_scanner_sends_passes_every_net(session: Session) -> None:
    source = arrived(session, "1.1", worked_on=True)
    made(session, "5.1", "5", source)
    new = arrived(session, "1.2", images=("7.1", "7.2"), **{SOURCE_IMAGE_UIDS: [["7.9"]]})
    assert why_ours(session, new, config()) is None


def test_the_ledger_knows_our_series_and_our_images(session: Session) -> None:
    source = arrived(session, "1.1", worked_on=True)
    made(session, "5.1", "5", source)
    by_series = arrived(session, "5")
    by_image = arrived(session, "1.3", images=("7.1", "5.1"))
    for ours in (by_series, by_image):
        assert "ledger" in reason(session, ours, config())


def test_the_ledger_knows_notes_on_whole_studies(session: Session) -> None:
    note = StudyNote(
        study_instance_uid="9",
        number=1,
        revisions=[],
        destinations=[],
        state=RevisionState.DONE,
    )
    session.add(note)
    session.flush()
    made(session, "6.1", "6", note)
    assert "ledger" in reason(session, arrived(session, "6"), config())


def test_what_others_derive_from_our_images_is_known_by_its_sources(session: Session) -> None:
    """Even where the one of ours is the last of a thousand."""
    source = arrived(session, "1.1", worked_on=True)
    made(session, "5.1", "5", source)
    uids = [[f"7.{i}"] for i in range(999)] + [["5.1"]]
    derived = arrived(session, "1.2", **{SOURCE_IMAGE_UIDS: uids})
    assert "Source Image Sequence" in reason(session, derived, config())


def test_contributing_equipment_names_us(session: Session) -> None:
    ours = arrived(session, **{MADE_BY_US: [["YES"]]})
    assert "Contributing Equipment" in reason(session, ours, config())


@pytest.mark.parametrize(
    ("image_type", "says"),
    [
        (ORIGINAL, None),
        (DERIVED, "are not (Image Type)"),
        ([*ORIGINAL, *DERIVED], "are not (Image Type)"),
        ([[]], "have no Image Type"),
        ([*ORIGINAL, []], "have no Image Type"),
        (None, "have no Image Type"),
    ],
)
def test_a_destination_that_sends_may_bring_originals_only(
    session: Session, image_type: Any, says: str | None
) -> None:
    revision = arrived(session, caller="PACS", ImageType=image_type)
    if image_type is None:
        revision.snapshot = {}
    why = reason(session, revision, config())
    if says is None:
        assert why == ""
    else:
        assert says in why and "set firewall.callers: {PACS: anything}" in why


@pytest.mark.parametrize(
    ("caller", "firewall", "passes"),
    [
        ("SCANNER", {}, True),
        ("PACS", {"callers": {"PACS": "anything"}}, True),
        ("PACS", {"from_destinations": "anything"}, True),
        ("PACS", {"from_destinations": "nothing", "callers": {"PACS": "anything"}}, True),
        ("PACS", {"callers": {"PACS": "nothing"}}, False),
        ("WORKSTATION", {"callers": {"WORKSTATION": "originals"}}, False),
        ("MEDQ", {"callers": {"MEDQ": "anything"}}, False),
    ],
)
def test_a_callers_own_rule_beats_the_one_for_destinations(
    session: Session, caller: str, firewall: dict[str, Any], passes: bool
) -> None:
    revision = arrived(session, caller=caller, ImageType=DERIVED)
    chosen = config(**firewall)
    assert (why_ours(session, revision, chosen) is None) is passes
    assert (caller in limited_callers(chosen)) is not passes


def test_a_study_gets_so_many_results_and_no_more(session: Session) -> None:
    chosen = config(results_per_study=2)
    for uid in ("1.1", "1.2"):
        revision = arrived(session, uid)
        assert why_ours(session, revision, chosen) is None
        decided(session, revision, Action.RESTORE)
    why = reason(session, arrived(session, "1.3"), chosen)
    assert "raise firewall.results_per_study (2)" in why
    assert why_ours(session, arrived(session, "1.4", study="10"), chosen) is None


def test_what_was_left_alone_counts_for_nothing(session: Session) -> None:
    decided(session, arrived(session, "1.1"), Action.IGNORE)
    arrived(session, "1.2")  # held before any decision
    assert why_ours(session, arrived(session, "1.3"), config(results_per_study=1)) is None


def test_a_revision_does_not_count_against_itself(session: Session) -> None:
    revision = arrived(session, worked_on=True)
    assert why_ours(session, revision, config(results_per_study=1)) is None


def test_every_reason_says_which_net_and_what_to_do(session: Session) -> None:
    made(session, "5.1", "5", arrived(session, "1.1", worked_on=True))
    caught = [
        arrived(session, "5"),
        arrived(session, "1.2", **{SOURCE_IMAGE_UIDS: [["5.1"]]}),
        arrived(session, "1.3", **{MADE_BY_US: [["YES"]]}),
        arrived(session, "1.4", caller="MEDQ"),
        arrived(session, "1.5", caller="PACS", ImageType=DERIVED),
        arrived(session, "1.6"),
    ]
    reasons = [reason(session, c, config(results_per_study=1)) for c in caught]
    assert len(set(reasons)) == len(caught), "six ways to be caught, six reasons"
    for why in reasons:
        assert why.startswith(FIREWALL)
        assert "\n" not in why
        assert "no setting" in why or "firewall." in why or "node.ae_title" in why


def test_a_person_may_pass_the_signs_of_a_loop_and_never_its_proof(session: Session) -> None:
    made(session, "5.1", "5", arrived(session, "1.1", worked_on=True))
    chosen = config(results_per_study=1)
    proofs = [arrived(session, "5"), arrived(session, "1.2", **{MADE_BY_US: [["YES"]]})]
    signs = [
        arrived(session, "1.3", caller="MEDQ"),
        arrived(session, "1.4", caller="PACS", ImageType=DERIVED),
        arrived(session, "1.5"),
    ]
    for accepted in (False, True):
        for revision in (*proofs, *signs):
            revision.loop_accepted = accepted
        caught = [why_ours(session, proof, chosen) for proof in proofs]
        assert [c.curable for c in caught if c] == [False, False]
        caught = [why_ours(session, sign, chosen) for sign in signs]
        assert [c.curable for c in caught if c] == ([] if accepted else [True, True, True])


def test_a_study_of_many_series_costs_a_few_queries_each(session: Session) -> None:
    for i in range(300):
        arrived(session, f"1.{i}", images=(f"7.{i}",), worked_on=True)
    sources = [[f"8.{i}"] for i in range(1000)]
    newest = arrived(session, "1.999", **{SOURCE_IMAGE_UIDS: sources})
    statements: list[str] = []
    listening = (session.get_bind(), "before_cursor_execute", lambda *a: statements.append(a[2]))
    event.listen(*listening)
    try:
        assert why_ours(session, newest, config(results_per_study=1000)) is None
    finally:
        event.remove(*listening)
    assert len(statements) <= 5


def test_the_snapshot_notes_the_sources_of_all_images(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    items = [Dataset(), Dataset()]
    items[0].ReferencedSOPInstanceUID, items[1].ReferencedSOPInstanceUID = "5.1", "5.2"
    files = ct_series(tmp_path / "a", slices=2, SourceImageSequence=items)
    plain = ct_series(tmp_path / "b", slices=1)
    assert header_snapshot([*files, *plain])[SOURCE_IMAGE_UIDS] == [["5.1"], ["5.2"]]
    assert SOURCE_IMAGE_UIDS not in header_snapshot(plain)
