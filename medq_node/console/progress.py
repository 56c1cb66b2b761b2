"""Live progress of series on their way through the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

from medq_node.console.lines import counted
from medq_node.layout import Layout
from medq_node.status import SETTLED_DELIVERY, NodeStatus, SeriesStatus
from medq_node.workshop.order import RESTORED_FOLDER

_OPEN = ("complete", "processing")


class Progress:
    """One bar per series, moved by what lies in the rows and on the disk."""

    def __init__(self, console: Console) -> None:
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=30),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[doing]}", markup=False),
            console=console,
        )
        self._tasks: dict[tuple[str, int], progress.TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal as it was found."""
        self._bars.stop()

    def show(self, status: NodeStatus, layout: Layout) -> None:
        """Move the bars to where the series stand now."""
        for series in reversed(status.series):
            key = (series.series_instance_uid, series.revision)
            if key not in self._tasks:
                self._tasks[key] = self._bars.add_task(
                    f"{series.modality or '?'} {counted(series.images, 'image')}",
                    total=series.images + 1,
                    doing="waiting",
                )
            done, doing = standing(series, layout)
            self._bars.update(self._tasks[key], completed=done, doing=doing)


@contextmanager
def progress_bar(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """One bar; yields the function that is called whenever one more is done."""
    with progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=30),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=console,
    ) as bars:
        task = bars.add_task(what, total=total)
        yield lambda: bars.advance(task)


def standing(series: SeriesStatus, layout: Layout) -> tuple[int, str]:
    """How many images of a series are done, and what happens to it now."""
    if series.state == "complete":
        return 0, "waiting"
    if series.state == "processing":
        folder = layout.output_folder(series.series_instance_uid, series.revision)
        if folder.exists():
            return series.images, "certifying"
        part = folder.with_name(folder.name + ".part") / RESTORED_FOLDER
        made = len(list(part.iterdir())) if part.is_dir() else 0
        if made == series.images:
            return made, "judging and reporting"
        return made, f"restoring {made}/{series.images}" if made else "assessing"
    waiting = [d for d in series.deliveries if d.state not in SETTLED_DELIVERY]
    if waiting:
        sent, total = sum(d.confirmed for d in waiting), sum(d.total for d in waiting)
        return series.images, f"delivering {sent}/{total}"
    return series.images + 1, series.taken or series.state
