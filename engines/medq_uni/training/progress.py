"""Lines about a running training that people can read."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS_BETWEEN = 20.0


class Lines:
    """Says where a stage stands, at most every ``SECONDS_BETWEEN`` seconds."""

    def __init__(
        self, stage: str, start: int, steps: int, say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.stage, self.steps, self.say, self.clock = stage, steps, say, clock
        self.since, self.at, self.loss, self.count = clock(), start, 0.0, 0

    def step(self, done: int, loss: float, rate: float) -> None:
        """After step ``done`` with its loss, at a learning rate."""
        self.loss, self.count = self.loss + loss, self.count + 1
        passed = self.clock() - self.since
        if passed < SECONDS_BETWEEN and done < self.steps:
            return
        quick = (done - self.at) / max(passed, 1e-9)
        self.say(
            f"{self.stage} {done:>6,} of {self.steps:,}  loss {self.loss / self.count:.3f}"
            f"  rate {rate:.1e}  {quick:.2f} steps/s  {spell((self.steps - done) / quick)} left"
        )
        self.again(done)

    def again(self, done: int) -> None:
        """Begin to count anew, so that what was no training isn't counted as such."""
        self.since, self.at, self.loss, self.count = self.clock(), done, 0.0, 0


def spell(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def told_validation(found: dict[str, float]) -> str:
    """What a validation found, in a line: severities in per cent, gains in dB."""
    if not found:
        return "validation: no patient is left out by chance; give it more pairs"
    gains = {name: value for name, value in found.items() if name.endswith(" dB")}
    right = {name: value for name, value in found.items() if name.endswith(" severity")}
    said = [f"{name.removesuffix(' dB')} {value:+.2f} dB" for name, value in gains.items()]
    said += [f"{name.removesuffix(' severity')} {100 * v:.0f} %" for name, v in right.items()]
    return "validation: " + ", ".join(said)
