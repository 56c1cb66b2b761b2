from __future__ import annotations

import pytest

from medq_node.delivery.statuses import Follows, what_follows


@pytest.mark.parametrize(
    ("status", "follows"),
    [
        (0x0000, Follows.CONFIRMED),
        (0xB000, Follows.CONFIRMED),
        (0xB007, Follows.CONFIRMED),
        (0xA700, Follows.LATER),
        (0xA7FF, Follows.LATER),
        (0xA900, Follows.REFUSED),
        (0xC000, Follows.REFUSED),
        (0x0122, Follows.REFUSED),
        (0xFE00, Follows.REFUSED),
    ],
)
def test_only_what_passes_by_itself_is_tried_without_end(status: int, follows: Follows) -> None:
    assert what_follows(status) is follows
