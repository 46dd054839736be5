"""A real browser in front of a real Titan: the server serves the console itself, and real jobs feed it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import ROOT
from titan_sdk import TitanClient

#: The shell has no windows, tabs or address bar of its own: a page costs half the processor time. It draws the same.
CHROMIUM: Final = shutil.which("chromium-headless-shell") or shutil.which("chromium")
AXE: Final = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS: Final = 60_000  # a page takes 0.3 s; at a load of 50 on two cores it took over 20 s

#: Features that Chromium starts without. Pages for the address bar of each window cost 0.7 s of a core per page that a
#: test opens, as much as the page itself. Only the last such list on the command line counts, so this one repeats
#: Playwright's own, which above all prevents requests to Google at the start.
LEFT_OUT: Final = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

#: The rules of axe, of those that it applies by itself, that look at colours.
OF_COLOURS: Final = ["color-contrast", "link-in-text-block"]

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A running Titan, where a browser finds it, and a client to feed it."""

    titan: RunningTitan
    url: str
    client: TitanClient


class Pages:
    """Pages of one test; each complains when a script of it failed or a request left this machine."""

    def __init__(self, browser: Browser, opened: ExitStack) -> None:
        self._browser = browser
        self._opened = opened
        self.faults: list[str] = []

    def open(self, console: Console, path: str = "/", *, width: int = 1440, scheme: Scheme = "light") -> Page:
        """Open a page of a console in a browser profile of its own, `width` pixels wide."""
        context = self._browser.new_context(
            base_url=console.url,
            viewport={"width": width, "height": 844 if width < 640 else 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
        )
        self._opened.callback(context.close)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=console.url)
        page = context.new_page()
        # Else an answer that a test changes on its way, and that nobody waits for, fails the test after it.
        self._opened.callback(lambda: page.unroute_all(behavior="wait"))
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(f"a script failed: {error}"))
        page.on("request", lambda request: self._watch(request.url))
        page.goto(path)
        return page

    def _watch(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            self.faults.append(f"a request left this machine: {url}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium. While it lives, no other test of this process can run an event loop."""
    assert CHROMIUM is not None, "tests/conftest.py leaves these tests out where there is no Chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Without its sandbox: it refuses to start as root, and shows nothing but our own pages.
        options = ["--no-sandbox", f"--disable-features={','.join(LEFT_OUT)}"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One console for all tests of this package: name what you submit so that no other test finds it.

    It deletes nothing for its age: five minutes after its start, runs that tests date years back would go.
    """
    kept = {"TITAN_KEEP_CALLS_DAYS": "0", "TITAN_ARCHIVE_CALLS_DAYS": "0"}
    with running_console(tmp_path_factory.mktemp("titan"), environment=kept) as running:
        yield running


@pytest.fixture
def new_console(tmp_path: Path) -> Iterator[Callable[..., Console]]:
    """Start consoles of a test's own, each with nothing in it; the arguments are `running_titan`'s."""
    with ExitStack() as started:
        yield lambda **options: started.enter_context(running_console(tmp_path, **options))


@pytest.fixture
def pages(browser: Browser) -> Iterator[Pages]:
    """Open pages of any console, in any width, light or dark."""
    with ExitStack() as opened:
        pages = Pages(browser, opened)
        yield pages
    assert pages.faults == []


@pytest.fixture
def page(pages: Pages, console: Console) -> Page:
    """A page of the shared console, at Home."""
    return pages.open(console)


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Write a job's program and give its path: `script("fail.py", "raise SystemExit(3)")`."""

    def write(name: str, text: str = "print('done')") -> str:
        file = tmp_path / name
        file.write_text(textwrap.dedent(text).strip() + "\n")
        return str(file)

    return write


@pytest.fixture
def assert_accessible() -> Callable[..., None]:
    """Fail with what axe finds wrong on a page as it stands, or with its colours alone."""

    def check(page: Page, *, only_colours: bool = False) -> None:
        assert AXE.exists(), "axe-core is not installed: run `npm install` in console/"
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(AXE.read_text("utf-8"))  # not a script tag, which the page's content policy refuses
        found = page.evaluate(
            "async options => (await axe.run(options)).violations.flatMap(found => found.nodes.map("
            "node => `${found.id}: ${node.html.slice(0, 160)}: ${node.failureSummary}`))",
            {"runOnly": {"type": "rule", "values": OF_COLOURS}} if only_colours else {},
        )
        assert found == []

    return check


@pytest.fixture
def assert_accessible_light_and_dark(assert_accessible: Callable[..., None]) -> Callable[[Page], None]:
    """Fail with what axe finds wrong on a page in the light scheme, and with its colours in the dark one."""

    def check(page: Page) -> None:
        page.emulate_media(color_scheme="dark")
        assert_accessible(page, only_colours=True)
        page.emulate_media(color_scheme="light")
        assert_accessible(page)

    return check


@pytest.fixture
def assert_accessible_in_any_width(assert_accessible_light_and_dark: Callable[[Page], None]) -> Callable[[Page], None]:
    """Fail with what axe finds wrong in three widths, light and dark, and where the page scrolls sideways."""

    def check(page: Page) -> None:
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert_accessible_light_and_dark(page)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    return check


@contextmanager
def running_console(folder: Path, **options: object) -> Iterator[Console]:
    with ExitStack() as started:
        titan = started.enter_context(running_titan(folder / "home", **options))  # type: ignore[arg-type]  # passed on
        client = started.enter_context(TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None))
        yield Console(titan=titan, url=f"http://127.0.0.1:{titan.sdk_port}", client=client)
