"""How far it is: a bar with pairs per second and time left, or a line now and then in a log."""

from __future__ import annotations

import time

from rich import progress as bars
from rich.console import Console

LOG_S = 60.0
"""A log gets a line every so many seconds at most."""


class Progress:
    """Counts pairs; ``there`` of ``total`` are there already."""

    def __init__(self, console: Console, total: int, there: int) -> None:
        self._console = console
        self._total, self._there, self._new = total, there, 0
        self._started = self._said = time.monotonic()
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            _Rate(),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left"),
            bars.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=120,
        )
        self._bar = self._bars.add_task("pairs", total=total, completed=there)

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def made(self) -> None:
        """One more pair is made."""
        self._new += 1
        self._bars.advance(self._bar)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said >= LOG_S:
            self._said = now
            done = self._there + self._new
            rate = self._new / (now - self._started)
            self._console.print(
                f"{time.strftime('%H:%M:%S')} {done} of {self._total} pairs, {rate:.2f} pairs/s, "
                f"{(self._total - done) / rate / 60:.0f} min left",
                highlight=False,
            )


class _Rate(bars.ProgressColumn):
    """Pairs per second, once there is one."""

    def render(self, task: bars.Task) -> str:
        return "" if not task.speed else f"{task.speed:.2f} pairs/s"
