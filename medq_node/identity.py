"""Is this the patient and study that the rest of the study says? If not, a person decides.

A mixed-up patient is caught where it shows: within a series, against its own earlier images, and
against the series of the study that came before. Those that a person accepted widen what counts
as the same; those that wait for a person themselves, were dropped, or were our own, say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_description
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from medq_node.firewall import FIREWALL
from medq_node.store.states import HoldKind, RevisionState
from medq_node.store.tables import Revision, Series

_STUDY = "StudyInstanceUID"
_EMPTY_COUNTS = ("PatientID",)
"""Empty here and filled there is another value; elsewhere one of the two just wasn't typed in."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one revision says: keyword -> distinct values, ``""`` where empty or absent."""

    series_id: int
    accepted: bool
    values: dict[str, frozenset[str]]


def identity_conflict(session: Session, revision: Revision, keywords: Sequence[str]) -> str | None:
    """Which of ``keywords`` differ within the study, in words that quote no value.

    Study Instance UID is checked as well, always. ``None`` where nothing differs.
    """
    checked = tuple(dict.fromkeys((*keywords, _STUDY)))
    mine = {k: _texts(revision.snapshot.get(k)) for k in checked}
    before = _said_before(session, revision, checked)
    problems: dict[str, list[str]] = {}
    for keyword in checked:
        problem = _problem(keyword, mine[keyword], before, revision.series_id)
        if problem:
            problems.setdefault(problem, []).append(dictionary_description(keyword))
    return "; ".join(_sentence(names, where) for where, names in problems.items()) or None


def _problem(keyword: str, mine: frozenset[str], before: Sequence[_Said], own: int) -> str | None:
    """Where ``mine`` differs, in words; ``None`` where it doesn't."""

    def telling(values: frozenset[str]) -> frozenset[str]:
        return values if keyword in _EMPTY_COUNTS else values - {""}

    mine = telling(mine)
    mixed_accepted = frozenset[str]().union(
        *(telling(b.values[keyword]) for b in before if b.accepted and b.series_id == own)
    )
    if len(mine) > 1 and not mine <= mixed_accepted:
        return "within this series"
    known: frozenset[str] = frozenset()
    differing: set[int] = set()
    for earlier in before:
        told = telling(earlier.values[keyword])
        # One that is not decided on yet may be in doubt itself: it must not vouch for another.
        if earlier.accepted or told <= known or (not known and len(told) == 1):
            known |= told
        if told and not mine <= told:
            differing.add(earlier.series_id)
    if not known or mine <= known:
        return None
    elsewhere = len(differing - {own})
    return (
        f"from {elsewhere} other series of this study" if elsewhere else "from its earlier images"
    )


def _said_before(session: Session, revision: Revision, keywords: Sequence[str]) -> list[_Said]:
    """The newest revision of each series of the study that was complete before this one.

    With it every one that a person accepted. Of the snapshots only ``keywords`` are read.
    """
    silent = or_(
        and_(Revision.state == RevisionState.HELD, Revision.hold == HoldKind.IDENTITY),
        Revision.state == RevisionState.DROPPED,
        and_(
            Revision.state == RevisionState.IGNORED,
            func.coalesce(Revision.reason, "").startswith(FIREWALL),
        ),
    )
    study = revision.series.study_instance_uid
    in_study = select(Series.id).where(Series.study_instance_uid == study)
    earlier = (Revision.series_id.in_(in_study), Revision.id < revision.id, ~silent)
    newest = select(func.max(Revision.id)).where(*earlier).group_by(Revision.series_id)
    rows = session.execute(
        select(
            Revision.series_id,
            Revision.identity_accepted,
            *(Revision.snapshot[keyword].label(f"value_{i}") for i, keyword in enumerate(keywords)),
        )
        .where(*earlier, or_(Revision.id.in_(newest), Revision.identity_accepted))
        .order_by(Revision.id)
    )
    return [
        _Said(
            series_id,
            accepted,
            {k: _texts(v) for k, v in zip(keywords, values, strict=True)},
        )
        for series_id, accepted, *values in rows
    ]


def _texts(values: Any) -> frozenset[str]:  # noqa: ANN401 - JSON
    """Distinct values as plain text; spaces at the ends mean nothing (PS3.5 6.2)."""
    return frozenset("\\".join(str(part).strip() for part in value) for value in values or [[]])


def _sentence(names: Sequence[str], where: str) -> str:
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    verb, that = ("differs", "that of ") if len(names) == 1 else ("differ", "those of ")
    if where.startswith("from "):
        where = f"from {that}{where.removeprefix('from ')}"
    return f"{listed} {verb} {where}"
