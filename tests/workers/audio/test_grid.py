"""Where chunks begin and end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.audio.grid import Grid, restarts, row_starts

CHUNK = 16
STARTS = st.lists(st.integers(0, 900), max_size=12).map(sorted)


def grid_of(total: int, starts: list[int]) -> Grid:
    return Grid.restarting(total, chunk=CHUNK, starts=restarts(starts, chunk=CHUNK))


@given(st.integers(0, 1_000), STARTS)
def test_every_sample_is_in_a_chunk_and_no_chunk_is_short(total, starts):
    grid = grid_of(total, starts)
    assert grid.edges[0] == 0
    assert total <= grid.edges[-1] < total + CHUNK
    assert ((grid.lengths >= CHUNK) & (grid.lengths < 2 * CHUNK)).all()
    assert Grid.of(grid.lengths, chunk=CHUNK).edges.tolist() == grid.edges.tolist()


@given(STARTS)
def test_a_start_begins_a_chunk_where_there_is_room_for_one_before_it(starts):
    edges = grid_of(1_000, starts).edges
    kept = restarts(starts, chunk=CHUNK)
    assert set(kept) <= set(edges.tolist())
    assert all(any(0 <= start - first < CHUNK for first in (0, *kept)) for start in starts)


@given(st.integers(0, 1_000), STARTS)
def test_rows_are_chunks_of_which_long_ones_are_two(total, starts):
    rows = row_starts(total, chunk=CHUNK, starts=restarts(starts, chunk=CHUNK))
    grid = grid_of(total, starts)
    assert set(grid.edges[:-1].tolist()) <= set(rows.tolist())
    assert len(rows) == len(grid.lengths) + (grid.lengths > CHUNK).sum()
    assert (np.diff(rows) <= CHUNK).all()


def test_without_starts_all_chunks_are_alike():
    assert grid_of(50, []).edges.tolist() == [0, 16, 32, 48, 64]
    assert grid_of(0, []).edges.tolist() == [0]


def test_what_is_left_before_a_start_belongs_to_the_chunk_before_it():
    assert grid_of(60, [10, 25, 40]).edges.tolist() == [0, 25, 41, 57, 73]
    assert grid_of(60, [0, 37, 38]).edges.tolist() == [0, 16, 37, 53, 69]


def test_the_nearest_edge():
    grid = grid_of(60, [37])
    assert grid.edges[grid.nearest(np.array([0.0, 7.9, 8.1, 26.0, 27.0, 69.0]))].tolist() == [
        0, 0, 16, 16, 37, 69,
    ]  # fmt: skip
