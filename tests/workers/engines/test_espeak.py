import hashlib
import itertools
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workers.audio.clip import Clip
from workers.audio.mix import resample
from workers.audio.timbre import long_term_db
from workers.engines.base import EngineError, EngineTake, TakeRequest
from workers.engines.tts.espeak import Espeak
from workers.engines.tts.espeak_adapt import Measured, measure

PROSE = {
    "en": "Did you hear that? Somebody is in the house!",
    "es": "No te muevas, por favor. El perro corre.",
    "de": "Wir fahren morgen früh nach Rostock.",
    "fr": "Qu'est-ce que c'est que ça? Rien du tout.",
    "ru": "Привет, как дела? Хорошо, друг.",
    "ko": "안녕하세요, 오늘 날씨가 좋네요.",
    "ja": "今日は 良い天気 ですね。",
    "zh": "你好,世界。今天天气很好。",
    "hi": "नमस्ते दुनिया, आज मौसम अच्छा है।",
    "vi": "Xin chào bạn, hôm nay trời đẹp.",
}
ROOT = Path(__file__).parents[3]
STORY = (
    "Did you hear that? I think somebody is in the house tonight. The weather was fine, and nobody "
    "had anything to say about it; so we walked home along the river. "
) * 2


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    engine = Espeak()
    engine.load()
    return engine


def _one(espeak: Espeak, text: str, **fields) -> EngineTake:
    (take,) = espeak.synthesize([TakeRequest(**{"text": text, "language": "en", "voice": "en-us"} | fields)])
    return take


def _figures(espeak: Espeak, text: str, **fields) -> Measured:
    return measure(_one(espeak, text, **fields).clip)


def _heard(text: str, take: EngineTake) -> list[str]:
    return [text[mark.start_char : mark.end_char] for mark in take.marks]


# -- the same request, the same bytes ---------------------------------------------------------


def _requests() -> list[TakeRequest]:
    """Every language, variants that draw noise, echo or overflow, extremes of pitch and speed."""
    variants = ("", "+f2", "+whisper", "+aunty", "+f5", "+iven", "+antonio", "+Alicia")
    controls = itertools.cycle([(0.0, 1.0), (12.0, 1.3), (-12.0, 2.0), (3.3, 0.5)])
    return [
        TakeRequest(
            text=text, language=language, voice=f"en{variant}", pitch_st=pitch, speed=speed, seed=index
        )
        for index, ((language, text), variant) in enumerate(itertools.product(PROSE.items(), variants))
        for pitch, speed in [next(controls)]
    ]


def _digests(order: list[int]) -> dict[int, str]:
    engine, requests = Espeak(), _requests()
    takes = {index: next(engine.synthesize([requests[index]])) for index in order}
    return {
        index: hashlib.sha256(take.clip.samples.tobytes() + repr(take.marks).encode()).hexdigest()
        for index, take in takes.items()
    }


def _digests_elsewhere(order: list[int]) -> dict[int, str]:
    code = f"import json; from {__name__} import _digests; print(json.dumps(_digests({order})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    return {int(index): digest for index, digest in json.loads(done.stdout).items()}


def test_takes_do_not_depend_on_the_order_or_the_process_they_are_made_in():
    order = list(range(len(_requests())))
    shuffled = random.Random(1).sample(order, len(order))
    first = _digests(order)
    assert _digests(shuffled) == first
    assert _digests_elsewhere(shuffled[::-1]) == first


# -- voices and languages ---------------------------------------------------------------------


def test_every_voice_and_every_variant_speaks(espeak):
    """A voice that the library does not know, or has no dictionary for, gives no sound or an error."""
    names = [voice.name for voice in espeak.info.voices]
    spoken = [(name, voice.languages[0]) for name, voice in zip(names, espeak.info.voices, strict=True)]
    spoken += [(f"en+{variant}", "en") for variant in espeak.info.variants]
    for name, language in spoken:
        take = _one(espeak, "123 a o 5", voice=name, language=language)
        assert take.error is None, name
        assert np.abs(take.clip.samples).max() > 0.01, name


def test_facts_say_what_the_wheel_holds(espeak):
    info = espeak.info
    assert re.fullmatch(r"\d+\.\d+.*", info.version)
    assert len(info.voices) > 130
    assert {"en-us", "fr", "ko", "cmn"} <= {voice.name for voice in info.voices}
    assert info.voices[[v.name for v in info.voices].index("en-us")].languages == ("en-US", "en")
    assert {"steady", "m3", "f2"} <= set(info.variants)
    assert not {"klatt", "robosoft", "Mr serious"} & set(info.variants)
    assert "ru-CL" not in info.languages  # a variety of Russian, not Chile


