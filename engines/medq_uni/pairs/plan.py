"""What each of endlessly many pairs is made of, spread evenly; pair i depends on seed and i only.

Pairs come in turns. A turn holds one pair of every task, and the tasks of a modality share its
source, so that a phantom is drawn once for all of them. Sources come in rounds over slots: every
kind of phantom and every group of real slices, as many phantoms as real ones where both are there.
Within a slot every task has decks of its own of severities and variants: any ``severities x
variants`` visits hold each combination once, and what one task gets tells nothing of another's.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from engines.description import Modality, Severity
from engines.medq_uni.draws import Group, group_of
from engines.medq_uni.pair import Source
from engines.medq_uni.pairs.instructions import asked_of
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, phantom_source
from engines.medq_uni.tasks.task import Task, Variant
from engines.phantoms.anatomy import Kind

SIDES: dict[Modality, tuple[int, ...]] = {
    Modality.CT: (256, 320, 384, 448, 512),
    Modality.MR: (192, 256, 320, 384),
    Modality.PT: (128, 160, 192, 256),
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

    ``phantom_seed`` says which phantoms; ``sides`` how large they are. ``once``: no real slice
    comes twice with the same task, severity and variant; where all have come, phantoms do.
    """

    kinds: tuple[Kind, ...]
    real: tuple[Source, ...] = ()
    phantom_seed: PhantomSeed = training_phantom
    sides: Mapping[Modality, tuple[int, ...]] = field(default_factory=SIDES.copy)
    once: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What a pair is made of, before anything is made.

    ``slot`` is a kind of phantom, ``side`` pixels square, or a group of real slices, where ``side``
    is 0. ``visit`` counts how often the slot was taken before, or the group that a phantom stands
    in for; ``asked`` is what its human asks; ``seed`` is the pair's own.
    """

    number: int
    turn: int
    task: Task[Any]
    severity: Severity
    variant: Variant | None
    slot: Kind | Group
    visit: int
    side: int
    asked: str
    seed: int


_Use = tuple[int, int, tuple[Severity, Variant | None]]
"""Place of a patient in their group, place of a slice among theirs, and what was done to it."""


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
        self._used: dict[tuple[str, Group], list[_Use]] = {}
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
        """What pair ``number`` (0 or more) is made of.

        Raises:
            ValueError: number negative, or every slice came once and there are no phantoms.
        """
        if number < 0:
            raise ValueError(f"number must be 0 or more, not {number}")
        turn, place = divmod(number, len(self.tasks))
        which = self._order(len(self.tasks), 2, turn)[place]
        task = self.tasks[which]
        slot, index, visit = self._slot(task.modality, turn)
        severity, variant = self._combination(task, index, visit)
        side = 0
        if not isinstance(slot, Kind) and self._is_through(task, slot, visit):
            kinds = self._kinds[task.modality]
            if not kinds:
                raise ValueError(f"pair {number} ({task.name}): every real slice has come")
            slot = kinds[(visit + index) % len(kinds)]
        if isinstance(slot, Kind):
            sides = self.material.sides[task.modality]
            block, k = divmod(visit, len(sides))
            side = sides[self._order(len(sides), 3, _key(task.modality), index, block)[k]]
        asked = asked_of(task.name, turn, self.seed)
        seed = int(np.random.default_rng([self.seed, 4, number]).integers(2**32))
        return Item(number, turn, task, severity, variant, slot, visit, side, asked, seed)

    def sources(self, item: Item) -> Iterator[Source]:
        """The source of ``item``, then what is tried where it has no place for what is done.

        Others of the slot, but no real ones where each comes once, and in the end phantoms.
        """
        modality = item.task.modality
        if isinstance(item.slot, Kind):
            yield from self._phantoms(item.slot, item, item.side)
            return
        if self.material.once:
            yield self._unused(item.task, item.slot, item.visit)
        else:
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
        place = self._order(width, 5, _key(modality), cycle)[k]
        half, real = divmod(place, 2) if both else (place, int(not kinds))
        # The shorter list is gone through more often, so that its slots stay even among themselves.
        if real:
            visit, index = divmod(cycle * widest + half, len(groups))
            return groups[index], len(kinds) + index, visit
        visit, index = divmod(cycle * widest + half, len(kinds))
        return kinds[index], index, visit

    def _combination(
        self, task: Task[Any], index: int, visit: int
    ) -> tuple[Severity, Variant | None]:
        """What ``task`` does on this visit to its modality's slot ``index``.

        So many visits as there are severities hold each once, in an order of chance; neighbours
        among the slots begin it at different places, so that little is uneven where visits end
        midway. With each severity the variants go round from another start.
        """
        ranks, variants = len(task.severities), len(task.variants)
        of_task = _key(task.name)
        block, k = divmod(visit, ranks)
        deal, row = divmod(block, variants)
        team, member = divmod(index, ranks)
        rank = self._order(ranks, 10, of_task, team, block)[(k + member) % ranks]
        starts = self._order(variants, 11, of_task, index, deal)
        names = self._order(variants, 12, of_task, index, deal)
        variant = task.variants[int(names[(row + starts[rank % variants]) % variants])]
        return task.severities[rank], variant

    def _is_through(self, task: Task[Any], group: Group, visit: int) -> bool:
        """Whether every slice of the group has come with all that ``task`` does."""
        if not self.material.once:
            return False
        slices = sum(len(some) for some in self._patients[task.modality, group])
        return visit >= slices * len(task.severities) * len(task.variants)

    def _unused(self, task: Task[Any], group: Group, visit: int) -> Source:
        """A slice that didn't come with this severity and variant before.

        Of those the patient's who came least often, then the one that came least often itself. As
        decks hold every combination equally often, there is one until all is through.
        """
        patients = self._patients[task.modality, group]
        dealt = self._used.setdefault((task.name, group), [])
        index = len(self._kinds[task.modality]) + self._groups[task.modality].index(group)
        of_group = (_key(task.modality), _key("/".join(group)))
        shuffled = self._order(len(patients), 6, *of_group, 0)
        slices = [self._order(len(patients[k]), 7, *of_group, k, 0) for k in shuffled]
        while len(dealt) <= visit:
            now = self._combination(task, index, len(dealt))
            taken = {one[:2] for one in dealt if one[2] == now}
            times = Counter(one[:2] for one in dealt)
            of_patient = Counter(which for which, *_ in dealt)
            _, _, place, k = min(
                (of_patient[which], times[which, m], place, k)
                for place, which in enumerate(shuffled)
                for k, m in enumerate(slices[place])
                if (which, m) not in taken
            )
            dealt.append((shuffled[place], slices[place][k], now))
        which, m, _ = dealt[visit]
        return patients[which][m]

    def _dealt(self, modality: Modality, group: Group, visit: int) -> Source:
        """Every patient of a group once in an order of chance, then again in another."""
        patients = self._patients[modality, group]
        of_group = (_key(modality), _key("/".join(group)))
        deal, k = divmod(visit, len(patients))
        which = self._order(len(patients), 6, *of_group, deal)[k]
        slices = patients[which]
        block, m = divmod(deal, len(slices))
        return slices[self._order(len(slices), 7, *of_group, which, block)[m]]

    def _order(self, length: int, *keys: int) -> Sequence[int]:
        return _shuffled(length, self.seed, *keys)


@lru_cache(maxsize=512)
def _shuffled(length: int, *keys: int) -> tuple[int, ...]:
    """Numbers below ``length`` in an order of chance; neighbouring pairs ask for the same."""
    order: list[int] = np.random.default_rng(keys).permutation(length).tolist()
    return tuple(order)


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
