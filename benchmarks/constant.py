"""The least a request can cost: Flask under the same server, answering a constant."""

from flask import Flask, Response

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def constant() -> Response:
    return Response('{"status":"ok"}', mimetype="application/json")
