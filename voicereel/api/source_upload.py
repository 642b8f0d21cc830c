"""The form that uploads a source: its name and one file, spooled to disk and never decoded here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from pydantic import ValidationError
from werkzeug.datastructures import FileStorage

from voicereel.api.field_errors import field_errors
from voicereel.api.problems import RequestRefused
from voicereel.api.schemas import SourceCreateBody
from voicereel.api.uploads import digest_of, head_of, size_of, stream_of, uploaded_files
from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.speakers import sniff_audio
from voicereel.services.sources import SourceUpload

_FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForm:
    """A form that is in order. ``fields`` are what was sent beside the file."""

    upload: SourceUpload
    fields: Mapping[str, Any]

    def fingerprint(self) -> bytes:
        """What makes two forms the same: their fields, and the file's SHA-256."""
        return json.dumps([self.fields, digest_of(self.upload.stream)], sort_keys=True).encode()


def read_source(max_bytes: int) -> SourceForm:
    """The form of this request, or every bad field at once."""
    files = uploaded_files(_FILE)
    fields: dict[str, Any] = dict.fromkeys(request.files)
    fields.update(request.form.items())
    if files:
        fields[_FILE] = files[0].filename or ""
    errors = [*_field_errors(fields), *_shape_errors(files)]
    if files and size_of(files[0]) > max_bytes:
        detail = f"At most {max_bytes:,} bytes are accepted in a file."
        raise RequestRefused(413, "too_large", detail, [FieldError("/file", "too_large", detail)])
    if errors:
        raise InvalidRequest(tuple(errors))
    kind = sniff_audio(head_of(files[0]))
    if not kind:
        detail = "Its first bytes are not those of a wav, mp3, flac, ogg or m4a file."
        error = FieldError("/file", "not_audio", detail)
        raise RequestRefused(415, "not_audio", "The file is not audio of a kind we take.", [error])
    del fields[_FILE]
    upload = SourceUpload(name=fields["name"], kind=kind, stream=stream_of(files[0]))
    return SourceForm(upload=upload, fields=fields)


def _field_errors(fields: Mapping[str, Any]) -> Iterator[FieldError]:
    try:
        SourceCreateBody.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        yield from field_errors(error)


def _shape_errors(files: Sequence[FileStorage]) -> Iterator[FieldError]:
    if _FILE in request.form:
        yield FieldError("/file", "not_a_file", "The file is a part with a filename.")
    if len(files) > 1:
        yield FieldError("/file", "repeated", "Give this once.")
    for name, values in request.form.lists():
        if name != _FILE and len(values) > 1:
            yield FieldError(f"/{name[:64]}", "repeated", "Give this once.")
    if files and size_of(files[0]) == 0:
        yield FieldError("/file", "empty_file", "The file is empty.")
