"""Makes a process fail at a named point when a test asks for it.

Every Python that finds this file first reads `VOICEREEL_FAULT_PLAN`, a folder with `points.json`:

    {"name": "...", "module": "a.b", "target": "Class.method",
     "when": "before" | "after", "do": "exit" | "full"}

Nothing happens there until somebody writes `armed/NAME`, and then as often, in all processes together, as
it says: {"most": 3, "stage": "mix", "jobs": ["job_..."]}, the last two narrowing down in which calls.
Each time leaves a file `hits/NAME.NUMBER` behind. What is under test knows nothing of all this.
"""

import errno
import functools
import importlib.abc
import importlib.machinery
import json
import os
import sys
from pathlib import Path


class _Patcher(importlib.abc.MetaPathFinder):
    """Wraps the functions at the points as soon as their modules have been imported."""

    def __init__(self, folder):
        self._folder = folder
        self._points = json.loads((folder / "points.json").read_text())

    def find_spec(self, name, path=None, target=None):
        points = [point for point in self._points if point["module"] == name]
        if not points:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            for point in points:
                _wrap(module, point, self._folder)

        spec.loader.exec_module = exec_module
        return spec


def _wrap(module, point, folder):
    *path, last = point["target"].split(".")
    owner = functools.reduce(getattr, path, module)
    real = getattr(owner, last)
    armed = folder / "armed" / point["name"]

    @functools.wraps(real)
    def wrapped(*args, **kwargs):
        if point["when"] == "before" and armed.exists():
            _consider(point, folder, (*args, *kwargs.values()))
        found = real(*args, **kwargs)
        if point["when"] == "after" and armed.exists():
            _consider(point, folder, (found, *args, *kwargs.values()))
        return found

    setattr(owner, last, wrapped)


def _consider(point, folder, values):
    orders = json.loads((folder / "armed" / point["name"]).read_text())
    claims = [value for value in values if hasattr(value, "fence")]
    texts = [*(claim.job_id for claim in claims), *(value for value in values if isinstance(value, str))]
    if point.get("claims") and not claims:
        return
    if orders["stage"] and orders["stage"] not in [claim.stage for claim in claims]:
        return
    if orders["jobs"] and not any(job_id in text for job_id in orders["jobs"] for text in texts):
        return
    if not orders["jobs"] and _is_worn(claims, texts):
        return
    if _take_turn(folder / "hits", point["name"], orders["most"]):
        _strike(point["do"])


def _is_worn(claims, texts):
    """Whether a run has been hit twice: that a job which always kills its worker ends is another test."""
    keys = [text.split("/") for text in texts if text.count("/") >= 4]
    return any(claim.attempt > 2 for claim in claims) or any(int(key[3]) > 2 for key in keys)


def _take_turn(hits, name, most):
    """One of so many turns, by whichever process; False when all are used up."""
    for number in range(most):
        try:
            os.close(os.open(hits / f"{name}.{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return True
    return False


def _strike(what):
    if what == "exit":
        os._exit(86)
    raise OSError(errno.ENOSPC, "by order of a test")


if plan := os.environ.get("VOICEREEL_FAULT_PLAN"):
    sys.meta_path.insert(0, _Patcher(Path(plan)))
