"""`make demo`: the whole path, from a script to a reel, through the public API by the public client.

Starts the embedded service on a free port, makes a recording, enrolls a speaker from it, renders
every script of this folder, writes the results under out/demo and stops the service.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from voicereel_client import Event, Job, Speaker, VoiceReel

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out" / "demo"
HOME = OUT / ".service"
SCRIPTS = ("earnest", "languages", "briefing")
START_S = 60.0

WHAT_EACH_IS = {
    "reel.html": "everything at once: open it in a browser, and listen",
    "reel.mp3": "the mastered audio, to play anywhere",
    "reel.wav": "the same, uncompressed",
    "reel.vtt": "captions for the web, with speakers",
    "reel.srt": "captions for players and editors",
    "reel.json": "the timeline: every line, word and cue in milliseconds",
    "certificate.json": "what each line was made from, for comparing with later revisions",
}

# Said by a stock voice to make a recording; a real customer sends recordings of a person.
RECORDING = (
    "This is a recording made for a demonstration. It lasts a little longer than thirty seconds.",
    "A good reference has one voice only, no music, and a quiet room.",
    "The reader speaks as the finished lines are meant to sound: calmly, clearly, and with life.",
    "From it, the service learns how high the voice is, how far it rises and falls, and how fast it goes.",
    "The engine used here does not copy a voice. It adapts one of its own to be more like it.",
    "That is why the speaker says adapted, and not cloned, among its capabilities.",
    "And that is all. Thank you for listening.",
)


def main() -> int:
    console = Console()
    shutil.rmtree(OUT, ignore_errors=True)
    HOME.mkdir(parents=True)
    console.print("[bold]VoiceReel demo[/bold]: a multi-speaker script becomes a timed reel.")
    with service() as url, VoiceReel(api_key=make_key(), base_url=url) as client:
        console.print(f"The service runs at {url}.")
        speaker = enroll(client, console)
        for name in SCRIPTS:
            render(client, console, name, speaker)
    console.print(f"\nThe service has stopped. Your files are in [bold]{OUT.relative_to(ROOT)}[/bold].")
    return 0


def server(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("voicereel-server")), *arguments, "--home", str(HOME)]


def make_key() -> str:
    # The home may be of an older version.
    subprocess.run(server("migrate"), check=True, capture_output=True, timeout=START_S)
    made = subprocess.run(
        server("keys", "create", "--name", "demo", "--json"), check=True, capture_output=True, timeout=START_S
    )
    key: str = json.loads(made.stdout)["key"]
    return key


@contextmanager
def service() -> Iterator[str]:
    """The embedded service on a free port; stopped at the end, whatever happens."""
    make_key()  # so that the log below never shows a first key
    log = HOME / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            server("up", "--port", "0"), stdout=output, stderr=subprocess.STDOUT, env={**os.environ}
        )
        try:
            yield address(process, log)
        finally:
            process.terminate()
            process.wait(timeout=15)


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if (HOME / "server.json").exists():
            url: str = json.loads((HOME / "server.json").read_text())["url"]
            return url
        time.sleep(0.05)
    sys.exit(f"The service did not start; its log says:\n{log.read_text()[-2000:]}")


def enroll(client: VoiceReel, console: Console) -> Speaker:
    """Make a recording of more than 30 s, then a speaker from it."""
    voice = {"speaker": "stock:espeak/en-us+f3", "pitch_st": -1.5, "speed": 0.95}
    lines = [{"speaker": "READER", "text": text, "pause_after_ms": 400} for text in RECORDING]
    job = client.synthesize(lines=lines, cast={"READER": voice}, language="en", output={"formats": ["wav"]})
    folder = OUT / "recording"
    job.wait(timeout=120).download(folder)
    speaker = client.speakers.create(
        name="Rae",
        language="en",
        samples=[folder / "reel.wav"],
        consent={
            "subject": "a synthetic voice",
            "attested_by": "make demo",
            "attested_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
        wait=True,
        timeout=120,
    )
    if speaker.reference and speaker.capabilities:
        console.print(
            f"Enrolled [bold]{speaker.name}[/bold] from {speaker.reference.seconds:.1f} s of audio"
            f" ({speaker.capabilities.cloning})."
        )
    return speaker


def render(client: VoiceReel, console: Console, name: str, speaker: Speaker) -> None:
    script = json.loads((ROOT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    if "NARRATOR" in script["cast"]:
        script["cast"]["NARRATOR"] = speaker.id
    script["output"] = {**script.get("output", {}), "preview": True}
    started = time.monotonic()
    job = watched(client.synthesize(script), script.get("title") or name)
    files = job.download(OUT / name)
    report(console, name, job, files, time.monotonic() - started)


def watched(job: Job, title: str) -> Job:
    """Wait for a job behind a progress bar fed by its events."""
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(),
        TextColumn("{task.fields[stage]:12}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as progress:
        # One step a line, and one for each stage that follows.
        total = job.progress.total + len(job.stages) - 1
        bar = progress.add_task(title[:32], total=total, stage="queued")

        def show(event: Event) -> None:
            if event.type == "stage.updated":
                progress.update(bar, stage=str(event.data["name"]))
            is_later_stage = (
                event.data.get("status") == "succeeded" and event.data.get("name") != "synthesize"
            )
            if event.type == "line.finished" or (event.type == "stage.updated" and is_later_stage):
                progress.advance(bar)

        done = job.wait(on_event=show, timeout=600)
        progress.update(bar, completed=total, stage="done")
        return done


def report(console: Console, name: str, job: Job, files: list[Path], seconds: float) -> None:
    reel: dict[str, Any] = json.loads((OUT / name / "reel.json").read_text(encoding="utf-8"))
    words = sum(len(line["words"]) for line in reel["lines"])
    console.print(
        f"{reel['duration_ms'] / 1000:.1f} s of audio, {len(reel['lines'])} lines, {words} words,"
        f" {len(reel['cues'])} cues, in {seconds:.1f} s:"
    )
    for path in sorted(files):
        meaning = WHAT_EACH_IS.get(path.name, "")
        console.print(f"  {path.relative_to(ROOT)}  [dim]{meaning}[/dim]", soft_wrap=True)
    for warning in job.warnings:
        console.print(f"  [yellow]{warning.code}[/yellow] at {warning.pointer}: {warning.detail}")


if __name__ == "__main__":
    sys.exit(main())
