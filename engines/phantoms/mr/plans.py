"""Every kind of MR phantom: region and contrast, and what plans it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engines.phantoms.mr.abdomen import PLANS_ABDOMEN
from engines.phantoms.mr.head import PLANS_HEAD
from engines.phantoms.mr.knee import PLANS_KNEE

if TYPE_CHECKING:  # which reads this table
    from engines.phantoms.anatomy import Plan

PLANS: dict[tuple[str, str], Callable[[np.random.Generator], Plan]] = {
    **PLANS_HEAD,
    **PLANS_KNEE,
    **PLANS_ABDOMEN,
}
"""(region, contrast) -> function that makes a random plan."""
