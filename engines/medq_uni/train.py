"""``python -m engines.medq_uni.train --pairs DIR -o OUT``: train the model, on a CPU or a GPU.

Reads the pairs into a bank, then trains the stages one after the other. What was cut off goes on
with the step and the batch that it would have had. Exit codes: 0 done or stopped as told, 1 it
didn't work out, 2 wrong use.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import torch
import typer

from engines.medq_uni.command import WrongUse, named, told_in_a_line
from engines.medq_uni.tasks.table import TASKS
from engines.medq_uni.training.bank import make_bank
from engines.medq_uni.training.folder import BANK, bank_of, begin, has_bank, read_sizes
from engines.medq_uni.training.loop import Settings, Stop, Which, run
from engines.medq_uni.training.machine import Device, Precision, machine

STEPS = {Which.ASSESS: 16_000, Which.RESTORE: 24_000}
TOLD_EVERY = 500
"""Pairs read between two lines."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the training.")],
    pairs: Annotated[
        list[Path] | None, typer.Option(help="Folder of a data set; may be given several times.")
    ] = None,
    stage: Annotated[Which | None, typer.Option(help="Only this one; else both.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps in all of the one --stage.")
    ] = None,
    assess_steps: Annotated[
        int, typer.Option(min=1, help="Steps in all of the assessment.")
    ] = STEPS[Which.ASSESS],
    restore_steps: Annotated[
        int, typer.Option(min=1, help="Steps in all of the restoration.")
    ] = STEPS[Which.RESTORE],
    words_alone: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the restoration before it is steered.")
    ] = 0.4,
    singles: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the restoration before mixtures come.")
    ] = 0.25,
    own_words: Annotated[
        float, typer.Option(min=0, max=1, help="Share told the model's own words, once steered.")
    ] = 0.25,
    tasks: Annotated[
        str | None,
        typer.Option(help="Restore only these, commas between: what lags behind, or goes apart."),
    ] = None,
    without_words: Annotated[
        bool, typer.Option("--without-words", help="Train the twin that is told nothing.")
    ] = False,
    sizes: Annotated[
        Path | None, typer.Option(help="JSON with another model's sizes, as config.json has them.")
    ] = None,
    device: Annotated[Device, typer.Option(help="auto: a GPU where there is one.")] = Device.AUTO,
    precision: Annotated[
        Precision, typer.Option(help="auto: bf16 where the hardware has it.")
    ] = Precision.AUTO,
    minutes: Annotated[float, typer.Option(min=0, help="Stop after so many; 0 for never.")] = 0.0,
    every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another training.")] = 0,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    threads: Annotated[int, typer.Option(min=0, help="Of the processor; 0 for all.")] = 0,
    ahead: Annotated[int, typer.Option(min=0, help="Batches drawn beforehand, in a thread.")] = 2,
) -> None:
    """Train the model on pairs; run it again to go on."""
    with told_in_a_line("train"):
        if steps is not None and stage is None:
            raise WrongUse("steps: say of which --stage, or use --assess-steps, --restore-steps")
        if without_words and stage is Which.ASSESS:
            raise WrongUse("without-words: the twin has no words to learn; leave --stage out")
        if not 0 < rate < 1:
            raise WrongUse(f"rate must be over 0 and under 1, not {rate:g}")
        if out.exists() and not out.is_dir():
            raise WrongUse(f"{out} is a file; a training needs a folder")
        if not pairs and not has_bank(out):
            raise WrongUse("pairs: name the folder of a data set (make dataset makes one)")
        if threads:
            torch.set_num_threads(threads)
        where = machine(device, precision)
        typer.echo(f"training on {where}")
        asked = {Which.ASSESS: assess_steps, Which.RESTORE: restore_steps}
        if stage is not None and steps is not None:
            asked[stage] = steps
        settings = Settings(
            asked, seed, rate, every, ahead, words_alone, singles, own_words, without_words,
            read_sizes(sizes), () if tasks is None else named("task", tasks, tuple(TASKS)),
        )  # fmt: skip
        begin(out, seed, without_words, settings.sizes)
        _read(out, pairs or [])
        stages = [stage] if stage else [w for w in Which if not without_words or w is Which.RESTORE]
        with _told_to_stop(Stop(minutes)) as stop:
            for which in stages:
                run(out, which, bank_of(out), settings, where, stop, typer.echo)
                if stop.asked or stop.late:
                    break


def _read(out: Path, pairs: list[Path]) -> None:
    """Make the bank where there is none."""
    if has_bank(out):
        if pairs:
            typer.echo(f"the pairs in {out / BANK} are used; remove it to read {pairs[0]} anew")
        return

    def made(number: int) -> None:
        if number % TOLD_EVERY == 0:
            typer.echo(f"{number:,} pairs read")

    count = make_bank(pairs, out / BANK, made)
    typer.echo(f"{count:,} pairs in {out / BANK}")


@contextmanager
def _told_to_stop(stop: Stop) -> Iterator[Stop]:
    """SIGTERM and Ctrl-C end the training after the present step, which is kept."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(one, stop.ask) for one in signals]
    try:
        yield stop
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


if __name__ == "__main__":
    app()
