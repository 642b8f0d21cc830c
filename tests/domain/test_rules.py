"""Keys, plans, languages, first bytes: small rules, each with its edge."""

import pytest

from voicereel.domain.account import Principal, is_well_formed, key_hash, new_key
from voicereel.domain.fingerprint import take_fingerprint
from voicereel.domain.plan import SHARD_CHARACTERS, SHARD_LINES, shard_lines
from voicereel.domain.speakers import match_language, sniff_audio, split_stock_id


def test_a_key_is_told_apart_by_position_and_checked_before_the_database() -> None:
    key = new_key()
    assert key.startswith("vr_live_")
    assert len(key) == len("vr_live_") + 12 + 1 + 43 + 6
    assert is_well_formed(key)
    assert len(key_hash(key)) == 64


def test_any_single_typing_error_in_a_key_is_found() -> None:
    key = new_key()
    for at in range(len(key)):
        wrong = "x" if key[at] != "x" else "y"
        assert not is_well_formed(key[:at] + wrong + key[at + 1 :]), at


@pytest.mark.parametrize("bad", ["", "vr_live_", "vr_live_é" * 10, "Bearer x"])
def test_nonsense_is_no_key(bad: str) -> None:
    assert not is_well_formed(bad)


def test_scopes_deny_by_default_and_admin_may_all() -> None:
    assert not Principal(tenant_id="t", key_id="k", scopes=frozenset()).may("jobs:read")
    assert Principal(tenant_id="t", key_id="k", scopes=frozenset({"admin"})).may("jobs:read")


def test_shards_are_contiguous_bounded_and_of_one_engine() -> None:
    lengths = [100] * 200 + [5000, 10]
    engines = ["a"] * 150 + ["b"] * 52
    shards = list(shard_lines(lengths, engines))
    assert [shard.first for shard in shards[1:]] == [shard.last for shard in shards[:-1]]
    assert (shards[0].first, shards[-1].last) == (0, 202)
    for shard in shards:
        count = shard.last - shard.first
        assert set(engines[shard.first : shard.last]) == {shard.engine}
        assert count <= SHARD_LINES
        assert count == 1 or sum(lengths[shard.first : shard.last]) <= SHARD_CHARACTERS


@pytest.mark.parametrize(
    ("wanted", "offered", "best"),
    [
        ("en-GB", ("en-us", "en-gb"), "en-gb"),
        ("en-ZA", ("en-us", "en"), "en"),
        ("pt", ("pt-BR", "pt-PT"), "pt-BR"),
        ("zh-Hant-TW", ("zh-Hant", "zh"), "zh-Hant"),
        ("xx", ("en",), None),
    ],
)
def test_languages_are_matched_as_rfc_4647_looks_them_up(
    wanted: str, offered: tuple[str, ...], best: str
) -> None:
    assert match_language(wanted, offered) == best


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WAVE", "wav"),
        (b"RF64\xff\xff\xff\xffWAVE", "wav"),
        (b"fLaC\x00\x00\x00\x22....", "flac"),
        (b"OggS\x00\x02........", "ogg"),
        (b"ID3\x04\x00.......", "mp3"),
        (b"\xff\xfb\x90\x64........", "mp3"),
        (b"\x00\x00\x00\x20ftypM4A ", "m4a"),
        (b"\x89PNG\r\n\x1a\n....", None),
        (b"#EXTM3U\n....", None),
        (b"\xff\xd8\xff\xe0........", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_whether_a_file_can_be_audio(head: bytes, kind: str | None) -> None:
    assert sniff_audio(head) == kind


@pytest.mark.parametrize("bad", ["stock:", "stock:espeak", "stock:/x", "stock:espeak/", "spk_1"])
def test_only_whole_stock_ids_are_split(bad: str) -> None:
    assert split_stock_id(bad) is None
    assert split_stock_id("stock:espeak/en-us+m3") == ("espeak", "en-us+m3")


def test_a_fingerprint_changes_with_everything_that_changes_the_sound() -> None:
    base = {
        "engine": "e", "engine_version": "1", "voice": {"name": "a"}, "text": "x", "language": "en",
        "speed": 1.0, "pitch_st": 0.0, "style": None, "seed": 0,
    }  # fmt: skip
    changes = {
        "engine": "f", "engine_version": "2", "voice": {"name": "b"}, "text": "y", "language": "es",
        "speed": 1.1, "pitch_st": 1.0, "style": "sad", "seed": 1,
    }  # fmt: skip
    prints = {take_fingerprint(**base)} | {
        take_fingerprint(**{**base, name: value}) for name, value in changes.items()
    }
    assert len(prints) == 1 + len(changes)
