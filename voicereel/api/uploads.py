"""The form that enrolls a speaker: fields and recordings. Files are spooled to disk, never decoded."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from flask import Request, request
from pydantic import ValidationError
from pydantic_core import from_json
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser

from voicereel.api.field_errors import field_errors
from voicereel.api.problems import RequestRefused
from voicereel.api.schemas import SpeakerCreateBody
from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.speakers import sniff_audio
from voicereel.services.speakers import Enrolment, Sample

_SAMPLES = "samples"
_HEAD_BYTES = 12
_MAX_CONSENT_BYTES = 1 << 18


class FormRequest(Request):
    """A request whose form must be well formed; werkzeug would read a broken one as empty."""

    def make_form_data_parser(self) -> FormDataParser:
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A form that is in order. ``fields`` are what was sent beside the files."""

    enrolment: Enrolment
    samples: tuple[Sample, ...]
    fields: Mapping[str, Any]

    def fingerprint(self) -> bytes:
        """What makes two forms the same: their fields, and the SHA-256 of each file."""
        digests = [digest_of(sample.stream) for sample in self.samples]
        return json.dumps([self.fields, digests], sort_keys=True).encode()


def read_upload(max_sample_bytes: int) -> Upload:
    """The form of this request, or every bad field and file at once."""
    files = uploaded_files(_SAMPLES)
    fields = _fields(len(files) + len(request.form.getlist(_SAMPLES)))
    body, errors = _read_fields(fields)
    _refuse_large(files, max_sample_bytes)
    samples = [Sample(kind=sniff_audio(head_of(file)) or "", stream=stream_of(file)) for file in files]
    _refuse((*errors, *_shape_errors()), tuple(_file_errors(files, samples)))
    return Upload(enrolment=_enrolment(cast(SpeakerCreateBody, body)), samples=tuple(samples), fields=fields)


def uploaded_files(name: str) -> list[FileStorage]:
    """The files of a field; refuses a form that is cut off."""
    try:
        return request.files.getlist(name)
    except ValueError:
        detail = "The multipart body is cut off, or has no boundary."
        raise RequestRefused(400, "malformed_multipart", detail) from None


def _fields(sample_count: int) -> dict[str, Any]:
    """The form as the JSON object that the spec describes; files of the wrong name become null."""
    fields: dict[str, Any] = dict.fromkeys(request.files)
    fields.update(request.form.items())
    if "consent" in request.files:
        fields["consent"] = request.files["consent"].read(_MAX_CONSENT_BYTES).decode(errors="replace")
    if isinstance(fields.get("consent"), str):
        fields["consent"] = _json_or_text(fields["consent"])
    fields[_SAMPLES] = [""] * sample_count
    return fields


def _json_or_text(text: str) -> object:
    try:
        return cast(object, from_json(text))
    except ValueError:
        return text


def _read_fields(fields: Mapping[str, Any]) -> tuple[SpeakerCreateBody | None, tuple[FieldError, ...]]:
    try:
        return SpeakerCreateBody.model_validate_json(json.dumps(fields)), ()
    except ValidationError as error:
        return None, tuple(field_errors(error))


def _shape_errors() -> Iterator[FieldError]:
    for name, values in request.form.lists():
        if name == _SAMPLES:
            yield FieldError("/samples", "not_a_file", "A recording is a part with a filename.")
        elif len(values) > 1:
            yield FieldError(f"/{name[:64]}", "repeated", "Give this once.")


def _refuse_large(files: Sequence[FileStorage], max_bytes: int) -> None:
    detail = f"At most {max_bytes:,} bytes are accepted in a file."
    large = [
        FieldError(f"/samples/{index}", "too_large", detail)
        for index, file in enumerate(files)
        if size_of(file) > max_bytes
    ]
    if large:
        raise RequestRefused(413, "too_large", detail, large)


def _file_errors(files: Sequence[FileStorage], samples: Sequence[Sample]) -> Iterator[FieldError]:
    for index, (file, sample) in enumerate(zip(files, samples, strict=True)):
        if size_of(file) == 0:
            yield FieldError(f"/samples/{index}", "empty_file", "The file is empty.")
        elif not sample.kind:
            detail = "Its first bytes are not those of a wav, mp3, flac, ogg or m4a file."
            yield FieldError(f"/samples/{index}", "not_audio", detail)


def _refuse(field_errors: Sequence[FieldError], file_errors: Sequence[FieldError]) -> None:
    """Files of a wrong type alone are 415; with any other error the whole form is 422."""
    if field_errors or any(error.code != "not_audio" for error in file_errors):
        raise InvalidRequest((*field_errors, *file_errors))
    if file_errors:
        raise RequestRefused(415, "not_audio", "A file is not audio of a kind we take.", file_errors)


def _enrolment(body: SpeakerCreateBody) -> Enrolment:
    return Enrolment(
        name=body.name,
        language=body.language,
        consent=body.consent.consent(),
        transcript=body.transcript,
    )


def stream_of(file: FileStorage) -> BinaryIO:
    return cast(BinaryIO, file.stream)


def size_of(file: FileStorage) -> int:
    size = file.stream.seek(0, os.SEEK_END)
    file.stream.seek(0)
    return size


def head_of(file: FileStorage) -> bytes:
    head = file.stream.read(_HEAD_BYTES)
    file.stream.seek(0)
    return head


def digest_of(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    stream.seek(0)
    return digest.hexdigest()
