"""Speakers: enroll, read, list, rename, delete."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.bodies import raw_body, read_json
from voicereel.api.once import once
from voicereel.api.replies import json_reply, no_content, page_reply, post_reply
from voicereel.api.schemas import SpeakerUpdateBody
from voicereel.api.uploads import read_upload
from voicereel.services.speakers import SpeakerService
from voicereel.services.views import speaker_view


@dataclass(frozen=True, slots=True)
class SpeakerRoutes:
    speakers: SpeakerService

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "createSpeaker": self.create,
            "listSpeakers": self.list_speakers,
            "getSpeaker": self.get,
            "updateSpeaker": self.update,
            "deleteSpeaker": self.delete,
        }

    def create(self, call: Call) -> Response:
        upload = read_upload(self.speakers.max_sample_bytes)
        reply = self.speakers.enroll(
            call.principal,
            upload.enrolment,
            upload.samples,
            once=once(call, upload.fingerprint() if call.values["Idempotency-Key"] else b""),
            request_id=call.request_id,
        )
        return post_reply(reply, reply.body)

    def list_speakers(self, call: Call) -> Response:
        values = call.values
        page = self.speakers.page(
            call.principal,
            limit=values["limit"],
            cursor=cursors.decode(values["cursor"], cursors.SPEAKER),
            status=values["status"],
        )
        return page_reply([speaker_view(each) for each in page.data], cursors.encode(page.next_cursor))

    def get(self, call: Call) -> Response:
        return json_reply(speaker_view(self.speakers.get(call.principal, call.values["speaker_id"])))

    def update(self, call: Call) -> Response:
        body = read_json(SpeakerUpdateBody, raw_body())
        speaker = self.speakers.rename(call.principal, call.values["speaker_id"], body.name)
        return json_reply(speaker_view(speaker))

    def delete(self, call: Call) -> Response:
        self.speakers.delete(call.principal, call.values["speaker_id"])
        return no_content()
