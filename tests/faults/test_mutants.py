"""The suite can fail: a few faults put into the source are noticed. `make mutants` tries them all."""

import pytest

from tests.faults.mutants import MUTANTS, ROOT, Mutant, is_killed


@pytest.mark.parametrize("mutant", [each for each in MUTANTS if each.quick], ids=lambda each: each.name)
def test_a_mutant_is_killed(mutant: Mutant) -> None:
    assert is_killed(mutant)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_every_mutant_still_fits_the_source(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
