"""What an engine is asked to speak of a line."""

from voicereel.domain.fingerprint import speech_of
from voicereel.domain.job import LineRecord
from voicereel.domain.speakers import EngineInfo
from workers.engines.base import TakeRequest


def request_of(record: LineRecord, engine: EngineInfo) -> TakeRequest:
    speech = speech_of(record, ipa=engine.ipa)
    return TakeRequest(
        text=speech.text,
        phonemes=speech.phonemes,
        language=speech.language,
        voice=speech.voice,
        profile=speech.profile,
        speed=speech.speed,
        pitch_st=speech.pitch_st,
        style=speech.style,
        seed=speech.seed,
    )
