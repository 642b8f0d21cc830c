"""The process of the aligner and the recogniser: `python -m workers.engines.alignment.host`.

A worker starts it when one of them is needed.

It answers each question, a clip with its text, with one frame: the words' times, what was heard, or an error.
"""

from dataclasses import asdict

import click

from workers.audio.clip import Clip
from workers.engines.alignment.aligners import make_aligner
from workers.engines.base import Aligner, Recognizer
from workers.engines.host import Pipes, be_child, guarded
from workers.engines.recognition.recognizers import make_recognizer
from workers.engines.wire import Facts, Frame, facts_of_marks


class _Listener:
    """What is needed is loaded with the first question for it."""

    def __init__(self, whisper_model: str) -> None:
        self._whisper_model = whisper_model
        self._aligner: Aligner | None = None
        self._recognizer: Recognizer | None = None

    def answer(self, pipes: Pipes) -> None:
        """Answer until the worker is gone."""
        while True:
            pipes.send(self._answer(pipes.receive()))

    def _answer(self, question: Frame) -> Facts:
        do = {"align": self._align, "hear": self._hear}[question.facts["do"]]
        return guarded(lambda: do(question))

    def _align(self, question: Frame) -> Facts:
        self._aligner = self._aligner or make_aligner()
        return {"timings": facts_of_marks(self._aligner.align(*_asked(question)))}

    def _hear(self, question: Frame) -> Facts:
        self._recognizer = self._recognizer or make_recognizer(self._whisper_model)
        hearing = self._recognizer.hear(*_asked(question))
        return {"hearing": hearing and asdict(hearing)}


def _asked(question: Frame) -> tuple[Clip, str, str]:
    facts = question.facts
    return Clip(question.samples, facts["rate"]), facts["text"], facts["language"]


@click.command()
@click.option("--whisper-model", default="", help="A folder, or a name that is in the cache.")
def main(whisper_model: str) -> None:
    """Align and recognise through standard input and output."""
    from voicereel.telemetry import configure
    from voicereel.telemetry.logs import adopt_library_logs

    configure(process="aligner")
    adopt_library_logs()
    be_child(_Listener(whisper_model).answer)


if __name__ == "__main__":
    main()
