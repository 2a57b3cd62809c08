"""The page of ``trace show --html`` in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from dicomwire.traces import Trace
from dicomwire.tracing.json_captures import trace_of_json
from tests.browser.conftest import Open
from tests.support.made_traces import REQUEST, SENT, conversation, echoes, made, p_data, together

CAPTURES = sorted((Path(__file__).parents[1] / "data" / "captures").glob("*.json"))
STALLED = made(conversation(*echoes(20, stall=0.044, every=20)))


@pytest.fixture(scope="module")
def captures() -> Trace:
    return together(*(trace_of_json(path.read_bytes()) for path in CAPTURES))


def texts(driver: Any, selector: str) -> list[str]:
    found: list[str] = driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(element => element.textContent)", selector
    )
    return found


def count(driver: Any, selector: str) -> int:
    return len(texts(driver, selector))


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def active(driver: Any, what: str) -> Any:
    return driver.execute_script(f"return document.activeElement.{what}")


@pytest.mark.parametrize("width", [400, 1280])
def test_what_real_peers_have_said_is_drawn_without_a_complaint(opened: Open, captures: Trace, width: int) -> None:
    driver = opened(captures, width)
    assert count(driver, "section.association") == count(driver, "nav li") == len(captures)
    driver.execute_script("document.querySelectorAll('.more, .pdu').forEach(button => button.click())")
    assert count(driver, ".panel .hex") > 200
    wide, room = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room == width
    assert driver.get_log("browser") == []
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_ten_thousand_pdus_are_all_there(opened: Open) -> None:
    driver = opened(made(conversation(*echoes(5000, stall=0.044))))
    assert count(driver, ".pdu") == 10_004
    assert count(driver, ".gap") == 10
    assert driver.get_log("browser") == []


def test_a_delayed_acknowledgement_catches_the_eye(opened: Open) -> None:
    driver = opened(STALLED)
    assert texts(driver, ".gap b") == ["44.0 ms"]
    assert "delayed acknowledgement" in texts(driver, ".gap .hint")[0]
    assert "the acceptor" in texts(driver, ".gap .why")[0]
    assert texts(driver, ".facts .is-wait dd") == ["44.0 ms"]
    press(driver, "w")
    assert active(driver, "className") == "gap wait1"


def test_all_is_reached_and_unfolded_with_the_keyboard(opened: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = opened(STALLED)
    for _ in range(20):
        press(driver, Keys.TAB)
        if active(driver, "className") == "pdu":
            break
    press(driver, Keys.ENTER)
    assert active(driver, "ariaExpanded") == "true"
    assert "Called AE title: ARCHIVE" in texts(driver, ".panel .field") and count(driver, ".panel") == 1
    press(driver, Keys.SPACE)
    assert active(driver, "ariaExpanded") == "false" and count(driver, ".panel") == 0
    press(driver, Keys.ARROW_DOWN, Keys.SPACE)
    assert "A-ASSOCIATE-AC" in active(driver, "textContent") and count(driver, ".panel") == 1
    press(driver, Keys.ESCAPE, Keys.ARROW_UP)
    assert "A-ASSOCIATE-RQ" in active(driver, "textContent") and count(driver, ".panel") == 0


def test_dark_is_dark_and_light_is_light(opened: Open) -> None:
    brightness = []
    for dark in (False, True):
        driver = opened(STALLED, dark=dark)
        colors = driver.execute_script("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        brightness.append([sum(map(int, color.strip("rgba()").split(",")[:3])) for color in colors])
    (paper, ink), (dark_paper, light_ink) = brightness
    assert paper > 600 > 200 > ink and dark_paper < 200 < 600 < light_ink


def test_parts_of_a_data_set_are_one_row_until_it_is_unfolded(opened: Open) -> None:
    parts = [(0.0001, SENT, p_data(0, bytes(1000))) for _ in range(99)]
    driver = opened(made(conversation(*parts)))
    (row,) = [text for text in texts(driver, ".group > .pdu") if "99 parts" in text]
    assert "part" in row and count(driver, ".pdu") == 5
    driver.execute_script("document.querySelector('.group > .pdu').click()")
    assert count(driver, ".group .ladder .pdu") == 99


def test_of_many_associations_most_are_drawn_when_somebody_asks(opened: Open) -> None:
    driver = opened(together(*(made(conversation(*echoes(1))) for _ in range(100))))
    assert count(driver, "nav a") == count(driver, "h2") == 100
    assert count(driver, ".more") == 60
    driver.execute_script("document.querySelector('.more').focus()")
    press(driver, "\ue007")
    assert count(driver, ".more") == 59 and count(driver, "#a41 .pdu") == 6
    assert "A-ASSOCIATE-RQ" in active(driver, "textContent")


def test_what_a_peer_says_is_text(opened: Open) -> None:
    hostile = evolve(REQUEST, called_ae_title="</script><b id=x", calling_ae_title="<img src=//x>")
    driver = opened(made(conversation(request=hostile)))
    assert count(driver, "#x, img") == 0 and driver.get_log("browser") == []
    assert "<img src=//x> to </script><b id=x" in texts(driver, "h2")


def test_who_hears_the_page_finds_the_way(opened: Open) -> None:
    driver = opened(STALLED)
    landmarks = [count(driver, f"body > {name}") for name in ("header", "nav", "main", "footer", "a.skip")]
    assert landmarks == [1] * 5 and count(driver, "h1") == 1
    assert count(driver, "section[aria-labelledby] h2") == 1
    assert all(texts(driver, "button:not([aria-hidden])"))
    assert texts(driver, ".pdu .only-heard")[:2] == ["requestor: ", "acceptor: "]
    assert driver.execute_script("return document.documentElement.lang") == "en"


def test_on_paper_there_is_no_button_that_nobody_can_press(opened: Open) -> None:
    driver = opened(STALLED)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = driver.execute_script("return getComputedStyle(document.querySelector('.waits')).display")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown == "none"
