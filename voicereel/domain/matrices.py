"""The little linear algebra that small regressions need. The service loads no numbers."""

from collections.abc import Sequence

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]


def dot(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(ours, theirs, strict=True))


def times(matrix: Matrix, vector: Sequence[float]) -> Vector:
    return tuple(dot(row, vector) for row in matrix)


def inverse(matrix: Matrix) -> Matrix:
    """Of a symmetric positive definite matrix: Gauss and Jordan, which needs no pivoting there."""
    size = len(matrix)
    rows = [[*row, *(float(at == index) for at in range(size))] for index, row in enumerate(matrix)]
    for step in range(size):
        head = [value / rows[step][step] for value in rows[step]]
        rows = [
            head if at == step else [value - row[step] * lead for value, lead in zip(row, head, strict=True)]
            for at, row in enumerate(rows)
        ]
    return tuple(tuple(row[size:]) for row in rows)
