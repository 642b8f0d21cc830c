"""`lint` and `convert`, and the other formats of `render`."""

import json
from pathlib import Path

import httpx
import pytest

from tests.client.service import JOB_ID, Run, Service, job, ok, problem
from voicereel_client.cli.scripts import FORMAT_NAMES
from voicereel_client.scripts import FORMATS

SRT = "1\n00:00:01,000 --> 00:00:03,000\nANA: Hello.\n\n2\n00:00:04,000 --> 00:00:05,000\nBEN: <i>Hi.</i>\n"
CAST = ("--cast", "ANA=spk_1", "--cast", "ben=spk_2")


@pytest.fixture
def srt(tmp_path: Path) -> str:
    (tmp_path / "scene.srt").write_text(SRT)
    return str(tmp_path / "scene.srt")


def refusal(pointer: str, code: str, detail: str) -> httpx.Response:
    errors = [{"pointer": pointer, "code": code, "detail": detail}]
    return httpx.Response(
        422, json={"status": 422, "code": "invalid_request", "detail": "No.", "errors": errors}
    )


def test_the_formats_named_are_those_there_are():
    assert set(FORMAT_NAMES) == set(FORMATS)


def test_subtitles_are_submitted_with_their_cast(run: Run, service: Service, srt: str, tmp_path: Path):
    (tmp_path / "cast.yaml").write_text("ANA: spk_9\nBEN: {speaker: spk_2, speed: 1.1}\n")
    service.answers(ok(job("queued"), status=202))
    result = run("synthesize", srt, "--cast-file", str(tmp_path / "cast.yaml"), "--cast", "ANA=spk_1")
    assert (result.exit_code, result.stdout) == (0, f"{JOB_ID}\n")
    assert result.stderr.startswith(f"{srt}:7: warning: tags_removed: ")
    sent = json.loads(service.bodies[0])
    assert sent["cast"] == {"ANA": "spk_1", "BEN": {"speaker": "spk_2", "speed": 1.1}}
    assert [line["id"] for line in sent["lines"]] == ["c1", "c2"]


def test_a_role_without_a_voice_is_wrong_usage_and_nothing_is_sent(run: Run, service: Service, srt: str):
    result = run("render", srt, "--cast", "ANA=spk_1")
    assert (result.exit_code, service.seen) == (2, [])
    assert f"{srt}:7: error: unknown_speaker: 'BEN' has no voice." in result.stderr


def test_what_the_service_refuses_is_told_by_line(run: Run, service: Service, srt: str):
    service.answers(lambda _: refusal("/lines/1/text", "too_loud", "It is too loud."))
    result = run("synthesize", srt, *CAST)
    assert result.exit_code == 1
    assert f"  {srt}:7: /lines/1/text: too_loud: It is too loud.\n" in result.stderr


def test_a_speaker_that_does_not_exist_is_told_once_and_plainly(run: Run, service: Service, srt: str):
    service.answers(lambda _: refusal("/cast/BEN", "unknown_speaker", "There is no such speaker."))
    result = run("synthesize", srt, *CAST)
    assert "/cast/BEN: unknown_speaker: There is no such speaker. 'voicereel voices list'" in result.stderr


def test_an_interrupted_render_resumes_with_the_same_script(run: Run, service: Service, srt: str):
    service.answers(KeyboardInterrupt())
    result = run("render", srt, "-o", "out", *CAST, "--format", "srt", "--speaker", "EVE")
    words = f"voicereel render {srt} --format srt --speaker EVE --cast ANA=spk_1 --cast ben=spk_2 -o out"
    assert words in result.stderr


def test_stdin_has_a_format(run: Run, service: Service):
    service.answers(ok(job("queued"), status=202))
    result = run("synthesize", "-", "--format", "plain", "--cast", "ANA=spk_1", input="ANA: Hi\n")
    assert result.exit_code == 0
    assert json.loads(service.bodies[0])["lines"] == [{"speaker": "ANA", "text": "Hi"}]
    assert run("synthesize", "-", "--cast", "ANA", input="{}").exit_code == 2