@pytest.mark.parametrize(
    ("voice", "language", "same_as"),
    [
        ("en-us", "en-GB", "en-us"),  # its own language, whatever the region
        ("en-us", "es-AR", "es"),
        ("en-us", "es-MX", "es-419"),
        ("fr", "pt-BR", "pt-br"),
        ("en-us+f2", "de", "de+f2"),
        ("en-us", "zh-Hant-TW", "cmn"),
    ],
)
def test_a_voice_that_lacks_the_language_lends_its_variant_to_one_that_has_it(
    espeak, voice, language, same_as
):
    text = "Hotel Taxi 5"
    asked = _one(espeak, text, voice=voice, language=language).clip.samples
    own = _one(espeak, text, voice=same_as, language=language).clip.samples
    np.testing.assert_array_equal(asked, own)


@pytest.mark.parametrize("voice", ["en-us+nobody", "fr-fr", "gmw/en-US", "", "en-us+../m3", None])
def test_a_voice_that_is_not_listed_is_refused(espeak, voice):
    error = _one(espeak, "Hello.", voice=voice).error
    assert error is not None
    assert error.code == "unknown_voice"


def test_text_is_never_markup(espeak):
    """In SSML mode the break would be a pause, and in phoneme mode the brackets one word."""
    said = _heard(text := 'a <break time="3s"/> b', _one(espeak, text))
    assert "break" in said
    assert said[-1] == "b"
    assert _one(espeak, text).clip.duration_ms > _one(espeak, "a, b").clip.duration_ms + 1000
    spelled = _one(espeak, "[[h@l'oU]]").clip.duration_ms
    assert spelled != _one(espeak, "[[w'3:ld]]").clip.duration_ms
    assert _one(espeak, "\0\x01 &amp; \ud800").error is None


# -- pitch and speed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("voice", "shift"),
    # a man's voice an octave down is below what the tracker looks for
    [
        ("en-us", -8.0),
        ("en-us", 0.7),
        ("en-us", 12.0),
        ("en-us+f2", -12.0),
        ("en-us+f2", 5.5),
        ("es+f4", 12.0),
    ],
)
def test_pitch_moves_by_the_semitones_asked_for(espeak, voice, shift):
    """Within 0.3: a voice file takes whole Hz, which is 0.25 semitones where it is lowest."""
    plain, moved = (_figures(espeak, STORY[:120], voice=voice, pitch_st=st) for st in (0.0, shift))
    assert 12 * np.log2(moved.f0_hz / plain.f0_hz) == pytest.approx(shift, abs=0.3)
    assert moved.range_st == pytest.approx(plain.range_st, abs=0.6)


@pytest.mark.parametrize(
    ("shift", "warned"), [(12.0, []), (13.0, ["pitch_clamped"]), (-40.0, ["pitch_clamped"])]
)
def test_more_than_an_octave_is_cut_back_with_a_warning(espeak, shift, warned):
    take = _one(espeak, "Hello.", pitch_st=shift)
    assert [code for code, _ in take.warnings] == warned


@pytest.mark.parametrize(
    ("speed", "warned"), [(0.5, []), (2.0, []), (3.0, ["speed_clamped"]), (0.3, ["speed_clamped"])]
)
def test_speed_divides_the_time_and_stops_where_the_library_does(espeak, speed, warned):
    take = _one(espeak, STORY, speed=speed)
    assert [code for code, _ in take.warnings] == warned
    if not warned:
        # pauses do not shrink in proportion, and the library's scale is only nominally words a minute
        ratio = len(_one(espeak, STORY).clip.samples) / len(take.clip.samples)
        assert ratio == pytest.approx(speed, rel=0.15)


