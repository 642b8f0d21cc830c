"""The page in a real browser, as a customer opens it: from a file, with no network."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.reels import reel_of
from tests.rendering import studio
from tests.workers.preview.pages import HOSTILE, SCRIPT

CHROMIUM = os.environ.get("VOICEREEL_TEST_CHROMIUM", "")
# Where the machine is busy with other tests, a browser takes its time.
PATIENCE_MS = 60_000


class Complaints:
    """What a page asked for, and what it or its browser complained of."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not CHROMIUM:
        if os.environ.get("VOICEREEL_REQUIRE_SERVICES") == "1":
            pytest.fail("VOICEREEL_REQUIRE_SERVICES=1, but there is no Chromium to look with")
        pytest.skip("no Chromium: set VOICEREEL_TEST_CHROMIUM")
    made = tmp_path_factory.mktemp("pages")
    with studio(made / "home", engines="fake", default_engine="fake") as any_studio:
        any_studio.render(SCRIPT, made)
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Page]:
    # Chromium's sandbox refuses to run as root, as CI does
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=sandbox, timeout=PATIENCE_MS)
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        browser.close()


@pytest.fixture
def complaints(page: Page, folder: Path) -> Complaints:
    """The page, opened afresh and ready to play."""
    found = Complaints(page)
    page.goto((folder / "reel.html").as_uri())
    until(page, "loadedmetadata", "sound.readyState > 0")
    return found


@pytest.fixture
def opened(page: Page, complaints: Complaints) -> Iterator[Page]:
    yield page
    assert complaints.said == []


def until(page: Page, event: str, condition: str) -> None:
    """Wait for the sound to be in a state, looked at whenever ``event`` happens. (Playwright's own wait
    evaluates text, which the page's policy forbids.)
    """
    page.evaluate(
        f"""() => new Promise((done) => {{
            const sound = document.querySelector("#sound");
            const look = () => {{ if ({condition}) done(); }};
            sound.addEventListener("{event}", look);
            look();
        }})"""
    )


def go_to(page: Page, ms: int) -> None:
    """As a drag of the slider does."""
    page.locator("#seek").evaluate(
        "(slider, ms) => { slider.value = ms; slider.dispatchEvent(new Event('input')); }", ms
    )


def position_ms(page: Page) -> float:
    return float(page.locator("#seek").input_value())


