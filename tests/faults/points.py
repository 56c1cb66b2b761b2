"""Where a node under test is to be killed; ``sitecustomize`` beside this file does it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Point:
    """A moment in the life of a node: before or after the ``nth`` call of a function.

    ``module`` is where the function's name is looked up when it is called. A call counts where
    ``containing`` occurs in its arguments. ``victim``: the process that gets there, the supervisor
    alone, or the supervisor and all of its processes at once.
    """

    name: str
    module: str
    function: str
    moment: Literal["before", "after"] = "before"
    nth: int = 1
    containing: str = ""
    victim: Literal["process", "supervisor", "node"] = "process"


@dataclass(frozen=True, slots=True)
class Faults:
    """The points of one node; ``folder`` is how test and node speak: NAME.armed, NAME.fired."""

    folder: Path

    def prepare(self, points: Sequence[Point]) -> dict[str, str]:
        """Make ``points`` known; environment for the node. None is armed yet."""
        self.folder.mkdir(parents=True)
        assert len({point.name for point in points}) == len(points)
        (self.folder / "points.json").write_text(json.dumps([asdict(point) for point in points]))
        here = str(Path(__file__).parent)
        path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        return {"MEDQ_FAULTS": str(self.folder), "PYTHONPATH": path}

    def arm(self, point: Point) -> None:
        """The next process that gets there dies."""
        (self.folder / f"{point.name}.armed").touch()

    def arm_next(self, points: Sequence[Point]) -> bool:
        """Arm the first of ``points`` that hasn't fired; False when all of them have."""
        for point in points:
            if not self.fired(point):
                self.arm(point)
                return True
        return False

    def fired(self, point: Point) -> bool:
        """Whether a process got to ``point`` and was killed there."""
        return (self.folder / f"{point.name}.fired").exists()
