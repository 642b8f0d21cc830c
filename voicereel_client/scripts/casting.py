"""Who speaks a role, said beside a file that has no place for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voicereel_client.scripts.drafts import Draft, escaped, pointed
from voicereel_client.scripts.problems import WHOLE_FILE


def apply(cast: Mapping[str, Any], draft: Draft) -> None:
    """Voices by role; they come before those of the file. Case does not count where no role has the same."""
    own = draft.script.setdefault("cast", {}) if cast else None
    if not isinstance(own, dict):
        return
    spoken = {line.get("speaker") for line in _lines(draft) if isinstance(line, dict)}
    roles = [role for role in (*spoken, *own) if isinstance(role, str)]
    for name, voice in cast.items():
        same = [role for role in dict.fromkeys(roles) if role.casefold() == name.casefold()]
        found = name if name in roles or len(same) != 1 else same[0]
        if found not in roles:
            draft.warn("unused_role", f"The cast gives {name!r} a voice; the script has no such role.")
        _forget(draft, found)
        own[found] = voice


def _lines(draft: Draft) -> list[Any]:
    lines = draft.script.get("lines")
    return lines if isinstance(lines, list) else []


def _forget(draft: Draft, role: str) -> None:
    """What is wrong with a voice given beside the file stands nowhere in the file."""
    pointer = pointed("cast", role)
    for known in [each for each in draft.places if f"{each}/".startswith(f"{pointer}/")]:
        del draft.places[known]
    draft.places[f"/cast/{escaped(role)}"] = WHOLE_FILE
