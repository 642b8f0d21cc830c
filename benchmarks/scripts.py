"""Scripts of a wanted length, made of a few sentences said over and over by two voices."""

from typing import Any

SENTENCES = (
    "The harbour was quiet when the first boat came in.",
    "Nobody had expected it before noon, and nobody was ready.",
    "Could you hold this line for a moment?",
    "There are four crates, two of them marked fragile.",
    "We will need the long ladder, and someone who is not afraid of it.",
    "Every spring the same question is asked, and every spring it is left open.",
)
# What a line of these lasts, with its pause, as measured with the embedded engine.
_LINE_S = 4.1


def script_of(seconds: float) -> dict[str, Any]:
    """A script that lasts about ``seconds``."""
    lines = [
        {
            "speaker": "ANA" if index % 2 else "BEN",
            "text": f"{SENTENCES[index % len(SENTENCES)]} Number {index}.",
        }
        for index in range(max(1, round(seconds / _LINE_S)))
    ]
    cast = {"ANA": "stock:espeak/en-us+f2", "BEN": "stock:espeak/en-us+m3"}
    return {"language": "en", "cast": cast, "lines": lines, "output": {"formats": ["mp3"]}}
