"""The loop firewall: what we made, and what others make of it, never becomes our input.

Four nets, each alone enough against most loops, before any rule is asked:

1. the ledger: what came is among our outputs, or was derived from them;
2. our name in Contributing Equipment;
3. what the calling AE may bring: an archive that routes brings originals, and we nothing;
4. so many results per study, and no more. It stops even what hides all the other signs.

The first two hold always; a setting says who may bring what, and how many results a study may get.
What the last two catch by mistake, a person may release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from medq_node.config import Config, DicomDestination
from medq_node.config_trust import Brings
from medq_node.snapshot import MADE_BY_US, SOURCE_IMAGE_UIDS
from medq_node.store.tables import DecisionRow, Instance, Output, Revision, Series
from rules.evaluate import Decision
from rules.model import Action

FIREWALL = "loop firewall: "
"""How every reason of the loop firewall begins."""

_VARIABLES = 500
"""UIDs in one query; databases limit how many (SQLite before 3.32 to 999)."""
_ALWAYS = "no setting changes that"


@dataclass(frozen=True, slots=True)
class Caught:
    """Why a revision must not be worked on; ``curable`` where a person may say that it is right."""

    reason: str
    curable: bool


def why_ours(session: Session, revision: Revision, config: Config) -> Caught | None:
    """The net that holds this revision, or ``None``.

    The ledger and our name are proof. Who sent it and how much there is are signs, which stop what
    hides the proof and may be wrong: ``loop_accepted`` passes them.
    """
    if proof := _in_ledger(session, revision) or _names_us(revision):
        return Caught(FIREWALL + proof, curable=False)
    if revision.loop_accepted:
        return None
    sign = _not_from_this_caller(revision, config) or _too_many_of_study(session, revision, config)
    return Caught(FIREWALL + sign, curable=True) if sign else None


def limited_callers(config: Config) -> frozenset[str]:
    """AE titles of the callers that may not bring everything."""
    destinations = config.destinations.values()
    known = {
        config.node.ae_title,
        *config.firewall.callers,
        *(d.ae_title for d in destinations if isinstance(d, DicomDestination)),
    }
    return frozenset(title for title in known if _brings(title, config) != "anything")


def left_alone(why: str) -> Decision:
    """The decision on what a net holds: no rule is asked."""
    return Decision(
        rule=None,
        action=Action.IGNORE,
        restore=None,
        engine=None,
        destinations=(),
        forward_originals=False,
        values_seen={},
        why_not=(),
        explanation=why,
    )


def _in_ledger(session: Session, revision: Revision) -> str | None:
    """By series, by image, and by the images that these name as their source.

    Reports on whole studies are in the same ledger; retention never shortens it.
    """
    ours = _any_output(session, Output.series_instance_uid == revision.series.series_instance_uid)
    if not ours:
        images = select(Instance.sop_instance_uid).where(Instance.series_id == revision.series_id)
        ours = _any_output(session, Output.sop_instance_uid.in_(images))
    if ours:
        return f"its UIDs are in the ledger of what this node made; {_ALWAYS}"
    sources = [str(value[0]) for value in revision.snapshot.get(SOURCE_IMAGE_UIDS, ())]
    if any(_any_output(session, Output.sop_instance_uid.in_(uids)) for uids in _chunks(sources)):
        return f"Source Image Sequence names images that this node made; {_ALWAYS}"
    return None


def _names_us(revision: Revision) -> str | None:
    if MADE_BY_US not in revision.snapshot:
        return None
    return (
        "Contributing Equipment names this product, so this node or another of its kind made it; "
        + _ALWAYS
    )


def _not_from_this_caller(revision: Revision, config: Config) -> str | None:
    caller = revision.series.calling_ae_title or ""
    brings = _brings(caller, config)
    if caller == config.node.ae_title:
        return (
            f"it came from {caller}, which is this node's own AE title; "
            "if that is another machine, give either a title of its own (node.ae_title)"
        )
    if brings == "anything":
        return None
    change = f"to change that, set firewall.callers: {{{caller}: anything}}"
    if brings == "nothing":
        return f"nothing that {caller} brings is worked on; {change}"
    kinds = {str(kind[0]) if kind else None for kind in revision.snapshot.get("ImageType", [[]])}
    if kinds == {"ORIGINAL"}:
        return None
    # Image Type is mandatory in CT, MR and PET; without it a result that was stripped looks alike.
    which = "have no Image Type" if kinds <= {None, "ORIGINAL"} else "are not (Image Type)"
    return f"{caller} may bring original images only and some here {which}; {change}"


def _brings(caller: str, config: Config) -> Brings:
    if caller == config.node.ae_title:
        return "nothing"
    if caller in config.firewall.callers:
        return config.firewall.callers[caller]
    destinations = config.destinations.values()
    if any(d.ae_title == caller for d in destinations if isinstance(d, DicomDestination)):
        return config.firewall.from_destinations
    return "anything"


def _too_many_of_study(session: Session, revision: Revision, config: Config) -> str | None:
    """Counts what rules sent to work, whatever became of it since."""
    most = config.firewall.results_per_study
    worked_on = session.scalar(
        select(func.count())
        .select_from(Revision)
        .join(Series, Series.id == Revision.series_id)
        .join(DecisionRow, DecisionRow.revision_id == Revision.id)
        .where(
            Series.study_instance_uid == revision.series.study_instance_uid,
            Revision.id != revision.id,
            DecisionRow.action != Action.IGNORE,
        )
    )
    if (worked_on or 0) < most:
        return None
    return (
        f"{worked_on} series or revisions of this study were worked on already, which looks like a "
        f"loop; if they are right, raise firewall.results_per_study ({most})"
    )


def _any_output(session: Session, condition: ColumnElement[bool]) -> bool:
    return session.scalar(select(Output.id).where(condition).limit(1)) is not None


def _chunks(uids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(uids), _VARIABLES):
        yield uids[start : start + _VARIABLES]
