"""`gunicorn voicereel.wsgi:app`: settings from the environment, services, routes."""

import gc
from importlib.metadata import version

from voicereel.api.app import create_app
from voicereel.bootstrap import build
from voicereel.settings import Settings
from voicereel.telemetry import log, start

settings = Settings()
start(settings, process="api")
app = create_app(build(settings))

# What is loaded now stays: the collector need not look through it again with every thousand requests.
gc.collect()
gc.freeze()
log().info("started", version=version("voicereel"))
