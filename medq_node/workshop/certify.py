"""The last look before anything leaves: every object as it lies on disk."""

from __future__ import annotations

from medq_node.certify.judges import judges_at_work
from medq_node.certify.objects import check_objects
from medq_node.pixels.series import open_stacks
from medq_node.provenance import RESEARCH_LABEL
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.result import read_result


def certify(order: WorkOrder) -> tuple[str, ...]:
    """Reasons why an output may not leave the node; empty when all are fit.

    Other programs work beside our own checks; what they say counts only of objects that pass these.
    """
    outputs = read_result(order.folder).outputs
    if not outputs:
        return ()
    sources = open_stacks(order.paths).stacks
    with judges_at_work(outputs, sources, order.judging) as complaints:
        return (
            check_objects(outputs, sources, RESEARCH_LABEL, superseded=order.superseded)
            or complaints()
        )
