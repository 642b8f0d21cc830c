"""The nouns of the command: speakers, voices, jobs, config; and the bars on a terminal."""

import io
import json
import stat
from pathlib import Path

import pytest

from tests.client.service import (
    JOB_ID,
    SOURCE_ID,
    SPEAKER_ID,
    Run,
    Service,
    VirtualTime,
    content,
    empty,
    event,
    events,
    job,
    ok,
    outputs,
    page,
    problem,
    speaker,
)
from voicereel_client._profile import config_path, load

DONE = events(event(1, "job.finished", job("succeeded")))


# --- speakers


def create(*extra: str, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "ana.wav").write_bytes(b"RIFF")
    return ("create", str(tmp_path / "ana.wav"), "--name", "Ana", "--language", "en", *extra)


def consent_sent(service: Service) -> dict[str, object]:
    body = service.bodies[0].split(b'name="consent"')[1]
    return json.JSONDecoder().raw_decode(body[body.index(b"{") :].decode("latin-1"))[0]


def test_a_speaker_is_created_with_consent_flags(run: Run, service: Service, tmp_path: Path):
    service.answers(ok(speaker("processing"), status=202))
    words = create("--consent-subject", "Ana Ruiz", "--attested-by", "legal", tmp_path=tmp_path)
    result = run("speakers", *words)
    assert (result.exit_code, SPEAKER_ID in result.stdout) == (0, True)
    sent = consent_sent(service)
    assert (sent["subject"], sent["attested_by"]) == ("Ana Ruiz", "legal")
    assert str(sent["attested_at"]).endswith("Z")


def test_a_speaker_is_created_with_a_consent_file(run: Run, service: Service, tmp_path: Path):
    consent = {
        "subject": "Ana",
        "attested_by": "legal",
        "attested_at": "2026-01-01T00:00:00Z",
        "languages": ["es"],
    }
    (tmp_path / "consent.json").write_text(json.dumps(consent))
    service.answers(ok(speaker("processing"), status=202), ok(speaker("ready")))
    words = create("--consent", str(tmp_path / "consent.json"), "--wait", "--json", tmp_path=tmp_path)
    result = run("register", *words[1:])
    assert json.loads(result.stdout)["status"] == "ready"
    assert consent_sent(service) == consent


@pytest.mark.parametrize("extra", [(), ("--consent-subject", "Ana"), ("--attested-by", "legal")])
def test_without_consent_nothing_is_sent(extra: tuple[str, ...], run: Run, service: Service, tmp_path: Path):
    result = run("speakers", *create(*extra, tmp_path=tmp_path))
    assert (result.exit_code, service.seen) == (2, [])


def test_a_rejected_speaker_tells_the_figures(run: Run, service: Service, tmp_path: Path):
    failure = {"code": "too_noisy", "detail": "Too noisy.", "measured": {"snr_db": 4.0}}
    service.answers(ok(speaker("processing"), status=202), ok(speaker("rejected", error=failure)))
    words = create("--consent-subject", "A", "--attested-by", "l", "--wait", tmp_path=tmp_path)
    result = run("speakers", *words)
    assert result.exit_code == 5
    assert "snr_db: 4.0" in result.stderr


def test_speakers_are_listed_shown_and_deleted(run: Run, service: Service):
    service.answers(page(speaker(), speaker("rejected", name="Ben"), next_cursor="x"))
    assert run("speakers", "list", "--limit", "2").stdout.splitlines() == [
        f"{SPEAKER_ID}  ready     en  Ana",
        f"{SPEAKER_ID}  rejected  en  Ben",
    ]
    service.answers(page(speaker()))
    assert json.loads(run("list-speakers", "--json").stdout) == {"data": [speaker()]}
    service.answers(ok(speaker()))
    assert "Ana" in run("speakers", "get", SPEAKER_ID).stdout
    service.answers(empty())
    assert run("speakers", "delete", SPEAKER_ID).stdout == f"deleted {SPEAKER_ID}\n"


# --- voices and jobs


def test_voices(run: Run, service: Service):
    service.answers(
        page({"id": "stock:espeak/en-us", "name": "English", "languages": ["en"], "sample_rate": 22050})
    )
    assert "stock:espeak/en-us  en  22050 Hz" in run("voices", "list", "--language", "en").stdout


def test_a_source_is_uploaded_listed_shown_and_deleted(run: Run, service: Service, tmp_path: Path):
    source = {"id": SOURCE_ID, "name": "bed.flac", "format": "flac", "bytes": 4, "sha256": "9f"}
    (tmp_path / "bed.flac").write_bytes(b"fLaC")
    service.answers(ok(source), page(source), ok(source), empty())
    assert SOURCE_ID in run("sources", "create", str(tmp_path / "bed.flac")).stdout
    assert run("sources", "list").stdout.split()[:2] == [SOURCE_ID, "flac"]
    assert json.loads(run("sources", "get", SOURCE_ID, "--json").stdout) == source
    assert run("sources", "delete", SOURCE_ID).stdout == f"deleted {SOURCE_ID}\n"


