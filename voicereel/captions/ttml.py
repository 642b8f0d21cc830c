"""Cues as TTML, in the text profile of IMSC 1.0.1: speakers are agents, cues shown at once have regions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from voicereel.captions.cue import Cue, clock
from voicereel.captions.lanes import lanes
from voicereel.captions.style import primary_subtag
from voicereel.domain.script import spoken_text

_TT = "http://www.w3.org/ns/ttml"
_TTM, _TTP, _TTS = f"{_TT}#metadata", f"{_TT}#parameter", f"{_TT}#styling"
_XML = "http://www.w3.org/XML/1998/namespace"
_PROFILE = f"{_TT}/profile/imsc1/text"
_SPACES = {"": _TT, "ttm": _TTM, "ttp": _TTP, "tts": _TTS}


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    origin: str
    align: str


# By lane: bottom, top, middle. They do not touch; who comes fourth stands in the first, above the other.
_REGIONS = (
    _Region("bottom", origin="10% 75%", align="after"),
    _Region("top", origin="10% 5%", align="before"),
    _Region("middle", origin="10% 40%", align="center"),
)
_EXTENT = "80% 20%"
_LOOK = {
    "fontFamily": "proportionalSansSerif",
    "fontSize": "80%",
    "lineHeight": "125%",
    "textAlign": "center",
    "color": "white",
    "backgroundColor": "#000000C0",
}
_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
# What no XML file can hold, whatever it is escaped as.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Element = ElementTree.Element


@dataclass(frozen=True, slots=True)
class _Agent:
    name: str
    role: str


def to_ttml(cues: Sequence[Cue], *, title: str, language: str) -> str:
    """A TTML file. Times are media time; a cue's language is given where it is not the file's."""
    agents = {agent: f"a{number}" for number, agent in enumerate(dict.fromkeys(map(_agent, cues)), start=1)}
    about = {f"{{{_XML}}}lang": language, f"{{{_TTP}}}profile": _PROFILE, f"{{{_TTP}}}timeBase": "media"}
    root = Element(f"{{{_TT}}}tt", about)
    root.append(_head(title, agents))
    div = _under(_under(root, "body"), "div", style="s1")
    for number, (cue, lane) in enumerate(zip(cues, lanes(cues), strict=True), start=1):
        rows = [row for row in map(_legal, cue.lines) if row]
        if rows:
            div.append(_cue(number, cue, rows, lane=lane, agent=agents[_agent(cue)], language=language))
    _indent(root, 0)
    return _text(root)


def _agent(cue: Cue) -> _Agent:
    role = _legal(cue.role)
    return _Agent(_legal(cue.speaker_name) or role, role)


def _legal(text: str) -> str:
    """The text as it is shown, without what XML cannot hold."""
    return spoken_text(_NOT_XML.sub("", spoken_text(text)))


def _head(title: str, agents: Mapping[_Agent, str]) -> Element:
    head = Element(f"{{{_TT}}}head")
    metadata = _under(head, "metadata")
    _under(metadata, "title", space=_TTM).text = _legal(title)
    for agent, agent_id in agents.items():
        _add_agent(metadata, agent, agent_id)
    style = _under(_under(head, "styling"), "style")
    style.set(f"{{{_XML}}}id", "s1")
    _set_style(style, **_LOOK)
    layout = _under(head, "layout")
    for region in _REGIONS:
        element = _under(layout, "region")
        element.set(f"{{{_XML}}}id", region.name)
        _set_style(element, origin=region.origin, extent=_EXTENT, displayAlign=region.align)
    return head


def _add_agent(metadata: Element, agent: _Agent, agent_id: str) -> None:
    element = _under(metadata, "agent", space=_TTM, type="person")
    element.set(f"{{{_XML}}}id", agent_id)
    _under(element, "name", space=_TTM, type="full").text = agent.name
    if agent.role and agent.role != agent.name:
        _under(element, "name", space=_TTM, type="alias").text = agent.role


def _set_style(element: Element, **values: str) -> None:
    for name, value in values.items():
        element.set(f"{{{_TTS}}}{name}", value)


def _cue(number: int, cue: Cue, rows: Sequence[str], *, lane: int, agent: str, language: str) -> Element:
    region = _REGIONS[lane if lane < len(_REGIONS) else 0].name
    times = {"begin": clock(cue.start_ms), "end": clock(cue.end_ms)}
    element = Element(f"{{{_TT}}}p", {f"{{{_XML}}}id": f"c{number}", **times, "region": region})
    element.set(f"{{{_TTM}}}agent", agent)
    if cue.language and cue.language != language:
        element.set(f"{{{_XML}}}lang", cue.language)
    if primary_subtag(cue.language or language) in _RIGHT_TO_LEFT:
        _set_style(element, direction="rtl")
    element.text = rows[0]
    for row in rows[1:]:
        _under(element, "br").tail = row
    return element


def _under(parent: Element, name: str, *, space: str = _TT, **attributes: str) -> Element:
    return ElementTree.SubElement(parent, f"{{{space}}}{name}", attributes)


def _indent(element: Element, depth: int) -> None:
    """White space between elements; in a cue it would be text."""
    if element.tag == f"{{{_TT}}}p" or not len(element):
        return
    element.text = "\n" + "  " * (depth + 1)
    for child in element:
        _indent(child, depth + 1)
        child.tail = element.text
    element[-1].tail = "\n" + "  " * depth


def _text(root: Element) -> str:
    for prefix, space in _SPACES.items():
        ElementTree.register_namespace(prefix, space)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
