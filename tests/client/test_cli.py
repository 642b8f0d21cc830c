"""What the command prints where, and how it ends."""

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from tests.client.service import (
    JOB_ID,
    KEY,
    Run,
    Service,
    VirtualTime,
    content,
    event,
    events,
    job,
    ok,
    outputs,
    page,
    problem,
    speaker,
)
from voicereel_client.cli import cli
from voicereel_client.cli.app import App

SCRIPT = {"lines": [{"speaker": "stock:espeak/en", "text": "Hear what?"}]}
DONE = events(event(1, "job.finished", job("succeeded")))


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    return str(tmp_path / "script.json")


def rendered(service: Service, **fields: object) -> None:
    finished = job("succeeded", outputs=outputs(mp3=b"mp3", vtt=b"vtt"), **fields)
    service.answers(ok(job("queued"), status=202), DONE, ok(finished), content(b"mp3"), content(b"vtt"))


def test_render_prints_the_files_it_wrote(run: Run, service: Service, script: str, tmp_path: Path):
    rendered(service)
    result = run("render", script, "-o", str(tmp_path / "out"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [str(tmp_path / "out" / name) for name in ("reel.mp3", "reel.vtt")]
    assert (tmp_path / "out" / "reel.mp3").read_bytes() == b"mp3"
    assert json.loads(service.bodies[0]) == SCRIPT


def test_render_takes_the_script_from_stdin(run: Run, service: Service, tmp_path: Path):
    rendered(service)
    result = run("render", "-", "-o", str(tmp_path), "--json", input="\ufeff" + json.dumps(SCRIPT))
    printed = json.loads(result.stdout)
    assert printed["job"]["id"] == JOB_ID
    assert printed["files"] == [{"path": str(tmp_path / name)} for name in ("reel.mp3", "reel.vtt")]


def test_warnings_of_the_job_are_told(run: Run, service: Service, script: str, tmp_path: Path):
    rendered(service, warnings=[{"code": "slot_overrun", "pointer": "/lines/0", "detail": "By 3 ms."}])
    result = run("render", script, "-o", str(tmp_path))
    assert result.stderr == f"warning: slot_overrun at /lines/0 ({script}:1:12): By 3 ms.\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"lines": NaN}', "\xff"])
def test_a_script_that_is_not_json_is_wrong_usage(text: str, run: Run, service: Service, tmp_path: Path):
    (tmp_path / "script.json").write_text(text, encoding="latin-1")
    result = run("render", str(tmp_path / "script.json"))
    assert result.exit_code == 2
    assert "JSON" in result.stderr
    assert service.seen == []


def test_a_job_that_fails(run: Run, service: Service, script: str):
    failed = job("failed", error={"code": "overlap_too_long", "detail": "Line 2 is too early."})
    service.answers(ok(job("queued"), status=202), DONE, ok(failed))
    result = run("render", script)
    assert (result.exit_code, result.stdout) == (5, "")
    assert "overlap_too_long" in result.stderr
    assert "Line 2 is too early." in result.stderr


def test_a_job_that_needs_review_gives_what_it_has(run: Run, service: Service, script: str, tmp_path: Path):
    waiting = job("needs_review", outputs=outputs(mp3=b"mp3"))
    service.answers(ok(job("queued"), status=202), DONE, ok(waiting), content(b"mp3"))
    result = run("render", script, "-o", str(tmp_path))
    assert result.exit_code == 5
    assert result.stdout == f"{tmp_path / 'reel.mp3'}\n"
    assert "needs_review" in result.stderr


def test_what_needs_review_is_named_with_the_command_that_approves_it(
    run: Run, service: Service, script: str
):
    fallback = {"code": "spoken_by_fallback", "pointer": "/lines/4", "detail": "By stock:espeak/en."}
    slow = {"code": "slot_overrun", "pointer": "/lines/1", "detail": "By 3 ms."}
    waiting = job("needs_review", warnings=[slow, fallback])
    ended = [("l1", "failed"), ("l2", "failed"), ("l1", "succeeded")]
    lines = [event(n, "line.finished", {"id": i, "status": s}) for n, (i, s) in enumerate(ended, 1)]
    followed = events(*lines, event(4, "job.finished", waiting))
    service.answers(ok(job("queued"), status=202), followed, ok(waiting))
    result = run("render", script, "--base-url", "http://voicereel.test")
    assert result.exit_code == 5
    assert [line for line in result.stderr.splitlines() if not line.startswith("warning")] == [
        f"error: needs_review: Job {JOB_ID} has lines without acceptable audio.",
        "  line l2: no audio",
        f"  /lines/4 ({script}:1:11): spoken by the fallback speaker",
        f"To release it as it is: voicereel jobs approve {JOB_ID} --base-url http://voicereel.test",
    ]


def test_lines_that_sound_wrong_are_named(run: Run, service: Service, script: str):
    suspect = {
        "code": "line_suspect",
        "pointer": "/lines/4",
        "detail": "It is nearly silent.",
    }
    waiting = job("needs_review", warnings=[suspect])
    service.answers(ok(job("queued"), status=202), DONE, ok(waiting))
    result = run("render", script)
    assert result.exit_code == 5
    assert f"  /lines/4 ({script}:1:11): sounds wrong\n" in result.stderr


def test_lines_are_verified_where_the_command_line_says_so(run: Run, service: Service, tmp_path: Path):
    path = tmp_path / "script.json"
    path.write_text('{"lines": [{"speaker": "A", "text": "Hi."}], "qa": {"retries": 1}}', encoding="utf-8")
    service.answers(ok(job("queued"), status=202))
    run("synthesize", str(path), "--verify", "--max-wer", "0.1")
    assert json.loads(service.seen[0].content)["qa"] == {"retries": 1, "verify": True, "max_wer": 0.1}
    service.answers(ok(job("queued"), status=202), problem(429), ok(job("running")))
    result = run("render", str(path), "--verify", "-o", "out", "--timeout", "0")
    assert json.loads(service.seen[1].content)["qa"] == {"retries": 1, "verify": True}
    assert result.exit_code == 7


def test_a_render_that_takes_too_long_can_be_resumed(run: Run, service: Service, script: str):
    service.answers(ok(job("queued"), status=202), problem(429), ok(job("running")))
    result = run("render", script, "-o", "my out", "--timeout", "30")
    assert result.exit_code == 7
    assert f"voicereel jobs download {JOB_ID} -o 'my out' --wait" in result.stderr


def test_an_interrupted_render_can_be_resumed(run: Run, service: Service, script: str):
    service.answers(ok(job("queued"), status=202), KeyboardInterrupt())
    result = run("render", script, "-o", "out")
    assert (result.exit_code, result.stdout) == (130, "")
    assert f"voicereel jobs download {JOB_ID} -o out --wait" in result.stderr


def test_an_interrupt_before_the_id_is_known_can_be_resumed_by_its_key(
    run: Run, service: Service, script: str
):
    service.answers(KeyboardInterrupt())
    result = run("render", script, "-o", "out")
    assert result.exit_code == 130
    sent = service.seen[0].headers["idempotency-key"]
    assert f"voicereel render {script} -o out --idempotency-key {sent}" in result.stderr


def test_the_way_to_resume_is_known_without_any_option(
    service: Service, time: VirtualTime, script: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(App, "client", lambda _: service.client(time))
    service.answers(ok(job("queued"), status=202), KeyboardInterrupt())
    result = CliRunner().invoke(cli, ["render", script])
    assert f"voicereel jobs download {JOB_ID} -o . --wait" in result.stderr


def test_synthesize_prints_the_id_alone(run: Run, service: Service, script: str):
    service.answers(ok(job("queued"), status=202))
    assert run("synthesize", script).stdout == f"{JOB_ID}\n"
    assert json.loads(run("--json", "synthesize", script).stdout)["status"] == "queued"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (problem(400), 1),
        (problem(422), 1),
        (problem(500), 1),
        (httpx.ConnectError("refused"), 1),
        (problem(401), 3),
        (problem(403), 3),
        (problem(404), 4),
        (problem(429), 6),
        (problem(429, "quota_exceeded"), 6),
        (httpx.ReadTimeout("slow"), 7),
        (problem(408), 7),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(failure, code: int, run: Run, service: Service):
    service.answers(failure)
    result = run("jobs", "get", JOB_ID)
    assert (result.exit_code, result.stdout) == (code, "")
    assert KEY not in result.stderr


def test_an_error_names_code_detail_fields_and_request(run: Run, service: Service):
    service.answers(problem(422, "invalid_request"))
    assert run("jobs", "list").stderr.splitlines() == [
        "error: invalid_request: It cannot be done.",
        "  /lines/0/text: blank: Nothing to say.",
        "  request: req_1",
    ]


def test_without_a_key_it_is_a_matter_of_auth(run: Run):
    result = run("jobs", "list", key=None)
    assert result.exit_code == 3
    assert "VOICEREEL_API_KEY" in result.stderr


@pytest.mark.parametrize(
    "words", [("nonsense",), ("jobs", "list", "--limit", "0"), ("render",), ("render", "no.json")]
)
def test_wrong_usage(words: tuple[str, ...], run: Run):
    assert run(*words).exit_code == 2


def test_a_folder_that_cannot_be_written(run: Run, service: Service, tmp_path: Path):
    (tmp_path / "file").write_text("")
    service.answers(ok(job("succeeded", outputs=outputs(mp3=b"x"))))
    result = run("jobs", "download", JOB_ID, "-o", str(tmp_path / "file" / "out"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: Not a directory")


def test_control_characters_do_not_reach_the_terminal(run: Run, service: Service):
    service.answers(page(speaker(name="Ana\x07")))
    assert "\x07" not in run("list-speakers").stdout