# -- word marks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "No, 1,234 of the cats — well-known.", ["No", "1,234", "of", "the", "cats", "well-known"]),
        ("en", "“Yes”—he said… 😀 e\u0301t\u00e9 5%", ["Yes", "he", "said", "e\u0301t\u00e9", "5"]),
        ("en", "3 + 4 😀 is seven", ["3", "4", "is", "seven"]),
        ("de", "Am 3. Mai 1999 um 10:30 Uhr.", ["Am", "3", "Mai", "1999", "um", "10:30", "Uhr"]),
        ("ko", "안녕하세요, 오늘 날씨가 좋네요.", ["안녕하세요", "오늘", "날씨가", "좋네요"]),
        ("ja", "今日は 良い天気 ですね。2024年に。", ["今日は", "良い天気", "ですね", "2024", "年に"]),
        ("zh", "你好,世界。2024年见。", ["你好", "世", "界", "2024", "年", "见"]),
        ("hi", "आज, दुनिया।", ["आज", "दुनिया"]),
        ("fr", "voila\u0300, l'e\u0301te\u0301!", ["voila\u0300", "l'e\u0301te\u0301"]),
        ("ar", "مرحبا بالعالم، كيف حالك؟", ["مرحبا", "بالعالم", "كيف", "حالك"]),
    ],
)
def test_marks_name_the_words_that_are_heard(espeak, language, text, words):
    assert _heard(text, _one(espeak, text, language=language)) == words


@pytest.mark.parametrize(
    ("language", "text", "exact"),
    [
        ("en", "All of the cats.", {"All": True, "of": True, "the": True, "cats": True}),
        ("en", "He could have gone.", {"He": True, "could": False, "have": False, "gone": True}),
        ("ko", "오늘 날씨가 좋네요.", {"오늘": True, "날씨가": True, "좋네요": True}),
        ("ja", "今日は 天。", {"今日は": False, "天": True}),
        ("zh", "你好,世界。", {"你好": False, "世": True, "界": True}),
    ],
)
def test_words_that_share_an_event_are_exact_only_where_their_phonemes_add_up(espeak, language, text, exact):
    take = _one(espeak, text, language=language)
    assert dict(zip(_heard(text, take), (mark.exact for mark in take.marks), strict=True)) == exact


@pytest.mark.parametrize("language", PROSE)
def test_words_sound_where_their_marks_are_and_pauses_lie_between(espeak, language):
    take = _one(espeak, PROSE[language], language=language)
    heard = np.abs(take.clip.samples) > 0.01
    inside = np.zeros(len(heard), bool)
    for mark in take.marks:
        first, last = (round(ms * take.clip.rate / 1000) for ms in (mark.start_ms, mark.end_ms))
        assert heard[first:last].mean() > 0.2
        inside[first:last] = True
    # 30 ms of each pause may still ring: the last phoneme's decay is counted to the pause
    assert heard[~inside].sum() / take.clip.rate < 0.03 * len(take.marks)
    assert heard[inside].sum() / heard.sum() > 0.97


def test_a_words_end_is_not_moved_to_the_next_word_by_a_pause(espeak):
    text = "Stop. Go."
    stop, go = _one(espeak, text).marks
    assert go.start_ms - stop.end_ms > 100


def test_a_sign_read_aloud_does_not_lengthen_the_word_before(espeak):
    plain, signed = (_one(espeak, text).marks[0] for text in ("Hello, now", "Hello 😀 now"))
    assert signed.end_ms - signed.start_ms < 1.5 * (plain.end_ms - plain.start_ms)


def test_numbers_never_reach_into_the_next_word(espeak):
    rng = random.Random(3)
    for _ in range(40):
        number = f"{rng.randrange(10 ** rng.randrange(1, 10)):,}"
        text = f"We have {number} cats here."
        assert _heard(text, _one(espeak, text)) == ["We", "have", number, "cats", "here"]


def test_five_thousand_characters_are_spoken_with_all_their_words(espeak):
    text = ("word " * 1000)[:5000].strip()
    take = _one(espeak, text, speed=2.0)
    assert len(take.marks) == 1000


# -- enrolled speakers ------------------------------------------------------------------------


@pytest.mark.parametrize("transcript", [None, STORY])
@pytest.mark.parametrize(
    ("voice", "pitch_st", "speed"),
    [("en-us+m7", 2.0, 0.85), ("en-us", -3.0, 1.2), ("en+f5", 6.0, 0.8)],
)
def test_an_enrolled_voice_has_the_references_pitch_and_pace(espeak, voice, pitch_st, speed, transcript):
    """5 % of pitch: a small semitone. The melody of another text alone changes range and pace."""
    reference = _one(espeak, STORY, voice=voice, pitch_st=pitch_st, speed=speed).clip
    wanted = measure(reference)
    profile = espeak.enroll(reference, language="en", transcript=transcript)
    adapted = _figures(espeak, STORY, voice=None, profile=profile)
    assert profile["f0_hz"] == pytest.approx(wanted.f0_hz, abs=0.1)
    assert adapted.f0_hz == pytest.approx(wanted.f0_hz, rel=0.05)
    assert adapted.range_st == pytest.approx(wanted.range_st, abs=0.5 if transcript else 1.5)
    assert adapted.syllables_per_s == pytest.approx(wanted.syllables_per_s, rel=0.05 if transcript else 0.2)


