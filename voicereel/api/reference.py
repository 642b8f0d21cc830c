"""The spec as a file, and as pages to read: both work without the internet.

The pages are Redoc 2.5.4, vendored whole; Redoc 3 reports its use to its makers unless told not to.
"""

from flask import Flask, Response, current_app, redirect

from voicereel.api.binding import spec_text

# The reader writes its styles into the page and searches in a worker made from a blob.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def register_reference(app: Flask) -> None:
    app.add_url_rule("/openapi.yaml", "spec", _spec, provide_automatic_options=False)
    app.add_url_rule("/", "home", lambda: redirect("/docs"), provide_automatic_options=False)
    app.add_url_rule("/docs", "docs", _docs, provide_automatic_options=False)


def _spec() -> Response:
    response = Response(spec_text(), mimetype="application/yaml")
    response.headers["Cache-Control"] = "no-cache"
    return response


def _docs() -> Response:
    response = current_app.send_static_file("docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response
