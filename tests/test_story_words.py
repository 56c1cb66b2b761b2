"""What a person reads in the terminal about a series."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from medq_node.console.story import noise_line
from medq_node.standing import SeriesStatus

PET = (
    "PT, whole body. Moderate low-count noise: 22 % of signal and 10 % of counts. Verdict: usable."
    " Planned action: reduce noise. Confidence: medium."
)
RESTORED = PET.replace("22 %", "9.5 %").replace("Moderate", "No")
CT = "CT, chest. Severe noise: 42.3 HU. Verdict: usable. Planned action: reduce noise."

CLEAN = "CT, chest. No noise. Verdict: good. Planned action: keep as is."


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (PET, RESTORED, "22 % of signal before, 9.5 % of signal after"),  # kept counts are no noise
        (PET, None, "22 % of signal"),
        (f"{CT} Confidence: high.", None, "42.3 HU"),
        (f"{CT} Confidence: high.", f"{CLEAN} Confidence: high.", "42.3 HU before, none after"),
        (f"{CLEAN} Confidence: high.", None, ""),
        (CT, None, ""),  # no sentence
        (None, None, ""),
    ],
)
def test_the_line_on_noise_tells_the_noise_alone(
    before: str | None, after: str | None, line: str
) -> None:
    series = SeriesStatus(
        "2.25.1", "2.25.2", "PT", 1, 5, None, "done", None, None, None, None,
        sentence_before=before, sentence_after=after, taken=None, taken_because=(), outputs=0,
        stages_s={}, deliveries=(), page=None, complete_at=datetime.now(UTC), handle="series-1",
        hold=None, repeats=0, feedback=(),
    )  # fmt: skip
    assert noise_line(series) == line