def test_an_enrolled_voice_speaks_other_languages_at_its_own_pitch(espeak):
    reference = _one(espeak, STORY, voice="en-us+f4").clip
    profile = espeak.enroll(reference, language="en", transcript=None)
    spanish = _figures(espeak, PROSE["es"] * 4, language="es", voice=None, profile=profile)
    assert spanish.f0_hz == pytest.approx(profile["f0_hz"], rel=0.08)


@pytest.mark.parametrize("voice", ["en-us+f4", "en-us+m7"])
def test_an_enrolled_voice_has_nearly_the_references_long_term_spectrum(espeak, voice):
    """Recorded as by a telephone, which is 4.5 dB and more from espeak's own, said with another text."""

    def through_a_telephone(clip: Clip) -> Clip:
        spectrum, hz = np.fft.rfft(clip.samples), np.fft.rfftfreq(len(clip.samples), 1 / clip.rate)
        curve = 10 ** (-8 * np.abs(np.log2(np.maximum(hz, 50) / 1200)) / 20)
        return Clip(np.fft.irfft(spectrum * curve, len(clip.samples)).astype(np.float32), clip.rate)

    reference = through_a_telephone(_one(espeak, STORY, voice=voice).clip)
    profile = espeak.enroll(reference, language="en", transcript=None)
    bare = {key: value for key, value in profile.items() if key not in ("warp", "gains_db")}
    wanted = long_term_db(through_a_telephone(_one(espeak, PROSE["en"] * 3, voice=voice).clip))
    adapted, plain = (_one(espeak, PROSE["en"] * 3, voice=None, profile=p) for p in (profile, bare))
    near, far = (
        float(np.sqrt(np.square(long_term_db(take.clip) - wanted).mean())) for take in (adapted, plain)
    )
    assert near < 0.6 * far
    assert far > 4
    assert len(adapted.clip.samples) == len(plain.clip.samples)
    assert adapted.marks == plain.marks
    assert np.abs(adapted.clip.samples).max() < 1


def test_a_reference_at_another_rate_enrolls_alike(espeak):
    reference = _one(espeak, STORY).clip
    here, there = (
        espeak.enroll(clip, language="en", transcript=None)
        for clip in (reference, resample(reference, 44_100))
    )
    assert there["f0_hz"] == pytest.approx(here["f0_hz"], rel=0.01)
    assert there["rate_wpm"] == pytest.approx(here["rate_wpm"], rel=0.05)


def test_a_reference_without_a_voice_is_refused(espeak):
    hiss = (0.1 * np.random.default_rng(0).standard_normal(22_050 * 3)).astype(np.float32)
    with pytest.raises(EngineError) as refusal:
        espeak.enroll(Clip(hiss, 22_050), language="en", transcript=None)
    assert refusal.value.code == "no_voice"


@pytest.mark.parametrize(
    "profile",
    [
        {"kind": "adapted"},
        {"variant": "nobody", "pitch": 1, "range": 1, "rate_wpm": 1},
        {"variant": "m3", "pitch": 90, "range": 30, "rate_wpm": 175, "warp": 1.0, "gains_db": [0.0]},
    ],
)
def test_a_profile_of_another_engine_is_an_error_of_the_line(espeak, profile):
    error = _one(espeak, "Hello.", voice=None, profile=profile).error
    assert error is not None
    assert error.code == "bad_profile"


# -- the process ------------------------------------------------------------------------------


def test_the_data_folder_is_gone_when_the_process_is():
    code = (
        "from workers.engines.tts.espeak import Espeak; from workers.engines.tts import espeak_library as e;"
        "Espeak().load(); print(e.library().overlay)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=ROOT)
    assert not Path(done.stdout.strip()).exists()


def test_importing_the_engine_loads_no_library():
    code = "import workers.engines.tts.espeak; print('libespeak' in open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
