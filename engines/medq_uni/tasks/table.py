"""All tasks, one row each; new ones are new rows in their modality's module."""

from __future__ import annotations

from typing import Any

from engines.medq_uni.tasks import ct, mr, pet
from engines.medq_uni.tasks.task import Task

TASKS: dict[str, Task[Any]] = {task.name: task for task in (*ct.TASKS, *mr.TASKS, *pet.TASKS)}
"""Name -> task, in the order of reports."""
