"""Scripts of every kind, and scripts that a format can hold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORDS = (
    "Hear",
    "what?",
    "No te muevas.",
    "그래요",
    "שלום",
    "12:30",
    "no",
    "Ça",
    "—",
    "it's",
    "1.5",
    "(yes)",
    "&",
)
ROLES = ("ANA", "BEN", "Zoë", "안나", "OLD MAN", "J. R.", "R2D2", "אנה")
VOICES = ("spk_01J", "stock:espeak/en-us+f2")

spoken = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(lambda words: "I " + " ".join(words))
_roles = st.sampled_from(ROLES)
anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
ids = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)
controls = {
    "speed": st.integers(50, 200).map(lambda n: n / 100),
    "pitch_st": st.integers(-12, 12),
    "gain_db": st.integers(-2400, 1200).map(lambda n: n / 100),
    "language": st.sampled_from(("en", "no", "es-MX")),
    "style": st.sampled_from(("whispering", "no", "1.5", "very calm")),
    "seed": st.integers(0, 99),
}
pauses = {"pause_after_ms": st.integers(0, 60_000)}
overlaps = {"overlap_ms": st.integers(0, 5_000)}
cast = st.dictionaries(st.sampled_from(ROLES), st.sampled_from(VOICES), max_size=3)
whole_cast = st.dictionaries(
    st.sampled_from(ROLES),
    st.one_of(
        st.sampled_from(VOICES),
        st.fixed_dictionaries({"speaker": st.sampled_from(VOICES)}, optional={"speed": controls["speed"]}),
    ),
    max_size=3,
)
header = {
    "title": st.sampled_from(("Pilot", "no", "The --> way: a *story*", "12:30", "# 1")),
    "language": st.sampled_from(("en", "no")),
    "seed": st.integers(1, 9),
    "cast": whole_cast,
    "metadata": st.dictionaries(ids, anything.map(lambda text: text.replace("\0", "")), max_size=2),
}


@st.composite
def slots(draw: Any) -> dict[str, int]:
    start = draw(st.integers(0, 14_000_000))
    return {"start_ms": start, "end_ms": start + draw(st.integers(1, 10_000))}


def scripts(
    *, texts: Any = spoken, roles: Any = _roles, fields: dict[str, Any] | None = None, slotted: bool = False,
    names: Any = None, around: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """Scripts whose lines have these optional ``fields`` and ids of ``names``, with the fields ``around``."""
    known = {"speaker": roles, "text": texts}
    line = st.fixed_dictionaries(known | ({"slot": slots()} if slotted else {}), optional=fields or {})

    def named(drawn: tuple[list[dict[str, Any]], list[str]]) -> list[dict[str, Any]]:
        lines, given = drawn
        return [{"id": name, **each} for each, name in zip(lines, given, strict=False)] if given else lines

    lines = st.tuples(
        st.lists(line, min_size=1, max_size=5),
        st.lists(names, min_size=5, max_size=5, unique=True) if names is not None else st.just([]),
    ).map(named)
    return st.fixed_dictionaries({"lines": lines}, optional=around or {})


ANY_SCRIPT = scripts(
    texts=anything, roles=anything, fields={**controls, **pauses, **overlaps, "slot": slots()}, names=ids,
    around={"title": anything, "cast": whole_cast, "metadata": header["metadata"]},
)  # fmt: skip

# What each format holds without a loss.
HELD = {
    "json": ANY_SCRIPT,
    "yaml": ANY_SCRIPT,
    "srt": scripts(slotted=True, names=st.integers(1, 9999).map("c{}".format)),
    "vtt": scripts(slotted=True, names=ids, around=header),
    "fountain": scripts(
        fields={"style": controls["style"]},
        around={"title": st.just("A *bold_ one"), "language": st.just("en"), "cast": cast.filter(bool)},
    ),
    "plain": scripts(fields=pauses, around=header),
    "csv": scripts(fields={**controls, **pauses, **overlaps, "slot": slots()}, names=ids),
    "xlsx": scripts(
        fields={**controls, **pauses, **overlaps, "slot": slots()}, names=ids, around={"cast": whole_cast}
    ),
}
