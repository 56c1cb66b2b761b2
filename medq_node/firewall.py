"""The loop firewall: what we made never becomes our input, whatever the rules say.

Two nets so far: the ledger of the UIDs that we made, and our name in Contributing Equipment.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.snapshot import MADE_BY_US
from medq_node.store.tables import Output, Revision
from rules.evaluate import Decision
from rules.model import Action


def why_ours(session: Session, revision: Revision) -> str | None:
    """Why this revision is our own work come back, or ``None`` where it isn't."""
    uid = revision.series.series_instance_uid
    if session.scalar(select(Output.id).where(Output.series_instance_uid == uid).limit(1)):
        return "loop firewall: this series was made by this node"
    if MADE_BY_US in revision.snapshot:
        return "loop firewall: Contributing Equipment names this product"
    return None


def left_alone(why: str) -> Decision:
    """The decision on our own work: no rule is asked."""
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