def test_an_empty_list_prints_nothing(run: Run, service: Service):
    service.answers(page())
    assert run("voices", "list").stdout == ""
    assert json.loads(run("voices", "list", "--json").stdout) == {"data": []}


def test_jobs_are_listed_and_shown(run: Run, service: Service):
    service.answers(page(job("running")))
    words = ("jobs", "list", "--status", "running", "--created-after", "2026-01-01T00:00:00Z", "--limit", "5")
    assert run(*words).stdout == f"{JOB_ID}  running  1/3  2026-11-20T09:31:00Z\n"
    assert dict(service.seen[0].url.params) == {
        "status": "running",
        "limit": "5",
        "created_after": "2026-01-01T00:00:00Z",
    }
    service.answers(ok(job("running")))
    assert "synthesize" in run("job", JOB_ID).stdout
    assert json.loads(run("jobs", "get", JOB_ID, "--json").stdout) == job("running")


def test_jobs_are_canceled_and_deleted(run: Run, service: Service):
    service.answers(ok(job("canceled")))
    assert "canceled" in run("jobs", "cancel", JOB_ID).stdout
    service.answers(problem(409, "job_finished"))
    assert run("jobs", "cancel", JOB_ID).exit_code == 1
    service.answers(empty())
    assert json.loads(run("jobs", "delete", JOB_ID, "--json").stdout) == {"id": JOB_ID, "deleted": True}


def test_jobs_are_approved(run: Run, service: Service):
    service.answers(ok(job("succeeded", billable_ms=7)))
    assert "billable_ms  7" in run("jobs", "approve", JOB_ID).stdout
    assert service.paths == [f"POST /v1/jobs/{JOB_ID}/approve"]
    service.answers(problem(409, "not_in_review"))
    assert run("jobs", "approve", JOB_ID).exit_code == 1


def test_jobs_are_waited_for(run: Run, service: Service):
    service.answers(ok(job("running")), DONE, ok(job("succeeded")))
    assert "succeeded" in run("jobs", "wait", JOB_ID).stdout
    service.answers(ok(job("needs_review")), events(), ok(job("needs_review")))
    assert run("jobs", "wait", JOB_ID).exit_code == 5


def test_a_download_resumes_a_render(run: Run, service: Service, tmp_path: Path):
    finished = job("succeeded", outputs=outputs(mp3=b"mp3"))
    service.answers(ok(job("running")), DONE, ok(finished), content(b"mp3"))
    result = run("jobs", "download", JOB_ID, "-o", str(tmp_path), "--wait")
    assert result.stdout == f"{tmp_path / 'reel.mp3'}\n"


# --- config


def test_config_keeps_profiles_to_their_owner(run: Run):
    assert run("config", "set", "base_url", "https://a.test").exit_code == 0
    assert run("config", "set", "api_key", "vr_live_staging", "--profile", "staging").exit_code == 0
    assert run("config", "set", "api_key", input="vr_live_piped\n").exit_code == 0
    assert run("config", "set", "profile", "staging").exit_code == 0
    assert load(config_path()).profiles == {
        "default": {"base_url": "https://a.test", "api_key": "vr_live_piped"},
        "staging": {"api_key": "vr_live_staging"},
    }
    assert stat.S_IMODE(config_path().stat().st_mode) == 0o600


def test_config_never_shows_the_key(run: Run):
    run("config", "set", "api_key", "vr_live_x")
    shown = run("config", "show")
    assert "api_key" in shown.stdout
    assert "vr_live" not in shown.output + run("config", "show", "--json").output
    assert json.loads(run("config", "show", "--json").stdout)["api_key"] == "set"


def test_config_path(run: Run):
    assert run("config", "path").stdout == f"{config_path()}\n"


def test_config_set_wants_a_known_setting_and_a_value(run: Run):
    assert run("config", "set", "colour", "blue").exit_code == 2
    assert run("config", "set", "api_key", input="").exit_code == 2


@pytest.mark.parametrize("words", [(), ("jobs",), ("speakers", "create"), ("render",), ("config", "set")])
def test_help(words: tuple[str, ...], run: Run):
    assert run(*words, "--help").exit_code == 0


# --- bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_lines_and_stage_are_shown(
    service: Service, time: VirtualTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from voicereel_client.cli import progress

    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    service.answers(
        events(
            event(1, "job.updated", job("running")),
            event(2, "line.finished", {"id": "l1"}),
            event(3, "line.finished", {"id": "l2"}),
            event(4, "stage.updated", {"name": "mix", "status": "running"}),
            event(5, "job.finished", job(stages=[])),
        ),
        ok(job(outputs=outputs(mp3=b"mp3"))),
        content(b"mp3"),
    )
    vr = service.client(time)
    with progress.job_bar(vr.jobs._parse(job("queued"))) as on_event:
        found = vr.jobs.wait(JOB_ID, on_event=on_event)
    with progress.download_bars() as on_progress:
        found.download(tmp_path, on_progress)
    shown = terminal.getvalue()
    assert "mix" in shown
    assert "2/3 lines" in shown
    assert "reel.mp3" in shown
