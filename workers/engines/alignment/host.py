"""The process of the aligner: `python -m workers.engines.alignment.host`, started by a worker when needed.

It answers each question, a clip with its text, with one frame: the words' times, or an error.
"""

from workers.audio.clip import Clip
from workers.engines.alignment.aligners import make_aligner
from workers.engines.base import Aligner
from workers.engines.host import Pipes, be_child, guarded
from workers.engines.wire import Facts, Frame, facts_of_marks


def answer(pipes: Pipes) -> None:
    """Answer until the worker is gone. What is needed is loaded with the first question."""
    aligner: Aligner | None = None
    while True:
        question = pipes.receive()
        aligner = aligner or make_aligner()
        pipes.send(_answer(aligner, question))


def _answer(aligner: Aligner, question: Frame) -> Facts:
    facts = question.facts
    clip = Clip(question.samples, facts["rate"])
    return guarded(lambda: {"timings": facts_of_marks(aligner.align(clip, facts["text"], facts["language"]))})


def main() -> None:
    from voicereel.telemetry import configure
    from voicereel.telemetry.logs import adopt_library_logs

    configure(process="aligner")
    adopt_library_logs()
    be_child(answer)


if __name__ == "__main__":
    main()
