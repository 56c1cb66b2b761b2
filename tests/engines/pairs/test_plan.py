"""The plan of pairs: even over everything at every length, and no chance but seed and number."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.description import Modality, Severity
from engines.medq_uni.pairs.benchmark import (
    BENCHMARK_PAIRS,
    BENCHMARK_SEED,
    MOST_TURNS,
    benchmark_phantom,
)
from engines.medq_uni.pairs.composition import BEGIN, END, benchmark_items, composition, written
from engines.medq_uni.pairs.endless import make
from engines.medq_uni.pairs.manifest import OURS, TASK_TYPES, entry_of
from engines.medq_uni.pairs.plan import SIDES, SPARES, Material, Plan, training_phantom
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, PHANTOMS
from engines.medq_uni.tasks.task import Task
from engines.phantoms.anatomy import Kind
from tests.engines.pairs.made import KINDS, TASKS, material, real


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def fake_task(name: str, severities: int, variants: int, modality=Modality.MR) -> Task:
    """No steps are ever taken: plans ask for names and numbers alone."""
    kinds = tuple(Named(f"{name} {k}") for k in range(variants)) or (None,)
    return Task(
        name, modality, tuple(Severity)[1 : 1 + severities], kinds, None, False, lambda *_: ()
    )


def spread(counts: Counter, everything) -> int:
    numbers = [counts[one] for one in everything]
    return max(numbers) - min(numbers)


plans = st.tuples(
    st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.integers(1, 4), st.integers(0, 3),
    st.integers(0, 2**40),
)  # fmt: skip


def plan_of(shape) -> Plan:
    tasks, severities, variants, kinds, groups, seed = shape
    some = tuple(fake_task(f"t{k}", severities, variants) for k in range(tasks))
    regions = ("head", "chest", "abdomen", "pelvis")
    phantoms = tuple(Kind(Modality.MR, region, "T2") for region in regions[:kinds])
    slices = tuple(
        real(f"{region} {k}", number, region, Modality.MR)
        for region in regions[:groups] for k in range(3) for number in range(1 + k)
    )  # fmt: skip
    return Plan(Material(phantoms, slices), some, seed)


@given(shape=plans)
@settings(max_examples=40, deadline=None)
def test_whole_rounds_hold_every_combination_of_a_task_equally_often(shape) -> None:
    plan = plan_of(shape)
    tasks, severities, variants, kinds, groups, _ = shape
    variants = max(variants, 1)
    width = 2 * max(kinds, groups) if groups else kinds
    # So many rounds that every slot is visited a multiple of severities x variants times.
    rounds = severities * variants * (min(kinds, groups) or 1)
    items = [plan.item(k) for k in range(rounds * width * tasks)]
    for task in plan.tasks:
        mine = [item for item in items if item.task is task]
        assert len(mine) == rounds * width
        by_slot = Counter(item.slot for item in mine)
        for phantom in (True, False):
            numbers = {n for slot, n in by_slot.items() if isinstance(slot, Kind) is phantom}
            assert len(numbers) <= 1
        for slot in by_slot:
            cells = Counter((i.severity, i.variant) for i in mine if i.slot == slot)
            assert len(cells) == severities * variants
            assert len(set(cells.values())) == 1


@given(shape=plans, turns=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_any_first_part_is_even_over_tasks_origins_and_slots(shape, turns) -> None:
    plan = plan_of(shape)
    items = [plan.item(k) for k in range(turns * len(plan.tasks))]
    assert set(Counter(item.task.name for item in items).values()) == {turns}
    mine = [item for item in items if item.task is plan.tasks[0]]
    kinds, groups = shape[3], shape[4]
    width = 2 * max(kinds, groups) if groups else kinds
    by_origin = Counter(isinstance(item.slot, Kind) for item in mine)
    if groups:
        assert abs(by_origin[True] - by_origin[False]) <= width // 2
    by_kind = Counter(item.slot for item in mine if isinstance(item.slot, Kind))
    assert spread(by_kind, plan.material.kinds) <= 2
    sides = Counter(item.side for item in mine if item.side)
    assert set(sides) <= set(SIDES[Modality.MR])


def test_sides_come_equally_often_for_every_kind() -> None:
    plan = Plan(Material(KINDS), TASKS, 3)
    items = [plan.item(k) for k in range(2 * len(KINDS) * 10)]
    found = Counter((item.slot, item.side) for item in items)
    assert set(found) == set(product(KINDS, SIDES[Modality.CT]))
    assert set(found.values()) == {4}


def test_no_patient_comes_twice_before_every_other_of_the_group_has_come() -> None:
    slices = tuple(real(f"person {k}", n) for k in range(4) for n in range(1, 3))
    plan = Plan(material(slices, kinds=()), TASKS, 5)
    firsts = [next(plan.sources(plan.item(2 * turn))) for turn in range(16)]
    for deal in range(4):
        assert len({s.patient for s in firsts[4 * deal : 4 * deal + 4]}) == 4
    assert set(Counter(s.name for s in firsts).values()) == {2}


def test_tasks_of_a_turn_share_one_source_and_differ_in_seed() -> None:
    plan = Plan(material((real("a"), real("b"))), TASKS, 5)
    for turn in range(8):
        items = [plan.item(2 * turn + k) for k in range(2)]
        first, second = (next(plan.sources(item)) for item in items)
        assert first is second
        assert items[0].seed != items[1].seed
        assert {item.task.name for item in items} == {task.name for task in TASKS}


def test_what_one_task_gets_tells_nothing_of_its_siblings() -> None:
    tasks = tuple(fake_task(f"t{k}", 3, variants) for k, variants in enumerate((4, 4, 0, 3)))
    kinds = tuple(Kind(Modality.MR, region, "T2") for region in ("head", "abdomen", "leg"))
    plan = Plan(Material(kinds), tasks, 11)
    turns = 3 * 12 * 12
    by_task = {task.name: [None] * turns for task in tasks}
    for item in (plan.item(k) for k in range(turns * len(tasks))):
        by_task[item.task.name][item.turn] = item
    for one, other in combinations(by_task.values(), 2):
        same = np.mean([a.severity is b.severity for a, b in zip(one, other, strict=True)])
        assert same == pytest.approx(1 / 3, abs=0.12)
    same = np.mean([
        a.variant.name[-1] == b.variant.name[-1]
        for a, b in zip(by_task["t0"], by_task["t1"], strict=True)
    ])  # fmt: skip
    assert same == pytest.approx(1 / 4, abs=0.12)


def test_the_question_tells_nothing_of_what_is_wrong() -> None:
    tasks = tuple(fake_task(f"t{k}", 3, 4) for k in range(2))
    plan = Plan(Material((Kind(Modality.MR, "head", "T2"),)), tasks, 4)
    items = [plan.item(k) for k in range(3600)]
    for task in tasks:
        found = Counter((i.asked, i.severity) for i in items if i.task is task)
        assert len(found) == 9
        for count in found.values():
            assert count == pytest.approx(200, abs=60)  # over 4 standard deviations
        asked = Counter(item.asked for item in items if item.task is task)
        assert set(asked.values()) == {600}
    assert [i.asked for i in items[:60]] != [Plan(plan.material, tasks, 5).item(k).asked
                                             for k in range(60)]  # fmt: skip


@given(of=st.lists(st.integers(1, 4), min_size=1, max_size=4), seed=st.integers(0, 2**30))
@settings(max_examples=10, deadline=None)
def test_a_real_slice_comes_once_with_what_is_done_to_it_and_then_phantoms_do(of, seed) -> None:
    slices = tuple(
        real(f"p{k}", n + 1, "head", Modality.MR) for k, count in enumerate(of)
        for n in range(count)
    )  # fmt: skip
    tasks = (fake_task("clean", 1, 0), fake_task("noise", 3, 0), fake_task("motion", 3, 2))
    kinds = (Kind(Modality.MR, "head", "T2"), Kind(Modality.MR, "leg", "PD"))
    plan = Plan(Material(kinds, slices, once=True), tasks, seed)
    turns = 4 * len(slices) * 6 + 12
    items = [plan.item(k) for k in range(turns * len(tasks))]
    cases = Counter()
    for item in items:
        if not isinstance(item.slot, Kind):
            name = next(plan.sources(item)).name
            cases[item.task.name, item.severity, item.variant, name] += 1
    assert set(cases.values()) == {1}
    # Each has come with everything before phantoms stand in.
    assert len(cases) == len(slices) * (1 + 3 + 6)
    stand_ins = Counter(i.slot for i in items if i.task is tasks[0] and isinstance(i.slot, Kind))
    assert set(stand_ins) == set(kinds)
    for task in tasks:
        counts = Counter(item.severity for item in items if item.task is task)
        assert spread(counts, task.severities) <= 3


def test_patients_come_equally_often_where_slices_come_once() -> None:
    slices = tuple(
        real(f"p{k}", n + 1, "head", Modality.MR) for k in range(3) for n in range(1 + 4 * k)
    )
    (task,) = (fake_task("noise", 3, 1),)
    plan = Plan(Material((), slices, once=True), (task,), 2)
    # No other of the group is tried, as it has its own turn.
    first = [one.patient for k in range(9) for one in plan.sources(plan.item(k))]
    assert len(first) == 9
    # One slice bears three severities; so p0 comes as often as the others, or waits for its own.
    assert spread(Counter(first), ("p0", "p1", "p2")) <= 2


def test_a_number_is_planned_alike_whatever_came_before_and_otherwise_by_another_seed() -> None:
    one, other = (Plan(material(), TASKS, 7) for _ in range(2))
    backwards = {k: other.item(k) for k in reversed(range(40))}
    assert all(one.item(k) == backwards[k] for k in range(40))
    third = Plan(material(), TASKS, 8)
    assert sum(one.item(k).seed == third.item(k).seed for k in range(40)) == 0
    assert [one.item(k).slot for k in range(40)] != [third.item(k).slot for k in range(40)]


@given(seed=st.integers(0, 2**62), turn=st.integers(0, 10**9), attempt=st.integers(0, SPARES))
@settings(max_examples=100)
def test_training_takes_phantoms_below_those_of_every_evaluation(seed, turn, attempt) -> None:
    assert 0 <= training_phantom(seed, turn, attempt) < FIRST_PHANTOM


def test_the_benchmark_takes_phantoms_that_no_training_takes_each_but_once() -> None:
    turns = range(MOST_TURNS)
    seeds = [benchmark_phantom(BENCHMARK_SEED, t, a) for t, a in product(turns, range(1 + SPARES))]
    assert len(set(seeds)) == len(seeds)
    first = FIRST_PHANTOM + BENCHMARK_SEED * PHANTOMS
    assert first <= min(seeds) <= max(seeds) < first + PHANTOMS


def test_the_benchmark_is_even_over_tasks_and_severities_and_repeats_no_phantom() -> None:
    items = benchmark_items()
    assert len(items) == BENCHMARK_PAIRS
    tasks = Counter(item.task.name for item in items)
    assert spread(tasks, tasks) <= 1
    for name, count in tasks.items():
        mine = [item for item in items if item.task.name == name]
        severities = Counter(item.severity for item in mine)
        assert spread(severities, mine[0].task.severities) <= 6
        assert len({item.turn for item in mine}) == count <= MOST_TURNS


def test_tables_stand_between_their_marks_and_count_every_pair() -> None:
    page = written(f"Before {BEGIN} old {END} after")
    assert page.startswith(f"Before {BEGIN}\n\nSeverities as planned:\n\n| task | pairs |")
    assert page.endswith(f"{END} after")
    assert written(page) == page
    rows = [line.split("|") for line in composition(benchmark_items()).split("\n\n")[1].split("\n")]
    assert sum(int(row[2]) for row in rows[2:]) == BENCHMARK_PAIRS
    with pytest.raises(ValueError, match="page must have"):
        written("no marks")


PAGE = Path(__file__).resolve().parents[3] / "docs" / "benchmark.md"


def test_the_page_has_the_tables_of_the_benchmark_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "python -m engines.medq_uni.pairs.composition docs/benchmark.md"


def test_the_page_tells_every_key_of_a_line() -> None:
    page = PAGE.read_text(encoding="utf-8")
    made = make(Plan(material(), TASKS, 0), 0)
    entry = entry_of(made, "a", "b")
    for key in (*entry, *entry[OURS], *set(TASK_TYPES.values())):
        assert f"`{key}`" in page, key


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Plan(material(), (), 0), "tasks must hold"),
        (lambda: Plan(material(), TASKS, -1), "seed must be 0 or more"),
        (lambda: Plan(material(kinds=()), TASKS, 0), "material must hold CT"),
        (lambda: Plan(material(), TASKS, 0).item(-1), "number must be 0 or more"),
        (
            lambda: Plan(material((real("p"),), (), once=True), TASKS[:1], 0).item(1),
            "every real slice has come",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(build, said) -> None:
    with pytest.raises(ValueError, match=said):
        build()


def test_a_plan_is_quick_at_any_number() -> None:
    plan = Plan(material(), TASKS, 0)
    assert plan.item(10**12).turn == 5 * 10**11
    assert isinstance(np.random.default_rng(plan.item(10**12).seed), np.random.Generator)
