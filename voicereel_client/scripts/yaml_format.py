"""YAML: the same fields as JSON. Plain words are read as YAML 1.2 has them: ``no`` and ``12:30`` are text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from voicereel_client.scripts.drafts import Draft, escaped
from voicereel_client.scripts.json_format import MAX_DEPTH
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.texts import text_of

# Far more than the largest script has; a few lines of aliases can stand for billions.
MAX_VALUES = 200_000

_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_UNDERSTOOD = {None, "!", *(_TAG + kind for kind in ("str", "seq", "map"))}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(content: bytes | str, draft: Draft) -> None:
    draft.script = read_object(text_of(content, draft, guess=False), draft)


def read_header(text: str, draft: Draft, *, first_line: int) -> None:
    """The fields of a script without its lines, where another format has a place for such a text."""
    found = read_object(text, draft, first_line=first_line)
    if "lines" in found:
        raise draft.stop("bad_syntax", "The lines follow the header, not within it.", draft.place("/lines"))
    draft.script.update(found)


def read_object(text: str, draft: Draft, *, first_line: int = 1) -> dict[str, Any]:
    try:
        root = _Composer(draft, first_line).compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + first_line, mark.column + 1) if mark else Place(first_line)
        raise draft.stop("bad_syntax", f"This is not YAML: {error.problem}.", place) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        detail = "This is not YAML: there are control characters or half characters in it."
        raise draft.stop("bad_syntax", detail, Place(first_line)) from None
    if root is None or not isinstance(root.value, dict):
        detail = "This is not a YAML mapping: a script begins with fields such as 'lines:'."
        raise draft.stop("bad_syntax", detail, Place(first_line))
    value = _unfolded(root, "", draft.places)
    assert isinstance(value, dict)
    return value


def write(script: Mapping[str, Any]) -> bytes:
    return dump(script).encode()


def dump(value: Mapping[str, Any]) -> str:
    """Without blank rows and arrows, so that any format may hold it."""
    dumped = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)
    return str(dumped).replace("-->", "--\\x3E")


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would not read as text; repeats a value instead of an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the base class has it
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = '"' if "-->" in text or not text.isprintable() else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=quoted)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_implicit_resolver(f"{_TAG}float", re.compile(rf"(?:{_NUMBER.pattern})\Z"), list("-+.0123456789"))


@dataclass
class _Node:
    """A value with its place; ``size`` and ``depth`` count what its aliases stand for."""

    value: Any
    place: Place
    size: int = 1
    depth: int = 1
    anchor: str | None = None
    key: str | None = None


class _Composer:
    """Values of events, one after the other: nothing here is as deep as the file may be."""

    def __init__(self, draft: Draft, first_line: int) -> None:
        self._draft = draft
        self._first_line = first_line
        self._stack: list[_Node] = []
        self._anchors: dict[str, _Node] = {}
        self._root: _Node | None = None

    def compose(self, text: str) -> _Node | None:
        for event in yaml.parse(text, Loader=_Loader):
            mark = event.start_mark
            assert mark
            place = Place(mark.line + self._first_line, mark.column + 1)
            if isinstance(event, yaml.DocumentStartEvent) and self._root:
                raise self._draft.stop("bad_syntax", "One file is one script: there is a second one.", place)
            if isinstance(event, yaml.NodeEvent):
                self._node(event, place)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._attach(self._stack.pop())
        return self._root

    def _node(self, event: yaml.NodeEvent, place: Place) -> None:
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                detail = f"The alias *{event.anchor} stands for nothing, or holds itself."
                raise self._draft.stop("bad_syntax", detail, place)
            self._attach(_Node(known.value, known.place, known.size, known.depth))
            return
        tag = getattr(event, "tag", None)
        if tag not in _UNDERSTOOD:
            raise self._draft.stop("bad_syntax", "Tags (!…) are not read: leave it out.", place)
        if isinstance(event, yaml.ScalarEvent):
            self._attach(_Node(self._scalar(event, place), place, anchor=event.anchor))
            return
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        if len(self._stack) >= MAX_DEPTH:
            raise self._draft.stop("bad_syntax", f"Nested more than {MAX_DEPTH} deep: no script is.", place)
        self._stack.append(_Node(empty, place, anchor=event.anchor))

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> object:
        text = str(event.value)
        in_key = bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None
        plain = event.implicit[0] and not event.style
        if in_key or not plain:
            return text
        value = _plain(text)
        if isinstance(value, str) and _differs_in_1_1(text):
            detail = (
                f"{text[:40]!r} is read as text; older readers of YAML take it for something else. Quote it."
            )
            self._draft.warn("yaml_ambiguous", detail, place)
        return value

    def _attach(self, node: _Node) -> None:
        if node.anchor:
            self._anchors[node.anchor] = node
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(node)
        elif top.key is None:
            top.key = self._key(node, top)
            return
        else:
            top.value[top.key] = node
            top.key = None
        top.size += node.size
        top.depth = max(top.depth, node.depth + 1)
        if top.size > MAX_VALUES or top.depth > MAX_DEPTH:
            detail = "Written out, the aliases stand for more than any script holds."
            raise self._draft.stop("too_many_values", detail, node.place)

    def _key(self, node: _Node, top: _Node) -> str:
        if not isinstance(node.value, str):
            raise self._draft.stop("bad_syntax", "A key is a word, not a list or a mapping.", node.place)
        if node.value == "<<":
            raise self._draft.stop("bad_syntax", "Merge keys (<<) are not read: write it out.", node.place)
        if node.value in top.value:
            detail = f"The key {node.value!r} is there twice: only one could count."
            self._draft.error("duplicate_key", detail, node.place)
        return node.value


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if len(text) < 100 and _NUMBER.fullmatch(text) else text


def _differs_in_1_1(text: str) -> bool:
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[:1], [])
    return any(tag != f"{_TAG}value" and pattern.match(text) for tag, pattern in resolvers)


def _unfolded(node: _Node, pointer: str, places: dict[str, Place]) -> object:
    places.setdefault(pointer, node.place)
    if isinstance(node.value, dict):
        return {k: _unfolded(v, f"{pointer}/{escaped(k)}", places) for k, v in node.value.items()}
    if isinstance(node.value, list):
        return [_unfolded(v, f"{pointer}/{index}", places) for index, v in enumerate(node.value)]
    return node.value
