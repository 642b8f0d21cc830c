"""Scripts in files: JSON, YAML, SRT, WebVTT, Fountain, plain text, CSV and XLSX.

``load`` and ``loads`` give a ``ScriptSource``: the script for ``VoiceReel.synthesize``, and the place in the
file of each of its parts. All that can be wrong with a file is a ``ScriptError`` with every problem found.
"""

from voicereel_client.scripts.formats import FORMATS, dumps, format_of, load, loads
from voicereel_client.scripts.problems import Place, Problem, ScriptError
from voicereel_client.scripts.sources import ScriptSource

__all__ = [
    "FORMATS",
    "Place",
    "Problem",
    "ScriptError",
    "ScriptSource",
    "dumps",
    "format_of",
    "load",
    "loads",
]
