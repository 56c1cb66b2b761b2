"""How good is an engine? One command: ``python -m engines.medq_uni.evaluate --engine NAME -o OUT``.

Any registered engine is measured on phantoms, and on real slices where a folder of arrays is given:
restoration beside filters that are told how large the error is, words, harm, the physicist's
phantom, cost; CT, MR and PET, each in its own units. OUT gets one page, ``evaluation.md``, a CSV
per table and figures. Exit codes: 0 done, 1 it didn't work out, 2 wrong use.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import progress as bars
from rich.console import Console
from rich.markdown import Markdown

from engines.base import REGISTRY, Engine, EngineError, load_engine
from engines.medq_uni.command import WrongUse, named, told_in_a_line

if TYPE_CHECKING:
    from engines.medq_uni.yardstick.evaluation import Settings

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

DEFAULT_COUNT, DEFAULT_BM3D = 60, 300
PART_NAMES = ("restoration", "steering", "words", "unseen", "harm", "physicist", "cost")
"""As ``yardstick.evaluation.PARTS``, which takes a while to load."""


class Bars:
    """Progress on a screen: one bar per part, with the time left; a line per part in a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = bars.Progress(
            bars.TextColumn("{task.description:<26}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left"),
            bars.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """A line above the bars, or in the log."""
        self._console.print(line, highlight=False, markup=False)

    def phase(self, title: str, total: int | None) -> Callable[[], None]:
        """A bar for a new part; those before are done."""
        if not self._console.is_terminal:
            self._console.print(f"{time.strftime('%H:%M:%S')} {title}", highlight=False)
        for task in self._bars.tasks:
            if not task.finished:
                self._bars.update(task.id, total=task.total or 1, completed=task.total or 1)
        new = self._bars.add_task(title, total=total)
        return lambda: self._bars.advance(new)


@app.command()
def main(
    engine: Annotated[str, typer.Option(help=f"Which engine: {', '.join(sorted(REGISTRY))}.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where page, tables and figures go.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of .npz arrays of real images; else phantoms only.")
    ] = None,
    held_out: Annotated[
        float | None,
        typer.Option(help="Share of real patients, to 1, that training left out: only they."),
    ] = None,
    split_seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of that split; the benchmark's if left out."),
    ] = None,
    without: Annotated[
        str | None, typer.Option(help="Groups of arrays to leave out, commas between.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Cases of each task.")] = DEFAULT_COUNT,
    tasks: Annotated[
        str | None, typer.Option(help="Names with commas between; all if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another sample.")] = 0,
    bm3d: Annotated[
        int, typer.Option(min=0, help="Cases in all that BM3D sees, seconds each; 0: none.")
    ] = DEFAULT_BM3D,
    parts: Annotated[
        str | None, typer.Option(help=f"{', '.join(PART_NAMES)}; all if left out.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few small phantoms: does it all work?")
    ] = False,
) -> None:
    """Measure an engine and write OUT/evaluation.md, a CSV per table and figures."""
    with told_in_a_line("evaluate", EngineError):
        if held_out is not None:
            _check_share(held_out, data)
        _run(
            engine, out, data, held_out, split_seed, without, count, tasks, seed, bm3d, parts, quick
        )


def _run(
    engine_name: str,
    out: Path,
    data: Path | None,
    held_out: float | None,
    split_seed: int | None,
    without: str | None,
    count: int,
    tasks: str | None,
    seed: int,
    bm3d: int,
    parts: str | None,
    quick: bool,
) -> None:
    engine = _engine(engine_name)
    if data is not None and not any(data.glob("*.npz")):
        what = "has no .npz arrays" if data.is_dir() else "is no folder"
        raise WrongUse(f"data: {data} {what}")
    if out.exists() and not out.is_dir():
        raise WrongUse(f"{out} is a file; results need a folder")
    from engines.medq_uni.pairs.benchmark import SPLIT_SEED
    from engines.medq_uni.tasks.table import TASKS
    from engines.medq_uni.yardstick.evaluation import PARTS, Settings, evaluate
    from engines.medq_uni.yardstick.report import PAGE, write

    left_out = _groups(without, data)
    chosen = tuple(TASKS[name] for name in named("task", tasks, tuple(TASKS)))
    measured = frozenset(named("part", parts, PARTS))
    split_by = SPLIT_SEED if split_seed is None else split_seed
    settings = Settings(
        engine, chosen, data, count, seed, quick, bm3d, measured, held_out, split_by, left_out
    )
    started = time.monotonic()
    with Bars(Console(stderr=True)) as shown:
        sections = evaluate(settings, shown)
        page = write(out, f"Evaluation of the engine {engine.name}", _about(settings), sections)
    console = Console()
    if console.is_terminal:
        console.print(Markdown(page))
    else:
        sys.stdout.write(page)
    typer.echo(f"{out / PAGE} after {time.monotonic() - started:.0f} s", err=True)


def _check_share(held_out: float, data: Path | None) -> None:
    if not 0 < held_out <= 1:
        raise WrongUse(f"held-out must be over 0 and at most 1, not {held_out:g}")
    if data is None:
        raise WrongUse("held-out means patients of a folder of arrays: name one with --data")


def _groups(without: str | None, data: Path | None) -> tuple[str, ...]:
    """The groups to leave out; each must be one of the folder's."""
    if without is None:
        return ()
    if data is None:
        raise WrongUse("without means groups of a folder of arrays: name one with --data")
    from engines.medq_uni.real_sources import read_headers

    known = sorted({header.group for header in read_headers(data)})
    return named("group", without, tuple(known))


def _engine(name: str) -> Engine:
    if name not in REGISTRY:
        raise WrongUse(f"no engine named {name!r}; known: {', '.join(sorted(REGISTRY))}")
    return load_engine(name)


def _about(settings: Settings) -> str:
    """What was measured, and what was left out because it isn't installed."""
    from engines.medq_uni.yardstick.restoration import bm3d, figures, filters

    engine = settings.engine
    where = "phantoms alone" if settings.data is None else "phantoms and real images"
    lines = [
        f"Engine {engine.name} {engine.version} (digest {engine.digest[:12]}), "
        f"{settings.each} cases of each task from {where}, seed {settings.seed}. "
        "Research use only, not for diagnostic use."
    ]
    if settings.quick:
        lines.append("**A quick run on a few small phantoms: its numbers mean nothing.**")
    if settings.bm3d_cases and not bm3d.available():
        lines.append("BM3D is left out: the package `bm3d` is not installed.")
    if filters.WAVELET not in filters.filters():
        lines.append("The wavelet filter is left out: the package `PyWavelets` is not installed.")
    if not figures.available():
        lines.append("Figures are left out: the package `matplotlib` is not installed.")
    return "\n\n".join(lines)


if __name__ == "__main__":
    app()
