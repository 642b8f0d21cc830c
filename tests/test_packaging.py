"""What a customer installs: wheels that hold all they need, and the client with nothing of ours."""

import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheels")
    sources = tmp_path_factory.mktemp("sources")
    # setuptools leaves a build folder behind: build from a copy, so that the checkout stays clean
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(sources / "repo")], check=True, timeout=60)
    for project in (".", "voicereel_client"):
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        target = sources / "repo" / project
        subprocess.run([*command, "-w", str(folder), str(target)], check=True, timeout=120)
    return {path.name.split("-")[0]: zipfile.ZipFile(path) for path in folder.glob("*.whl")}


def test_the_service_carries_its_contract_its_reference_and_its_migrations(
    wheels: dict[str, zipfile.ZipFile],
) -> None:
    names = set(wheels["voicereel"].namelist())
    migrations = "voicereel/adapters/database/migrations"
    assert names >= {
        "voicereel/openapi.yaml",
        "voicereel/py.typed",
        "voicereel/api/static/docs.html",
        f"{migrations}/env.py",
        f"{migrations}/versions/0001_the_first_schema.py",
        "workers/stages/mix.py",
        "workers/preview/assets/template.html",
        "workers/preview/assets/preview.css",
        "workers/preview/assets/main.js",
    }
    assert not [name for name in names if name.startswith(("tests/", "voicereel_client/"))]


def test_the_client_comes_alone(wheels: dict[str, zipfile.ZipFile]) -> None:
    wheel = wheels["voicereel_client"]
    names = wheel.namelist()
    assert {"voicereel_client/py.typed", "voicereel_client/scripts/script.schema.json"} <= set(names)
    assert {name.split("/")[0] for name in names} <= {"voicereel_client", "voicereel_client-0.1.0.dist-info"}
    (metadata,) = (name for name in names if name.endswith("/METADATA"))
    needs = HeaderParser().parsestr(wheel.read(metadata).decode()).get_all("Requires-Dist") or []
    always = {need.split(">")[0] for need in needs if "extra ==" not in need}
    assert always == {"click", "httpx", "rich", "tomli"}
    assert {need.split(">")[0] for need in needs} - always == {"openpyxl", "pyyaml", "srt", "webvtt-py"}
