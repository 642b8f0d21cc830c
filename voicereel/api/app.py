"""The Flask application: services in, routes out."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from voicereel.api import artifacts, catalogue, clips, events, health, line_audio, synthesize, usage
from voicereel.api.binding import JSON, MULTIPART, bind
from voicereel.api.jobs import JobRoutes
from voicereel.api.lexicons import LexiconRoutes
from voicereel.api.lines import LineRoutes
from voicereel.api.observing import register_observing
from voicereel.api.problems import register_problems
from voicereel.api.reference import register_reference
from voicereel.api.replies import register_headers
from voicereel.api.revisions import RevisionRoutes
from voicereel.api.sources import SourceRoutes
from voicereel.api.speakers import SpeakerRoutes
from voicereel.api.uploads import FormRequest
from voicereel.bootstrap import Services

# A form holds this many recordings, or one source, and fields and part headers around them.
_RECORDINGS = 5
_FORM_EXTRA_BYTES = 1 << 20


class _App(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is async; Flask would look at each function of each request to find that out."""
        return func


def create_app(services: Services) -> Flask:
    """The HTTP face of the services. A spec and handlers that disagree fail here, at start."""
    app = _App("voicereel.api", static_folder="static", static_url_path="/static")
    app.request_class = FormRequest
    app.url_map.merge_slashes = False
    register_headers(app)
    register_observing(app)
    register_problems(app)
    register_reference(app)
    handlers = {
        **artifacts.handlers(services.artifacts),
        **catalogue.handlers(services.catalogue),
        **clips.handlers(services.clips),
        **events.handlers(services.events),
        **line_audio.handlers(services.line_audio),
        **health.handlers(services.check_ready, services.health),
        **synthesize.handlers(services.jobs, services.estimates),
        **usage.handlers(services.usage),
        **JobRoutes(services.jobs).handlers(),
        **LineRoutes(services.drafts).handlers(),
        **RevisionRoutes(services.revisions).handlers(),
        **SourceRoutes(services.sources).handlers(),
        **LexiconRoutes(services.lexicons).handlers(),
        **SpeakerRoutes(services.speakers).handlers(),
    }
    settings = services.settings
    limits = {
        JSON: settings.max_json_bytes,
        MULTIPART: max(_RECORDINGS * settings.max_sample_bytes, settings.max_source_bytes)
        + _FORM_EXTRA_BYTES,
    }
    bind(app, handlers, accounts=services.accounts, limits=limits)
    return app
