"""One Chromium without a window for the tests of this folder, and pages opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from dicomwire.traces import Trace, page
from tests.support.patience import SOON
from tests.support.peers import absent

FLAGS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "disable-dev-shm-usage",
)  # fmt: skip

Open: TypeAlias = Callable[..., Any]
"""Opens a trace: at a width in pixels, maybe dark; the driver of the browser."""


def found(*names: str) -> str:
    """The first of these programs that there is."""
    for name in names:
        if path := shutil.which(name):
            return path
    absent(f"{names[0]} is not installed")
    raise AssertionError


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser that knows nothing of other runs."""
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = found("chromium", "chromium-browser", "google-chrome")
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=found("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Open:
    """Opens a page and waits until all of it is drawn."""
    from selenium.webdriver.support.wait import WebDriverWait

    def open_it(trace: Trace, width: int = 1280, *, dark: bool = False, patient_data: bool = False) -> Any:
        path = tmp_path / "page.html"
        path.write_text(page(trace, title="a.dwtrace", patient_data=patient_data), encoding="ascii")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get_log("browser")
        browser.get(path.as_uri())
        WebDriverWait(browser, 3 * SOON).until(
            lambda driver: driver.execute_script("return document.documentElement.dataset.drawn")
        )
        return browser

    return open_it
