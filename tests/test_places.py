"""Each worker has cores and a GPU of its own, as far as there are enough."""

from __future__ import annotations

import os

import pytest

from medq_node.places import VISIBLE, Place, places


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.usefixtures("eight_cores")
def test_one_worker_alone_has_all_and_is_not_pinned() -> None:
    assert places(1, None, ()) == (Place(),)


@pytest.mark.usefixtures("eight_cores")
def test_workers_share_the_cores_evenly() -> None:
    first, second, third = places(3, None, ())
    assert (first.cores, second.cores, third.cores) == ({0, 1}, {2, 3}, {4, 5})


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(("workers", "threads"), [(1, 3), (2, 6), (16, None), (2, 64)])
def test_what_is_asked_for_is_given_even_if_places_overlap(
    workers: int, threads: int | None
) -> None:
    found = places(workers, threads, ())
    assert len(found) == workers
    for place in found:
        assert place.cores is not None
        assert len(place.cores) == min(threads or 1, 8)
        assert place.cores <= set(range(8))


@pytest.mark.usefixtures("eight_cores")
def test_gpus_go_round() -> None:
    assert [place.gpu for place in places(3, None, (0, 2))] == [0, 2, 0]


def test_a_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "7")
    before = os.sched_getaffinity(0)
    one = min(before)
    try:
        Place(frozenset({one}), 1).take()
        assert os.sched_getaffinity(0) == {one}
        assert os.environ[VISIBLE] == "1"
    finally:
        os.sched_setaffinity(0, before)