def sounding_ms(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#sound').currentTime * 1000"))


def highlighted(page: Page) -> list[str]:
    return page.locator(".w.on").all_inner_texts()


def altered(folder: Path, target: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """The URL of a copy of the page, with other data."""
    before, opening, rest = (folder / "reel.html").read_text(encoding="utf-8").partition('id="data">')
    data, closing, after = rest.partition("</script>")
    values = json.loads(data)
    change(values)
    escaped = json.dumps(values).replace("<", "\\u003c")
    (target / "altered.html").write_text(before + opening + escaped + closing + after, encoding="utf-8")
    return (target / "altered.html").as_uri()


def spoken_at(reel: dict[str, Any], ms: int) -> list[str]:
    """The words of all lines that sound at a moment, in script order."""
    words = [word for line in reel["lines"] for word in line["words"]]
    return [word["text"] for word in words if word["start_ms"] <= ms < word["end_ms"]]


def test_it_loads_nothing_complains_of_nothing_and_knows_its_length(
    opened: Page, complaints: Complaints, folder: Path
) -> None:
    reel = reel_of(folder)
    assert {re.split("[:/]", url)[0] for url in complaints.requests} <= {"file", "blob", "data"}
    seconds = opened.evaluate("document.querySelector('#sound').duration")
    assert abs(seconds * 1000 - reel["duration_ms"]) <= 1
    assert opened.locator("#lines > li").count() == len(reel["lines"])


def test_whatever_a_customer_wrote_is_text(opened: Page, folder: Path) -> None:
    assert opened.title() == HOSTILE
    assert opened.locator("h1").inner_text() == HOSTILE
    assert opened.locator(".text").all_inner_texts() == [line["text"] for line in reel_of(folder)["lines"]]
    assert opened.locator("#labels .who").all_inner_texts() == ["<b>ANA</b>", "BEN"]
    assert opened.locator("img, b").count() == 0


def test_the_words_that_are_spoken_are_highlighted(opened: Page, folder: Path) -> None:
    reel = reel_of(folder)
    words = [word for line in reel["lines"] for word in line["words"]]
    moments = {word["start_ms"] for word in words} | {word["end_ms"] for word in words}
    assert any(len(spoken_at(reel, ms)) == 2 for ms in moments)
    assert [] in [spoken_at(reel, ms) for ms in moments]
    for ms in sorted(moments):
        go_to(opened, ms)
        assert highlighted(opened) == spoken_at(reel, ms), ms


def test_captions_are_shown_as_they_are_cut(opened: Page, folder: Path) -> None:
    for cue in reel_of(folder)["cues"]:
        go_to(opened, cue["start_ms"])
        assert "\n".join(cue["lines"]) in opened.locator("#cues p").all_inner_texts()


def test_a_click_on_a_word_goes_to_its_start(opened: Page, folder: Path) -> None:
    line = reel_of(folder)["lines"][1]
    opened.locator("#lines > li").nth(1).locator(".w", has_text="Over").click()
    word = next(word for word in line["words"] if word["text"] == "Over")
    assert position_ms(opened) == word["start_ms"]
    until(opened, "seeked", "!sound.seeking")
    assert abs(sounding_ms(opened) - word["start_ms"]) < 1
    assert "Over" in highlighted(opened)


def test_it_plays_and_pauses(opened: Page) -> None:
    opened.keyboard.press("Space")
    expect(opened.get_by_role("button", name="Pause")).to_be_visible()
    until(opened, "timeupdate", "sound.currentTime > 0.3")
    opened.keyboard.press("k")
    expect(opened.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert position_ms(opened) == pytest.approx(sounding_ms(opened), abs=10)


def test_the_keyboard_reaches_everything(opened: Page, folder: Path) -> None:
    reel = reel_of(folder)
    starts = [line["start_ms"] for line in reel["lines"]]
    words = sorted(word["start_ms"] for line in reel["lines"] for word in line["words"])
    for key, expected in (
        (".", words[1]), (",", words[0]), ("n", starts[1]), ("n", starts[2]), ("p", starts[1]),
        ("End", reel["duration_ms"]), ("ArrowLeft", reel["duration_ms"] - 5000), ("j", 0), ("Home", 0),
    ):  # fmt: skip
        opened.keyboard.press(key)
        assert position_ms(opened) == max(expected, 0), key
    opened.keyboard.press("?")
    expect(opened.get_by_role("dialog", name="Keyboard")).to_be_visible()
    opened.keyboard.press("Escape")
    opened.keyboard.press("/")
    opened.keyboard.type("hear what")
    expect(opened.locator("#lines > li:visible")).to_have_count(1)
    expect(opened.get_by_role("status")).to_have_text("1 line of 5 shown.")


def test_problems_lead_to_their_lines(opened: Page, folder: Path) -> None:
    reel = reel_of(folder)
    listed = opened.locator("#problems")
    listed.get_by_role("button", name="Failed: engine failed.").click()
    assert position_ms(opened) == reel["lines"][2]["start_ms"]
    listed.get_by_role("button", name="Warning: slot overrun.").click()
    assert position_ms(opened) == 6000
    broken = {finding["line_id"] for finding in reel.get("conformance", {}).get("findings", ())}
    marked = [line for line in reel["lines"] if line["warnings"] or line["error"] or line["id"] in broken]
    opened.get_by_role("button", name="Marked only").click()
    expect(opened.locator("#lines .text:visible")).to_have_text([line["text"] for line in marked])


def test_captions_that_break_a_limit_are_problems(page: Page, folder: Path, tmp_path: Path) -> None:
    cue = reel_of(folder)["cues"][1]
    finding = {"cue": 1, "line_id": cue["line_id"], "rule": "reading_speed", "value": 23.5, "limit": 20,
               "over": 3.5, "unit": "characters a second"}  # fmt: skip
    page.goto(
        altered(folder, tmp_path, lambda data: data["reel"].update(conformance={"findings": [finding]}))
    )
    listed = page.locator("#problems").get_by_role("button", name="Caption: reading speed.")
    expect(listed).to_contain_text("23.5 characters a second, limit 20.")
    listed.click()
    assert position_ms(page) == cue["start_ms"]


def test_every_part_has_a_role_and_a_name(opened: Page) -> None:
    expect(opened.locator("body")).to_match_aria_snapshot(
        """
        - link "Skip to the transcript"
        - banner:
          - heading [level=1]
        - region "Timeline":
          - group "Zoom of the timeline":
            - button "Zoom out" [disabled]
          - group "Show one speaker only":
            - button "<b>ANA</b>"
            - button "BEN"
        - main "Transcript":
          - search "Filter the transcript":
            - searchbox "Find text in the transcript"
            - combobox "Speaker"
            - button "Follow" [pressed]
          - list "Lines":
            - listitem:
              - button "Play from 0 seconds"
        - complementary:
          - region "Caption"
          - region "Problems":
            - list
        - region "Player":
          - button "Previous line"
          - button "Play"
          - button "Next line"
          - slider "Position"
          - combobox "Speed"
          - button "Keyboard shortcuts"
        """
    )
    snapshot = opened.locator("body").aria_snapshot()
    assert not re.search(
        r"- (button|slider|combobox|searchbox|checkbox|link)( \[|:|$)", snapshot, re.MULTILINE
    )


def test_where_the_sound_is_not_inside_the_reader_may_choose_it(
    page: Page, folder: Path, tmp_path: Path
) -> None:
    page.goto(altered(folder, tmp_path, lambda data: data.update(audio=None)))
    expect(page.get_by_role("alert")).to_contain_text("Choose reel.mp3")
    go_to(page, 2000)
    assert highlighted(page) == spoken_at(reel_of(folder), 2000)
    page.locator("#file").set_input_files(folder / "reel.mp3")
    expect(page.get_by_role("alert")).to_be_hidden()
    until(page, "seeked", "sound.currentTime === 2")
