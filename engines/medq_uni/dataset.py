"""Pairs on disk: ``python -m engines.medq_uni.dataset --count N -o DIR``, or ``--benchmark``.

DIR gets shards of float32 images, one line of ``manifest.jsonl`` per pair, and ``dataset.json``.
Killed at any time, the same command goes on with what is missing. Exit codes: 0 done, 1 it didn't
work out, 2 wrong use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from engines.medq_uni.command import WrongUse, named, told_in_a_line

if TYPE_CHECKING:
    from engines.description import Modality
    from engines.medq_uni.pair import Source
    from engines.medq_uni.pairs.record import Arguments
    from engines.medq_uni.pairs.workers import Job

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

USUAL_SHARD = 250
LARGE = 50_000
"""Pairs that hours and gigabytes are told for."""
LEAST_TOLD = 50
"""Fewer new pairs tell nothing of that."""


@app.command()
def main(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that shards are written to.")],
    count: Annotated[int | None, typer.Option(min=1, help="How many pairs.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of .npz arrays of real images; else phantoms only.")
    ] = None,
    held_out: Annotated[
        float | None,
        typer.Option(help="Share of real patients to leave out; the benchmark's if left out."),
    ] = None,
    split_seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of that split; the benchmark's if left out.")
    ] = None,
    without: Annotated[
        str | None, typer.Option(help="Groups of real images that are no truth, commas between.")
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Names with commas between; all if left out.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed, other pairs.")] = None,
    shard: Annotated[int, typer.Option(min=1, help="Pairs in a shard.")] = USUAL_SHARD,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; as many as processors if left out.")
    ] = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="The fixed 2,000 pairs to measure on.")
    ] = False,
) -> None:
    """Write pairs of a degraded image and its truth, with words, to OUT."""
    from engines.medq_uni.pairs.record import OtherDataset
    from engines.medq_uni.pairs.workers import WorkerError

    with told_in_a_line("dataset", WorkerError):
        try:
            _run(
                out, count, data, held_out, split_seed, without, tasks, seed, shard, workers,
                benchmark,
            )  # fmt: skip
        except OtherDataset as error:
            raise WrongUse(str(error)) from error


def _run(
    out: Path,
    count: int | None,
    data: Path | None,
    held_out: float | None,
    split_seed: int | None,
    without: str | None,
    tasks: str | None,
    seed: int | None,
    shard: int,
    workers: int | None,
    benchmark: bool,
) -> None:
    _check(out, count, data, held_out, split_seed, without, tasks, seed, benchmark)
    from engines.medq_uni.pairs import benchmark as fixed
    from engines.medq_uni.pairs.plan import Material, Plan
    from engines.medq_uni.pairs.record import Arguments, alone_in, begin, digest
    from engines.medq_uni.pairs.shards import part_of, remove_damaged, sweep
    from engines.medq_uni.pairs.stored import stored
    from engines.medq_uni.pairs.workers import Job, usual_workers
    from engines.medq_uni.phantom_sources import kinds_of
    from engines.medq_uni.tasks.table import TASKS

    chosen = tuple(TASKS[name] for name in named("task", tasks, tuple(TASKS)))
    modalities = tuple(dict.fromkeys(task.modality for task in chosen))
    left_out = tuple(sorted(_named(without)))
    share = fixed.HELD_OUT if held_out is None else held_out
    split_by = fixed.SPLIT_SEED if split_seed is None else split_seed
    pairs = fixed.BENCHMARK_PAIRS if count is None else count
    started = fixed.BENCHMARK_SEED if benchmark else (seed or 0)
    console = Console(stderr=True)
    with alone_in(out):
        if data is None:
            real: tuple[Source, ...] = ()
        else:
            console.print("reading real images", highlight=False)
            if benchmark:
                real = fixed.benchmark_sources(data, left_out, modalities)
            else:
                real = fixed.training_sources(data, left_out, modalities, share, split_by)
            _tell(real, modalities, data, console)
        if benchmark:
            material = fixed.benchmark_material(modalities, real)
        else:
            material = Material(kinds_of(modalities), real)
        Plan(material, chosen, started)  # refuses what can't be planned before anything is written
        names = tuple(task.name for task in chosen)
        arguments = Arguments(
            pairs, shard, started, names, benchmark, share, split_by, left_out, digest(real)
        )
        begin(out, arguments)
        sweep(out)
        shards = -(-pairs // shard)
        for line in remove_damaged(out, shards, shard, pairs):
            console.print(line, highlight=False, soft_wrap=True)
        with stored(real, part_of(out, "real")) as kept:
            job = Job(out, replace(material, real=()), names, started, pairs, shard, kept)
            del real, material
            _make(job, arguments, usual_workers() if workers is None else workers, console)


def _check(
    out: Path,
    count: int | None,
    data: Path | None,
    held_out: float | None,
    split_seed: int | None,
    without: str | None,
    tasks: str | None,
    seed: int | None,
    benchmark: bool,
) -> None:
    """Refuse options that can't be meant, or not together."""
    fixed = {"count": count, "seed": seed, "tasks": tasks, "held-out": held_out}
    for name, given in {**fixed, "split-seed": split_seed}.items():
        if benchmark and given is not None:
            raise WrongUse(f"{name}: the benchmark is the same for everyone; leave it out")
    if not benchmark and count is None:
        raise WrongUse("count: say how many pairs, or --benchmark")
    real = {"held-out": held_out, "split-seed": split_seed, "without": without}
    for name, option in real.items():
        if data is None and option is not None:
            raise WrongUse(f"{name} is about a folder of arrays: name one with --data")
    if data is not None and not any(data.glob("*.npz")):
        raise WrongUse(f"data: {data} {'has no .npz arrays' if data.is_dir() else 'is no folder'}")
    if held_out is not None and not 0 <= held_out < 1:
        raise WrongUse(f"held-out must be from 0 to less than 1, not {held_out:g}")
    if out.exists() and not out.is_dir():
        raise WrongUse(f"{out} is a file; shards need a folder")


