"""The worker process: launches the durable engine; runs pipeline, delivery and notices on it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import structlog

from medq_node.children import Children
from medq_node.config import Config
from medq_node.delivery.outbox import Outbox
from medq_node.durable import Busy, durable_execution
from medq_node.lock import only_one
from medq_node.notify.bell import Bell
from medq_node.orders import wanted_by_default
from medq_node.pipeline import Pipeline
from medq_node.places import Place, places
from medq_node.retention import Retention
from medq_node.store.database import Sessions, open_database
from medq_node.study_notes import StudyNotes
from medq_node.workshop.tasks import warm_up

_EXECUTOR = "embedded"
_DRAIN_S = 20.0
_POLL_S = 0.3
_CLEAN_EVERY_POLLS = 200
_BROKEN_EVERY_POLLS = 10
_OLD_WORKER_GONE_S = 30.0
_DELIVERIES_AT_ONCE = 4
_NOTICES_AT_ONCE = 2
_CONVERTING_AT_ONCE = 2
_CONVERSION_TIMEOUT_S = 3600.0
"""Several GiB in JPEG 2000 take half an hour on a slow core."""
_CONVERSIONS_PER_CHILD = 5000
"""A conversion takes 20 ms, a new child a second."""

log = structlog.get_logger("worker")


def serve(config: Config, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Run workflows until ``stop`` is set, then let those in flight end."""
    with only_one(config.node.data / "worker.lock", _OLD_WORKER_GONE_S):
        sessions = open_database(config.database_url)
        with working(config, sessions) as work:
            retention = Retention(config, sessions)
            ready()
            polls = 0
            while not stop.wait(_POLL_S):
                work.start_waiting()
                if polls % _CLEAN_EVERY_POLLS == 0:
                    retention.clean()
                    retention.clean_passed_on()
                polls += 1


class Work(NamedTuple):
    """What keeps a launched worker going."""

    start_waiting: Callable[[], None]
    """Start the work that waits; to be called now and then."""
    abandon: Callable[[], None]
    """End the children at once, whatever they are at, and start no other."""


@contextmanager
def working(config: Config, sessions: Sessions) -> Iterator[Work]:
    """Pipeline, delivery and notices on a launched engine.

    At the end, steps in flight get a while to finish; what is left then is done again at the next
    start.
    """
    chosen = config.engine
    children = Children(
        places(config.pipeline.workers, chosen.threads, chosen.devices),
        config.pipeline.step_timeout_s,
        log_level=config.log.level,
        warm_up=partial(warm_up, wanted_by_default(config)),
    )
    # Codecs read what came from anywhere: what kills one must not kill the work of others.
    converting = Children(
        [Place()] * _CONVERTING_AT_ONCE,
        _CONVERSION_TIMEOUT_S,
        log_level=config.log.level,
        tasks=_CONVERSIONS_PER_CHILD,
    )
    busy = Busy()
    pipeline = Pipeline(config, sessions, children, busy)
    notes = StudyNotes(config, sessions, children, busy)
    outbox = Outbox(config, sessions, busy, converting.run)
    bell = Bell(config, sessions, busy)
    with durable_execution(config.workflow_database_url, _EXECUTOR):
        pipeline.register_queue()
        notes.register_queue()
        outbox.register_queues(_DELIVERIES_AT_ONCE)
        bell.register_queues(_NOTICES_AT_ONCE)

        polls = itertools.count()

        def start_waiting() -> None:
            pipeline.start_waiting()
            outbox.start_waiting()
            bell.start_waiting()
            if next(polls) % _BROKEN_EVERY_POLLS == 0:
                notes.start_waiting()
                notes.hold_broken()
                pipeline.hold_broken()
                outbox.bury_broken()
                bell.bury_broken()

        def kill() -> None:
            children.kill()
            converting.kill()

        try:
            yield Work(start_waiting, kill)
        finally:
            if not busy.wait_idle(_DRAIN_S):
                log.warning("not drained", after_s=_DRAIN_S)
    kill()
