"""The engines of this process: loaded once, tested before they are trusted.

An engine that can't be had never stops the node: the fallback works in its place. One that fails
its self-test may assess and not restore. Either is an alarm, in the log and in the report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from engines.base import (
    REGISTRY,
    Engine,
    EngineError,
    EngineOptions,
    OnRuntime,
    load_engine,
)
from engines.quality import Modality
from engines.selftest import failed, self_test
from medq_node.workshop.order import Wanted

log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Serving:
    """The engine that works; ``alarms`` are whole sentences for log and report.

    One that isn't ``trusted`` has failed its self-test: what it restores is not to be used. ``why``
    tells whoever runs the node why another one can't be used; it may name files of this machine,
    which are no matter of a report.
    """

    engine: Engine
    trusted: bool = True
    alarms: tuple[str, ...] = ()
    why: str = ""


_loaded: dict[tuple[str, EngineOptions], Serving] = {}


def serving(wanted: Wanted, modalities: Iterable[Modality] = ()) -> Serving:
    """The engine for a series: the one that is wanted, or the one in its place.

    One that can't assess all ``modalities`` of the series leaves it to another that can.

    Raises:
        EngineError: neither can be had, or there is none for these modalities.
    """
    found = _wanted(wanted)
    needed = frozenset(modalities)
    if needed <= found.engine.modalities:
        return found
    for name in REGISTRY:
        other = found if name == found.engine.name else _ready(name, wanted.options)
        if needed <= other.engine.modalities:
            return other
    raise EngineError(f"no engine assesses {', '.join(sorted(needed))}")


def _wanted(wanted: Wanted) -> Serving:
    what, why = wanted.given_up, ""
    if what is None:
        try:
            return _ready(wanted.name, wanted.options)
        except EngineError as error:
            if wanted.fallback in (None, wanted.name):
                raise
            what, why = "can't be used", str(error)
            log.error("engine can't be used", engine=wanted.name, problem=why)
    assert wanted.fallback is not None
    try:
        stands_in = _ready(wanted.fallback, wanted.options)
    except EngineError as error:
        raise EngineError(
            f"{wanted.name} {what} ({why or 'see the log'}), nor {wanted.fallback}: {error}"
        ) from error
    alarm = f"The engine {wanted.name} {what}. The engine {wanted.fallback} works in its place."
    return Serving(stands_in.engine, stands_in.trusted, (alarm, *stands_in.alarms), why)


def warm_up(wanted: Wanted) -> None:
    """Load and test in a child what its first series would otherwise wait for."""
    import medq_node.workshop.certify
    import medq_node.workshop.produce
    import medq_node.workshop.study_note  # noqa: F401

    try:
        found = serving(wanted)
    except EngineError as error:
        log.error("alarm", problem=f"no engine: {error}")
        return
    for alarm in found.alarms:
        log.error("alarm", problem=alarm)


def _ready(name: str, options: EngineOptions) -> Serving:
    known = _loaded.get((name, options))
    if known is None:
        known = _loaded[name, options] = _tested(load_engine(name, options))
    return known


def _tested(engine: Engine) -> Serving:
    on = {"runtime": engine.runtime} if isinstance(engine, OnRuntime) else {}
    if isinstance(engine, OnRuntime):
        for note in engine.notes:
            log.info("engine", engine=engine.name, note=note)
    wrong = failed(self_test(engine))
    log.info(
        "engine ready",
        engine=engine.name,
        version=engine.version,
        digest=engine.digest[:12],
        self_test="failed" if wrong else "passed",
        **on,
    )
    if wrong is None:
        return Serving(engine)
    alarm = (
        f"The engine {engine.name} failed its self-test ({wrong}). What it says may be wrong; "
        "nothing is restored with it."
    )
    return Serving(engine, trusted=False, alarms=(alarm,))
