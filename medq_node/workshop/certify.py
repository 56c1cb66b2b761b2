"""The last look before anything leaves: every object as it lies on disk."""

from __future__ import annotations

from medq_node.certify.judges import judge_objects
from medq_node.certify.objects import check_objects
from medq_node.pixels.series import open_series
from medq_node.provenance import RESEARCH_LABEL
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.result import read_result


def certify(order: WorkOrder) -> tuple[str, ...]:
    """Reasons why an output may not leave the node; empty when all are fit.

    Other programs are asked only about objects that pass our own checks.
    """
    outputs = read_result(order.folder).outputs
    if not outputs:
        return ()
    sources = (open_series(order.paths),)
    return check_objects(
        outputs, sources, RESEARCH_LABEL, superseded=order.superseded
    ) or judge_objects(outputs, sources, order.judging)
