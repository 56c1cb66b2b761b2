"""What each of endlessly many pairs is made of, spread evenly; pair i depends on seed and i only.

Pairs come in turns. A turn holds one pair of every task, and the tasks of a modality share its
source, so that a phantom is drawn once for all of them. Sources come in rounds over slots: every
kind of phantom and every group of real slices, as many phantoms as real ones where both are there.
Within a slot severities, variants and sides take turns as in a Latin square: any ``severities x
variants`` visits of a task to a slot hold each combination once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from engines.description import Modality, Severity
from engines.medq_uni.draws import Group, group_of
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, phantom_source
from engines.medq_uni.tasks.task import Task, Variant
from engines.phantoms.anatomy import Kind

SIDES: dict[Modality, tuple[int, ...]] = {
    Modality.CT: (256, 320, 384, 448, 512),
    Modality.MR: (192, 256, 320, 384),
    Modality.PT: (96, 128, 160, 192, 256),
}
"""Sides of phantoms in pixels; the field of view is the phantom's, so pixels are finer in larger
images."""
SPARES = 5
"""So many other sources of a slot are tried where one has no place for what is done."""

PhantomSeed = Callable[[int, int, int], int]
"""Seed of the plan, turn and attempt (0 for the first choice) -> seed of a phantom."""


def training_phantom(seed: int, turn: int, attempt: int) -> int:
    """A phantom below ``FIRST_PHANTOM``, by chance: two of 50,000 may be the same."""
    return int(np.random.default_rng([seed, 1, turn, attempt]).integers(FIRST_PHANTOM))


@dataclass(frozen=True, slots=True)
class Material:
    """What pairs are made of: kinds of phantoms, real slices, or both.

    ``phantom_seed`` says which phantoms; ``sides`` how large they are.
    """

    kinds: tuple[Kind, ...]
    real: tuple[Source, ...] = ()
    phantom_seed: PhantomSeed = training_phantom
    sides: Mapping[Modality, tuple[int, ...]] = field(default_factory=SIDES.copy)


@dataclass(frozen=True, slots=True)
class Item:
    """What a pair is made of, before anything is made.

    ``slot`` is a kind of phantom, ``side`` pixels square, or a group of real slices, where ``side``
    is 0. ``visit`` counts how often the slot was taken before; ``seed`` is the pair's own.
    """

    number: int
    turn: int
    task: Task[Any]
    severity: Severity
    variant: Variant | None
    slot: Kind | Group
    visit: int
    side: int
    seed: int


class Plan:
    """The plan of all pairs of ``tasks`` from ``material`` with ``seed``.

    Raises:
        ValueError: no task, a negative seed, or nothing in ``material`` of a task's modality.
    """

    def __init__(self, material: Material, tasks: Sequence[Task[Any]], seed: int) -> None:
        if not tasks:
            raise ValueError("tasks must hold at least one")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, not {seed}")
        self.material, self.tasks, self.seed = material, tuple(tasks), seed
        self._kinds: dict[Modality, tuple[Kind, ...]] = {}
        self._groups: dict[Modality, tuple[Group, ...]] = {}
        self._patients: dict[tuple[Modality, Group], tuple[tuple[Source, ...], ...]] = {}
        for modality in dict.fromkeys(task.modality for task in self.tasks):
            self._kinds[modality] = tuple(k for k in material.kinds if k.modality is modality)
            real = [source for source in material.real if source.modality is modality]
            self._groups[modality] = tuple(sorted({group_of(source) for source in real}))
            if not self._kinds[modality] and not real:
                raise ValueError(f"material must hold {modality} phantoms or images for the tasks")
            for group in self._groups[modality]:
                self._patients[modality, group] = _by_patient(
                    [source for source in real if group_of(source) == group]
                )

    def item(self, number: int) -> Item:
        """What pair ``number`` (0 or more) is made of."""
        if number < 0:
            raise ValueError(f"number must be 0 or more, not {number}")
        turn, place = divmod(number, len(self.tasks))
        which = int(self._order(len(self.tasks), 2, turn)[place])
        task = self.tasks[which]
        slot, index, visit = self._slot(task.modality, turn)
        ranks, variants = len(task.severities), len(task.variants)
        # Severities shift from slot to slot and from task to task, variants with every severity.
        severity = task.severities[(visit + index + which) % ranks]
        variant = task.variants[(visit // ranks + visit % ranks + index) % variants]
        side = 0
        if isinstance(slot, Kind):
            sides = self.material.sides[task.modality]
            block, k = divmod(visit, len(sides))
            side = sides[int(self._order(len(sides), 3, _key(task.modality), index, block)[k])]
        seed = int(np.random.default_rng([self.seed, 4, number]).integers(2**32))
        return Item(number, turn, task, severity, variant, slot, visit, side, seed)

    def sources(self, item: Item) -> Iterator[Source]:
        """The source of ``item``, then what is tried where it has no place for what is done.

        Others of the slot, and where those of a real group have none, phantoms.
        """
        modality = item.task.modality
        if isinstance(item.slot, Kind):
            yield from self._phantoms(item.slot, item, item.side)
            return
        first = self._dealt(modality, item.slot, item.visit)
        yield first
        everyone = [s for slices in self._patients[modality, item.slot] for s in slices]
        others = [source for source in everyone if source.name != first.name]
        order = np.random.default_rng([item.seed, 3]).permutation(len(others))
        yield from (others[k] for k in order[:SPARES])
        kinds = self._kinds[modality]
        if kinds:
            alike = [kind for kind in kinds if kind.region == item.slot[0]] or kinds
            sides = self.material.sides[modality]
            kind = alike[item.visit % len(alike)]
            yield from self._phantoms(kind, item, sides[item.visit % len(sides)])

    def _phantoms(self, kind: Kind, item: Item, side: int) -> Iterator[Source]:
        for attempt in range(1 + SPARES):
            seed = self.material.phantom_seed(self.seed, item.turn, attempt)
            yield _phantom(kind, seed, side)

    def _slot(self, modality: Modality, turn: int) -> tuple[Kind | Group, int, int]:
        """The slot of ``turn``, its number among the modality's, and how often it was taken."""
        kinds, groups = self._kinds[modality], self._groups[modality]
        widest = max(len(kinds), len(groups))
        both = bool(kinds) and bool(groups)
        width = 2 * widest if both else widest
        cycle, k = divmod(turn, width)
        place = int(self._order(width, 5, _key(modality), cycle)[k])
        half, real = divmod(place, 2) if both else (place, int(not kinds))
        # The shorter list is gone through more often, so that its slots stay even among themselves.
        if real:
            visit, index = divmod(cycle * widest + half, len(groups))
            return groups[index], len(kinds) + index, visit
        visit, index = divmod(cycle * widest + half, len(kinds))
        return kinds[index], index, visit

    def _dealt(self, modality: Modality, group: Group, visit: int) -> Source:
        """Every patient of a group once in an order of chance, then again in another."""
        patients = self._patients[modality, group]
        of_group = (_key(modality), _key("/".join(group)))
        deal, k = divmod(visit, len(patients))
        which = int(self._order(len(patients), 6, *of_group, deal)[k])
        slices = patients[which]
        block, m = divmod(deal, len(slices))
        return slices[int(self._order(len(slices), 7, *of_group, which, block)[m])]

    def _order(self, length: int, *keys: int) -> Sequence[int]:
        order: list[int] = np.random.default_rng([self.seed, *keys]).permutation(length).tolist()
        return order


@lru_cache(maxsize=8)
def _phantom(kind: Kind, seed: int, side: int) -> Source:
    """A phantom that the tasks of a turn share, so that none may write into it."""
    source = phantom_source(kind, seed, side)
    source.values.setflags(write=False)
    return source


def _by_patient(sources: Sequence[Source]) -> tuple[tuple[Source, ...], ...]:
    """Slices by name of each patient, patients by the name of their first."""
    found: dict[str, list[Source]] = {}
    for source in sorted(sources, key=lambda source: source.name):
        found.setdefault(source.patient, []).append(source)
    return tuple(tuple(slices) for slices in found.values())


def _key(word: str) -> int:
    return zlib.crc32(word.encode())
