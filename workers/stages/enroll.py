"""Reference -> profile: whatever the speaker's engine needs to speak like the reference."""

import soundfile

from voicereel.domain.errors import StageFailed
from voicereel.domain.job import Result
from workers.audio.clip import Clip
from workers.engines.base import EngineError
from workers.stages.base import StageContext

# Engines use the first part of a reference; none gains from more, and memory stays bounded.
_REFERENCE_SECONDS = 60


def run(ctx: StageContext) -> Result:
    """Enroll the speaker with its engine; the speaker becomes ready."""
    speaker = ctx.speaker()
    (reference,) = ctx.artifacts("reference")
    with soundfile.SoundFile(ctx.fetch(reference)) as file:
        clip = Clip(file.read(_REFERENCE_SECONDS * file.samplerate, dtype="float32"), file.samplerate)
    ctx.pulse.progress(0.1)
    engine = ctx.engine(speaker.engine)
    try:
        profile = engine.enroll(clip, language=speaker.language, transcript=speaker.transcript)
    except EngineError as error:
        raise StageFailed(error.detail, code=error.code, retryable=error.retryable) from error
    return Result(profile=profile, reference=speaker.reference)
