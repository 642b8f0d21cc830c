"""What this machine can do and reach: `python -m workers.doctor [--json]`. Imports nothing it cannot miss."""

import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from voicereel import reach
from voicereel.reach import Finding
from voicereel.settings import Settings

if TYPE_CHECKING:
    from workers.engines.pool import EnginePool

_EMBEDDED = "pip install 'voicereel[embedded]'"
_PACKAGES = ("numpy", "soxr", "soundfile", "av", "pyworld-prebuilt", "espeakng-loader")
_ALIGNERS = ("dtaidistance", "pocketsphinx")
_TEXT = "A multi-speaker script becomes a timed reel."


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order a person would fix them."""
    yield from reach.examine(settings)
    yield _python()
    for name in _PACKAGES:
        yield _package(name)
    for name in _ALIGNERS:
        yield replace(_package(name), required=False)
    yield from _guarded("encoders", _encoders)
    yield from _guarded("engines", lambda: _engines(settings))
    yield _disk(settings)


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding(
        what="python", ok=good, detail=platform.python_version(), remedy="Install Python 3.11 or newer."
    )


def _package(name: str) -> Finding:
    try:
        return Finding(what=f"package {name}", ok=True, detail=version(name))
    except PackageNotFoundError:
        return Finding(what=f"package {name}", ok=False, detail="not installed", remedy=_EMBEDDED)


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Look with libraries that may be missing: that is a finding too."""
    try:
        yield from look()
    except (ImportError, OSError) as error:
        yield Finding(what=what, ok=False, detail=str(error), remedy=_EMBEDDED)


def _encoders() -> Iterator[Finding]:
    from workers.audio.encode import encoders

    for name, works in encoders().items():
        yield Finding(
            what=f"encoder {name}",
            ok=works,
            detail="works" if works else "missing",
            remedy="pip install -U av",
        )


def _engines(settings: Settings) -> Iterator[Finding]:
    from workers.engines.pool import EnginePool

    with closing(EnginePool(settings.engine_names)) as pool:
        yield from _spoken_to(pool)


def _spoken_to(pool: "EnginePool") -> Iterator[Finding]:
    from workers.engines.base import TakeRequest

    for name, reason in pool.missing.items():
        yield Finding(what=f"engine {name}", ok=False, detail=reason, remedy=_EMBEDDED)
    for info in pool.infos():
        voice = info.voices[0] if info.voices else None
        request = TakeRequest(
            text=_TEXT,
            language=voice.languages[0] if voice else info.languages[0],
            voice=voice.name if voice else None,
        )
        (take,) = pool.synthesizer(info.name).synthesize([request])
        spoke = take.error is None and take.clip.duration_ms > 0
        detail = f"{info.version}, {len(info.voices)} voices, spoke {take.clip.duration_ms} ms"
        if take.error:
            detail = take.error.detail
        yield Finding(what=f"engine {info.name}", ok=spoke, detail=detail, remedy=_EMBEDDED)


def _disk(settings: Settings) -> Finding:
    place = settings.home if settings.home.exists() else settings.home.anchor
    free = shutil.disk_usage(place).free
    return Finding(
        what="disk", ok=free > 1 << 30, detail=f"{free / (1 << 30):.1f} GiB free", remedy="Free some space."
    )


@click.command()
@click.option("--json", "as_json", is_flag=True)
def main(as_json: bool) -> None:
    """Look at everything; exit 1 when something required is missing."""
    findings = list(examine(Settings()))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            _print(finding)
    sys.exit(any(finding.required and not finding.ok for finding in findings))


def _print(finding: Finding) -> None:
    mark = "ok    " if finding.ok else "NOT OK"
    click.echo(f"{mark}  {finding.what:26} {finding.detail}")
    if not finding.ok and finding.remedy:
        click.echo(f"        -> {finding.remedy}")


if __name__ == "__main__":
    main()
