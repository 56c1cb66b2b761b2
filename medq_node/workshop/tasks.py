"""What a worker asks of its children: all of it is imported only in the child that does it.

A worker never decodes a pixel; without the science it starts in half the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medq_node.objects import OutputObject
    from medq_node.workshop.order import StudyOrder, Wanted, WorkOrder, WorkResult


def warm_up(wanted: Wanted) -> None:
    """See ``serving.warm_up``."""
    from medq_node.workshop import serving

    serving.warm_up(wanted)


def produce(order: WorkOrder) -> WorkResult:
    """See ``produce.produce``."""
    from medq_node.workshop import produce as made

    return made.produce(order)


def certify(order: WorkOrder) -> tuple[str, ...]:
    """See ``certify.certify``."""
    from medq_node.workshop import certify as looked_at

    return looked_at.certify(order)


def write_study_note(order: StudyOrder) -> tuple[OutputObject, ...]:
    """See ``study_note.write_study_note``."""
    from medq_node.workshop import study_note

    return study_note.write_study_note(order)


def certify_study_note(order: StudyOrder) -> tuple[str, ...]:
    """See ``study_note.certify_study_note``."""
    from medq_node.workshop import study_note

    return study_note.certify_study_note(order)
