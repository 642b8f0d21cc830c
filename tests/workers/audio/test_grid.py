"""Where chunks begin and end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicereel.domain.reel import samples
from workers.audio.grid import Grid, restarts, row_starts

CHUNK, RATE = 16, 11_025
STARTS = st.lists(st.integers(0, 900), max_size=12).map(sorted)
# what rounding a start to a millisecond may be off by, and back to a sample
ROUNDING = 8


def grid_of(total: int, starts: list[int]) -> Grid:
    return Grid.restarting(total, rate=RATE, starts=restarts(starts, rate=RATE))


@given(st.integers(0, 1_000), STARTS)
def test_every_sample_is_in_a_chunk_and_no_chunk_is_short(total, starts):
    grid = grid_of(total, starts)
    assert grid.edges[0] == 0
    assert total <= grid.edges[-1] < total + CHUNK
    assert ((grid.lengths >= CHUNK) & (grid.lengths < 2 * CHUNK + ROUNDING)).all()
    assert Grid.of(grid.lengths, chunk=CHUNK).edges.tolist() == grid.edges.tolist()


@given(STARTS)
def test_a_start_begins_a_chunk_where_there_is_room_for_one_before_it(starts):
    edges = grid_of(1_000, starts).edges
    kept = restarts(starts, rate=RATE)
    assert set(kept) <= set(edges.tolist())
    assert all(any(0 <= start - first < CHUNK for first in (0, *kept)) for start in starts)


@given(st.integers(0, 1_000), STARTS)
def test_rows_are_chunks_of_which_long_ones_are_several(total, starts):
    rows = row_starts(total, rate=RATE, starts=restarts(starts, rate=RATE))
    grid = grid_of(total, starts)
    assert set(grid.edges[:-1].tolist()) <= set(rows.tolist())
    assert len(rows) == sum(-(-length // CHUNK) for length in grid.lengths.tolist())
    assert (np.diff(rows) <= CHUNK).all()


@given(st.integers(2, 5_000), st.integers(2, 5_000), st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000]))
def test_two_starts_have_as_many_chunks_between_them_wherever_they_are(apart_ms, from_ms, rate):
    assert chunks_between(0, apart_ms, rate) == chunks_between(from_ms, from_ms + apart_ms, rate)


def chunks_between(first_ms: int, second_ms: int, rate: int) -> int:
    starts = samples(first_ms, rate), samples(second_ms, rate)
    grid = Grid.restarting(starts[1] + 1, rate=rate, starts=restarts(starts, rate=rate))
    first, second = np.searchsorted(grid.edges, starts)
    assert grid.edges[[first, second]].tolist() == list(starts)
    return second - first


def test_without_starts_all_chunks_are_alike():
    assert grid_of(50, []).edges.tolist() == [0, 16, 32, 48, 64]
    assert grid_of(0, []).edges.tolist() == [0]


def test_what_is_left_before_a_start_belongs_to_the_chunk_before_it():
    assert grid_of(60, [10, 25, 40]).edges.tolist() == [0, 25, 41, 57, 73]
    assert grid_of(60, [0, 39, 40]).edges.tolist() == [0, 16, 39, 55, 71]


def test_the_nearest_edge():
    grid = grid_of(60, [39])
    edges = grid.edges[grid.nearest(np.array([0.0, 7.9, 8.1, 27.0, 28.0, 71.0]))]
    assert edges.tolist() == [0, 0, 16, 16, 39, 71]