def test_lint_tells_every_problem_by_line(run: Run, service: Service, tmp_path: Path):
    (tmp_path / "s.yaml").write_text(
        "lines:\n- {speaker: ANA, text: Hi, speed: 3}\n- {speaker: spk_1, text: ' '}\n"
    )
    result = run("lint", str(tmp_path / "s.yaml"))
    assert (result.exit_code, service.seen) == (1, [])
    found = [row.removeprefix(str(tmp_path)).partition(": ")[::2] for row in result.stdout.splitlines()]
    assert [(where, what.split(": ")[1]) for where, what in found] == [
        ("/s.yaml:2:13", "unknown_speaker"), ("/s.yaml:2:35", "out_of_range"), ("/s.yaml:3:26", "blank"),
    ]  # fmt: skip


def test_lint_of_a_file_that_cannot_be_read(run: Run, service: Service, srt: str, tmp_path: Path):
    (tmp_path / "s.json").write_text('{"lines": [\n}')
    result = run("lint", str(tmp_path / "s.json"), "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], said["problems"][0]["line"]) == (1, False, 2)
    assert run("lint", str(tmp_path / "none.json")).exit_code == 2


def test_lint_asks_the_service_where_it_can_tell(run: Run, service: Service, srt: str):
    warning = {"code": "slot_overrun", "pointer": "/lines/0", "detail": "By 3 ms."}
    service.answers(ok({"seconds": 3, "warnings": [warning]}))
    result = run("lint", srt, *CAST, "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], said["checked_by"]) == (0, True, "service")
    assert [(each["code"], each["line"]) for each in said["problems"]] == [
        ("slot_overrun", 3),
        ("tags_removed", 7),
    ]
    assert service.paths == ["POST /v1/estimates"]
    service.answers(lambda _: refusal("/lines/1/speaker", "speaker_not_ready", "It is not ready."))
    result = run("lint", srt, *CAST)
    assert result.exit_code == 1
    assert f"{srt}:7: error: speaker_not_ready: It is not ready." in result.stdout


@pytest.mark.parametrize(
    "failure", [problem(404), problem(405), problem(401), problem(500), httpx.ConnectError("refused")]
)
def test_a_service_that_cannot_tell_is_no_fault_of_the_script(failure, run: Run, service: Service, srt: str):
    service.answers(failure)
    result = run("lint", srt, *CAST)
    assert result.exit_code == 0
    assert "The service was not asked: " in result.stderr


@pytest.mark.parametrize("words", [("--offline",), ()])
def test_lint_needs_no_service_and_no_key(words, run: Run, service: Service, tmp_path: Path):
    (tmp_path / "s.txt").write_text("ANA: Hi\n")
    result = run("lint", str(tmp_path / "s.txt"), "--cast", "ANA=spk_1", *words, key=None)
    assert (result.exit_code, service.seen) == (0, [])
    assert result.stdout == f"{tmp_path / 's.txt'}: plain, lines: 1, roles: 1; nothing is wrong.\n"
    assert ("VOICEREEL_API_KEY" in result.stderr) == (not words)


def test_convert_says_what_is_lost(run: Run, srt: str, tmp_path: Path):
    target = tmp_path / "scene.txt"
    result = run("convert", srt, str(target))
    assert (result.exit_code, target.read_text()) == (0, "ANA: Hello.\nBEN: Hi.\n")
    lost = [row.split(": ")[2:] for row in result.stderr.splitlines() if "not_held" in row]
    assert [words[1].split("'")[1] for words in lost] == ["id", "slot"]
    assert run("convert", srt, str(target)).exit_code == 2
    assert run("convert", srt, str(target), "--force").exit_code == 0


def test_convert_to_stdout_and_what_cannot_be_written(run: Run, srt: str, tmp_path: Path):
    result = run("convert", srt, "-", "--to", "vtt")
    assert "c1\n00:00:01.000 --> 00:00:03.000\n<v ANA>Hello.\n" in result.stdout
    assert run("convert", srt, "-").exit_code == 2
    (tmp_path / "s.txt").write_text("ANA: Hi\n")
    result = run("convert", str(tmp_path / "s.txt"), "-", "--to", "srt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "s.txt:1: error: cannot_write: Line 1 has no slot" in result.stderr
