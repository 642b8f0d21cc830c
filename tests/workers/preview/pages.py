"""Reels whose pages are looked at: one with everything that can go wrong in it."""

from typing import Any

HOSTILE = "</script><img src=x onerror=alert(1)> & <!--"

SCRIPT: dict[str, Any] = {
    "title": HOSTILE,
    "language": "en",
    "cast": {"<b>ANA</b>": "stock:fake/a", "BEN": "stock:fake/b"},
    "lines": [
        {"id": "l1", "speaker": "<b>ANA</b>", "text": f"{HOSTILE} is what I said.", "pause_after_ms": 100},
        {"id": "l2", "speaker": "BEN", "text": "Hear what? Over you?", "overlap_ms": 900},
        {"id": "l3", "speaker": "<b>ANA</b>", "text": "This will FAIL here."},
        {"id": "l4", "speaker": "BEN", "text": "שלום עולם, זה מבחן."},
        {
            "id": "l5",
            "speaker": "BEN",
            "text": "Far too long for it.",
            "slot": {"start_ms": 6000, "end_ms": 6100},
        },
    ],
    "output": {"formats": ["mp3"], "preview": True},
}
