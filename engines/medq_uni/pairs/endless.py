"""Pairs without end, made on the fly, any part of them by anyone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engines.medq_uni.draws import first_that_fits
from engines.medq_uni.pair import Pair
from engines.medq_uni.pairs.plan import Item, Material, Plan
from engines.medq_uni.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Made:
    """A pair and what it was planned as; ``passed_over`` sources had no place for what was done."""

    item: Item
    pair: Pair
    passed_over: int = 0


def make(plan: Plan, number: int) -> Made:
    """Pair ``number`` (0 or more) of a plan; the same arguments give the same bits.

    Raises:
        ValueError: no source has a place for what is done, or one is refused; it says which pair.
    """
    item = plan.item(number)
    passed: list[str] = []
    try:
        found = first_that_fits(
            item.task, item.severity, item.variant, item.seed, plan.sources(item), passed.append
        )
    except ValueError as error:
        raise ValueError(f"pair {number} ({item.task.name}): {error}") from error
    if found is None:
        raise ValueError(f"pair {number} ({item.task.name}): no source can be used: {passed[-1]}")
    return Made(item, found[1], len(passed))


def endless(
    material: Material, tasks: Sequence[Task[Any]], seed: int, start: int = 0, step: int = 1
) -> Iterator[Made]:
    """Pairs number ``start``, ``start + step``, ... of the plan of ``material`` and ``tasks``.

    A training that was cut off goes on with ``start``. Of several workers one makes every
    ``step``-th, or each a stretch of its own, which is quicker: neighbours share a phantom. They
    share it so that a training has to shuffle what it puts into a batch.

    Raises:
        ValueError: as ``Plan`` and ``make``, or start negative, or step under 1.
    """
    if start < 0:
        raise ValueError(f"start must be 0 or more, not {start}")
    if step < 1:
        raise ValueError(f"step must be 1 or more, not {step}")
    plan = Plan(material, tasks, seed)
    number = start
    while True:
        yield make(plan, number)
        number += step
