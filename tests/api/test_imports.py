"""The API process stays small: it computes nothing."""

import os
import subprocess
import sys

from tests.conftest import make_settings
from voicereel.bootstrap import prepare

FORBIDDEN = ("numpy", "torch", "av", "soundfile", "soxr", "workers")
PROGRAM = f"""
import sys, voicereel.wsgi
loaded = [name for name in {FORBIDDEN!r} if name in sys.modules]
print(voicereel.wsgi.app.test_client().get("/readyz").status_code, loaded)
"""


def test_the_application_loads_no_numbers_no_models_no_workers(tmp_path) -> None:
    settings = make_settings(tmp_path)
    prepare(settings)
    environment = {"PATH": os.environ["PATH"], "VOICEREEL_HOME": str(settings.home)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "200 []"
