"""``medq-node engine``: what reads and restores images on this machine, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from engines.base import (
    REGISTRY,
    RUNTIMES,
    Engine,
    EngineError,
    EngineOptions,
    OnRuntime,
    load_engine,
)
from medq_node.commands.common import (
    ConfigOption,
    JsonOption,
    as_json_text,
    plain_errors,
    settings_of,
    start_log,
)
from medq_node.config import Config
from medq_node.config_problems import unknown_word
from medq_node.errors import ConfigError, MedqError

if TYPE_CHECKING:
    from engines.bench import Cost
    from engines.selftest import Check

app = typer.Typer(help="What reads and restores the images, and how fast.", no_args_is_help=True)

EngineArgument = Annotated[
    str | None, typer.Argument(help="Which engine; by default that of the settings.")
]
RuntimeOption = Annotated[
    str | None,
    typer.Option(help=f"What it runs on instead: {', '.join(RUNTIMES)}.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One engine on this machine; ``runtimes`` says of each "here" or why it isn't."""

    name: str
    version: str
    digest: str
    runs_on: str
    notes: tuple[str, ...]
    restores: tuple[str, ...]
    fallback: str | None
    runtimes: dict[str, str]


@app.command()
def info(
    engine: EngineArgument = None,
    runtime: RuntimeOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Version, digest, what it runs on here and what else it could."""
    with plain_errors():
        settings, name, options = _asked(engine, runtime, config)
        found = _info(_load(name, options), settings, options)
        if as_json:
            print(as_json_text(found))
        else:
            from medq_node.console.engine import print_info

            print_info(Console(), found)


@app.command()
def verify(
    engine: EngineArgument = None,
    runtime: RuntimeOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Weights, self-test on a phantom, and whether another runtime says and does the same."""
    with plain_errors():
        _, name, options = _asked(engine, runtime, config)
        findings = list(_verified(name, _load(name, options), options))
        if as_json:
            print(as_json_text(findings))
        else:
            from medq_node.checkup import Finding
            from medq_node.console.overview import print_findings

            print_findings(Console(), [Finding(one.what, one.fine, one.found) for one in findings])
        raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def bench(
    engine: EngineArgument = None,
    runtime: RuntimeOption = None,
    slices: Annotated[int, typer.Option(min=1, max=512, help="Images of the series.")] = 16,
    side: Annotated[int, typer.Option(min=80, max=2048, help="Rows and columns.")] = 512,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds per slice on a generated chest CT, the fallback beside it."""
    with plain_errors():
        settings, first, options = _asked(engine, runtime, config)
        names = dict.fromkeys([first, settings.engine.fallback])
        console = Console(stderr=as_json)
        with console.status(f"a series of {slices} images {side}x{side} ..."):
            costs = list(_costs([name for name in names if name], options, slices, side))
        if as_json:
            print(as_json_text(costs))
        else:
            from medq_node.console.engine import print_costs

            print_costs(console, costs)


@app.command()
def build(
    engine: EngineArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Compile with TensorRT for this machine's GPU now, instead of in the background."""
    with plain_errors():
        _, name, options = _asked(engine, "cpu", config)
        found, built = _load(name, options), 0
        words = f"{name} runs on the processor alone: nothing to compile"
        if isinstance(found, OnRuntime):
            lines = Console(stderr=as_json)
            try:
                built = found.compile(lambda line: lines.print(line, soft_wrap=True))
            except EngineError as error:
                raise MedqError(str(error)) from error
            words = f"{built} graphs compiled" if built else "everything was compiled already"
        print(json.dumps({"engine": name, "compiled": built}) if as_json else words)


def _asked(
    engine: str | None, runtime: str | None, config: Path | None
) -> tuple[Config, str, EngineOptions]:
    """Settings, which engine and how it is run; a name that isn't known is wrong use."""
    settings, _ = settings_of(config)
    name = engine or settings.engine.default
    if name not in REGISTRY:
        raise ConfigError(unknown_word("engine", name, REGISTRY))
    if runtime is not None and runtime not in RUNTIMES:
        raise ConfigError(unknown_word("runtime", runtime, RUNTIMES))
    start_log(settings.log.format, "error", "engine")
    options = replace(settings.engine_options, threads=settings.engine.threads)
    if settings.engine.devices:
        options = replace(options, device=settings.engine.devices[0])
    return settings, name, options if runtime is None else replace(options, runtime=runtime)


def _load(name: str, options: EngineOptions) -> Engine:
    try:
        return load_engine(name, options)
    except EngineError as error:
        raise MedqError(str(error)) from error


def _info(engine: Engine, settings: Config, options: EngineOptions) -> EngineInfo:
    fallback = settings.engine.fallback
    runtimes = {}
    if isinstance(engine, OnRuntime):
        for runtime in RUNTIMES[1:]:
            runtimes[runtime] = _why_not(engine.name, runtime, options) or "here"
    return EngineInfo(
        engine.name,
        engine.version,
        engine.digest,
        _on(engine),
        engine.notes if isinstance(engine, OnRuntime) else (),
        tuple(sorted(action.value for action in engine.restorable)),
        None if fallback == engine.name else fallback,
        runtimes,
    )


def _why_not(name: str, runtime: str, options: EngineOptions) -> str | None:
    if runtime == "tensorrt":
        from engines.runtime.choose import why_no_tensorrt

        # Loading would start a build.
        return why_no_tensorrt(options.device)
    try:
        load_engine(name, replace(options, runtime=runtime))
    except EngineError as error:
        return str(error)
    return None


def _on(engine: Engine) -> str:
    return engine.runtime if isinstance(engine, OnRuntime) else "numpy and scipy"


def _verified(name: str, engine: Engine, options: EngineOptions) -> Iterator[Check]:
    from engines.selftest import Check, agreement, self_test

    yield Check("loaded", True, f"{engine.name} {engine.version}, digest {engine.digest[:12]}")
    for one in self_test(engine):
        yield replace(one, what=f"self-test, {one.what}")
    if not isinstance(engine, OnRuntime):
        return
    other = "torch" if "CPUExecutionProvider" in engine.runtime else "cpu"
    try:
        reference = load_engine(name, replace(options, runtime=other))
    except EngineError as error:
        yield Check("parity", True, f"nothing to compare with here ({error})")
        return
    try:
        for one in agreement(engine, reference):
            yield replace(one, what=f"parity with {other}, {one.what}")
    except EngineError as error:
        yield Check(f"parity with {other}", False, str(error))


def _costs(names: list[str], options: EngineOptions, slices: int, side: int) -> Iterator[Cost]:
    from engines.bench import cost, series_of

    stack = series_of(slices, side)
    for name in names:
        engine = _load(name, options)
        try:
            yield cost(engine, _on(engine), stack)
        except EngineError as error:
            raise MedqError(f"{name}: {error}") from error
