"""`voicereel-server tenants fallback`: who can help out, and who cannot."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.conftest import start
from voicereel.bootstrap import Services
from voicereel.domain.speakers import Consent, Speaker
from voicereel.manage import main
from voicereel.settings import Settings

NOW = datetime.now(UTC)


@pytest.fixture
def service(tmp_path: Path, prepared_home: Path) -> Iterator[Services]:
    """A service with the fake engine up, and speakers of two tenants."""
    services = start(Settings(home=tmp_path / "home"), prepared_home)
    ready = Speaker(
        id="spk_ready",
        tenant_id="ten_1",
        name="Ana",
        language="en",
        status="ready",
        engine="away",
        consent=Consent(subject="Ana", attested_by="Ben", attested_at=NOW),
        created_at=NOW,
        capabilities={},
    )
    past = replace(ready.consent, expires_at=NOW - timedelta(days=1))
    with services.usage.work.writing() as tx:
        for name in ("acme", "other"):
            tx.accounts.ensure_tenant(name, tenant_id=f"ten_{1 if name == 'acme' else 2}")
        for number, speaker in enumerate(
            (
                ready,
                replace(ready, id="spk_young", status="processing"),
                replace(ready, id="spk_past", consent=past),
                replace(ready, id="spk_theirs", tenant_id="ten_2"),
            )
        ):
            tx.speakers.add(speaker, job_id=f"job_{number}")
    services.accounts.create_key("x", tenant="acme", scopes=["admin"])
    yield services
    services.close()


def fallback(service: Services, *arguments: str) -> Result:
    home = str(service.settings.home)
    return CliRunner().invoke(main, ["tenants", "fallback", *arguments, "--home", home])


@pytest.mark.parametrize("speaker", ["stock:fake/ana", "stock:fake/ben+low", "spk_ready"])
def test_who_can_help_out_is_taken_and_nobody_again(service: Services, speaker: str) -> None:
    assert fallback(service, "acme", speaker).stdout == f"acme: {speaker}\n"
    assert [key.fallback for key in service.accounts.all_keys()] == [speaker]
    assert fallback(service, "acme").stdout == "acme: nobody\n"
    assert [key.fallback for key in service.accounts.all_keys()] == [None]


@pytest.mark.parametrize(
    ("tenant", "speaker", "wrong"),
    [
        ("acme", "stock:fake/eve", "There is no such stock voice"),
        ("acme", "stock:fake", "The tenant has no such speaker."),
        ("acme", "stock:away/ana", "start its workers"),
        ("acme", "spk_nobody", "The tenant has no such speaker."),
        ("acme", "spk_theirs", "The tenant has no such speaker."),
        ("acme", "spk_young", "processing, not ready"),
        ("acme", "spk_past", "consent for this voice has expired"),
        ("acme", "ana", "Give a speaker's id"),
        ("nobody", "stock:fake/ana", "There is no such tenant."),
    ],
)
def test_who_cannot_is_refused_in_one_line(service: Services, tenant: str, speaker: str, wrong: str) -> None:
    done = fallback(service, tenant, speaker)
    assert done.exit_code > 0
    assert wrong in done.output.splitlines()[-1]
    assert [key.fallback for key in service.accounts.all_keys()] == [None]


def test_without_any_engine_enrolled_speakers_can_still_be_set(service: Services) -> None:
    service.work.withdraw("w1")
    assert fallback(service, "acme", "spk_ready").exit_code == 0
    assert "start its workers" in fallback(service, "acme", "stock:fake/ana").output
