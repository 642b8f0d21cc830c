"""What `render` and `synthesize` share of checking lines: whether, and how much may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click


@dataclass(frozen=True)
class Checks:
    """What the command line says of checks; it goes before what the script says."""

    verify: bool
    max_wer: float | None

    def into(self, body: dict[str, Any]) -> dict[str, Any]:
        """The script with them."""
        given: dict[str, Any] = {"verify": True} if self.verify else {}
        if self.max_wer is not None:
            given["max_wer"] = self.max_wer
        own = body.get("qa") or {}
        return {**body, "qa": {**own, **given}} if given and isinstance(own, dict) else body

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments that say the same again."""
        limit = () if self.max_wer is None else ("--max-wer", f"{self.max_wer:g}")
        return (*(["--verify"] if self.verify else []), *limit)


_OPTIONS = (
    click.option("--verify", is_flag=True, help="Compare each line with its text."),
    click.option(
        "--max-wer",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="How many of a line's words may be wrong, such as 0.1.",
    ),
)


def checks(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options on checks, as ``checks``."""

    @wraps(command)
    def with_checks(
        *args: Any,  # noqa: ANN401 - as click passes them
        verify: bool,
        max_wer: float | None,
        **given: Any,  # noqa: ANN401
    ) -> None:
        command(*args, checks=Checks(verify, max_wer), **given)

    for option in reversed(_OPTIONS):
        with_checks = option(with_checks)
    return with_checks
