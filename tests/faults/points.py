"""Where a process can be made to fail, and the orders to do so; see `hooks/sitecustomize.py`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_WORK, _FOLDER = "voicereel.services.work", "voicereel.adapters.storage.folder"

POINTS = (
    {
        "name": "after-claim", "module": _WORK, "target": "WorkService.claim",
        "when": "after", "do": "exit", "claims": True,
    },
    {
        "name": "mid-upload", "module": _FOLDER, "target": "FolderStore._publish",
        "when": "before", "do": "exit",
    },
    {
        "name": "after-upload", "module": _FOLDER, "target": "FolderStore.put_file",
        "when": "after", "do": "exit",
    },
    {
        "name": "before-finish", "module": _WORK, "target": "WorkService.complete",
        "when": "before", "do": "exit",
    },
    {
        "name": "in-finish", "module": "voicereel.adapters.database.work", "target": "Work.finish",
        "when": "after", "do": "exit",
    },
    {
        "name": "after-finish", "module": _WORK, "target": "WorkService.complete",
        "when": "after", "do": "exit",
    },
    {
        "name": "before-ack", "module": "dramatiq.brokers.rabbitmq", "target": "_RabbitmqConsumer.ack",
        "when": "before", "do": "exit",
    },
    {"name": "disk-full", "module": _FOLDER, "target": "_measure", "when": "before", "do": "full"},
)  # fmt: skip

EXITS = tuple(str(point["name"]) for point in POINTS if point["do"] == "exit")


@dataclass(frozen=True)
class Points:
    """The orders of one cluster, in a folder that its processes read."""

    folder: Path

    def prepare(self) -> None:
        for name in ("armed", "hits"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "points.json").write_text(json.dumps(POINTS))

    def arm(self, name: str, *, most: int, stage: str = "", jobs: Sequence[str] = ()) -> None:
        for hit in (self.folder / "hits").glob(f"{name}.*"):
            hit.unlink()
        orders = self.folder / "armed" / f".{name}"
        orders.write_text(json.dumps({"most": most, "stage": stage, "jobs": list(jobs)}))
        orders.replace(self.folder / "armed" / name)  # read whole or not at all

    def disarm(self, name: str) -> int:
        """How often it has struck."""
        (self.folder / "armed" / name).unlink(missing_ok=True)
        return self.hits(name)

    def hits(self, name: str) -> int:
        return len(list((self.folder / "hits").glob(f"{name}.*")))
