"""The intake loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from medq_node.children import Children
from medq_node.config import Config
from medq_node.errors import EngineFailure
from medq_node.firewall import limited_callers
from medq_node.intake.completion import Completion
from medq_node.intake.grouping import Intake
from medq_node.intake.quiet import QuietTime
from medq_node.intake.same_content import same_content
from medq_node.layout import Layout
from medq_node.places import Place
from medq_node.store.database import open_database
from medq_node.store.tables import utc_now

_BATCH = 200
_COMPARE_S = 60.0

log = structlog.get_logger("intake")


@dataclass(frozen=True, slots=True)
class Comparing:
    """Compares objects in a killable child: a codec that crashes must not take intake along."""

    children: Children

    def same_content(self, one: Path, other: Path) -> bool:
        """Whether two files hold the same object; ``False`` where the comparison fails."""
        try:
            return self.children.run(same_content, one, other)
        except EngineFailure as failure:
            log.warning("not compared", problem=str(failure))
            return False


def serve(config: Config, stop: threading.Event, ready: Callable[[], None] | None = None) -> None:
    """Group and complete until ``stop`` is set."""
    sessions = open_database(config.database_url)
    layout = Layout(config.node.data)
    comparing = Comparing(Children([Place()], timeout_s=_COMPARE_S, log_level=config.log.level))
    intake = Intake(
        sessions, layout, config.originals_to, limited_callers(config), comparing.same_content
    )
    completion = Completion(
        sessions,
        layout,
        QuietTime(
            config.intake.quiet_minimum_s,
            config.intake.quiet_maximum_s,
            config.intake.quiet_factor,
        ),
        listening_since=utc_now(),
        forward_to=config.originals_to,
    )
    if ready:
        ready()
    while not stop.is_set():
        waiting = incoming_files(layout)
        if waiting:
            intake.group(waiting[:_BATCH])
        else:
            # Only with nothing left to group is silence really silence.
            completion.close_quiet(utc_now())
            stop.wait(config.intake.poll_s)


def incoming_files(layout: Layout) -> list[Path]:
    """Durable files that wait to be grouped, in order of arrival."""
    return sorted(p for p in layout.incoming.iterdir() if p.suffix == ".dcm")