def _tell(
    real: Sequence[Source], modalities: Sequence[Modality], data: Path, console: Console
) -> None:
    """Say how many slices of how many patients can be used.

    Raises:
        ValueError: none can.
    """
    if not real:
        raise ValueError(
            f"data: {data} has no slice of the patients asked for that can be a truth; "
            "leave --data out for phantoms alone"
        )
    for modality in modalities:
        some = [source for source in real if source.modality is modality]
        patients = len({source.patient for source in some})
        said = f"{len(some)} slices of {patients} patients" if some else "no real slice"
        console.print(f"{modality.value}: {said}", highlight=False)


def _make(job: Job, arguments: Arguments, workers: int, console: Console) -> None:
    """Make what is missing, then the whole manifest, and say what it took."""
    from engines.medq_uni.pairs.progress import Progress
    from engines.medq_uni.pairs.record import finish
    from engines.medq_uni.pairs.shards import join_manifests, missing
    from engines.medq_uni.pairs.workers import make_shards

    left = missing(job.out, job.shards)
    new = sum(min((k + 1) * job.shard, job.count) - k * job.shard for k in left)
    if new < job.count:
        console.print(f"{job.count - new} pairs are there already", highlight=False)
    start = monotonic()
    with Progress(console, job.count, job.count - new) as shown:
        make_shards(job, left, workers, shown.made)
    seconds = monotonic() - start
    join_manifests(job.out, job.shards)
    held = finish(job.out, arguments)
    for group, its in held["real"].items():
        said = f"real {group}: {its['pairs']} pairs of {its['slices']} slices"
        console.print(f"{said} of {its['patients']} patients", highlight=False)
    said = f"{job.out}: {held['pairs']} pairs, {held['image_bytes'] / 1e6:.1f} MB of images"
    if new:
        rate = new / seconds
        said += f"; {new} new ones in {seconds:.0f} s, {rate:.2f} pairs/s"
        if new >= LEAST_TOLD:
            gigabytes = held["image_bytes"] / held["pairs"] * LARGE / 1e9
            said += f"; {LARGE:,} would take {LARGE / rate / 3600:.1f} h and {gigabytes:.0f} GB"
    else:
        said += "; nothing was missing"
    typer.echo(said, err=True)


def _named(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


if __name__ == "__main__":
    app()
