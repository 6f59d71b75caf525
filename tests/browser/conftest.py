"""A real site with a small demo dealership, driven by the machine's own Chromium."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import PG_SERVER

ROOT = Path(__file__).resolve().parent.parent.parent
PHONE = {
    "viewport": {"width": 360, "height": 780},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "pt-BR",
}
DESK = {"viewport": {"width": 1280, "height": 800}, "locale": "pt-BR"}
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        if os.environ.get("VITRINE_TEST_REQUIRE_ALL"):
            pytest.fail("no Chromium on this machine, and none may be missing here")
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def site_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a site of its own, on the same kind of database as the rest of the run."""
    folder = tmp_path_factory.mktemp("site")
    settings = {"VITRINE_INSTANCE_DIR": str(folder), "VITRINE_WEB_WORKERS": "1"}
    if not PG_SERVER:
        yield settings
        return
    server = sa.create_engine(PG_SERVER, isolation_level="AUTOCOMMIT")
    name = f"vitrine_site_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    url = server.url.set(database=name).render_as_string(hide_password=False)
    yield {**settings, "VITRINE_DATABASE_URL": url}
    with server.connect() as connection:
        connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    server.dispose()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A site's folder with the demo in it, to be copied: filled by whichever of the run's processes
    asks first, for drawing its pictures costs as much as a hundred tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "demo-site"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            filling = Path(tempfile.mkdtemp(dir=base))
            fill({"VITRINE_INSTANCE_DIR": str(filling)})
            filling.rename(folder)
    return folder


def environment_of(settings: dict[str, str]) -> dict[str, str]:
    """Ours without any setting of whoever runs the tests, and `settings`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VITRINE_")}
    return {**kept, **settings}


def fill(settings: dict[str, str], *options: str) -> None:
    command = [sys.executable, "-m", "tests.browser.demo_site", *options]
    subprocess.run(command, cwd=ROOT, env=environment_of(settings), check=True)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(settings: dict[str, str], *, port: int = 0) -> Iterator[str]:
    """A running site with these settings; its origin."""
    port = port or free_port()
    origin = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "core.web_server", "--port", str(port)],
        cwd=ROOT,
        env=environment_of({**settings, "VITRINE_BASE_URL": origin}),
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(server, origin)
        yield origin
    finally:
        server.terminate()
        server.wait(90)  # it answers what it was asked first, and a browser keeps connections


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", origin: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"{origin}/healthz", timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the site did not start"
            assert server.poll() is None, "the site ended by itself"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def site(
    chromium: str, site_environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[str]:
    """The origin of a running demo site. On PostgreSQL nobody looks at pictures."""
    if PG_SERVER:
        fill(site_environment, "--without-photos")
    else:
        demo = request.getfixturevalue("demo_folder")
        shutil.copytree(demo, site_environment["VITRINE_INSTANCE_DIR"], dirs_exist_ok=True)
    with serving(site_environment) as origin:
        yield origin


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(params=["script", "no-script"])
def phone(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Page]:
    """A phone's page, once with and once without JavaScript; `page.has_script` tells which."""
    context = browser.new_context(
        **PHONE, base_url=site, java_script_enabled=request.param == "script"
    )
    yield from _watched(context, has_script=request.param == "script")


@pytest.fixture
def scripted_phone(browser: Browser, site: str) -> Iterator[Page]:
    yield from _watched(browser.new_context(**PHONE, base_url=site), has_script=True)


@pytest.fixture
def desk(browser: Browser, site: str) -> Iterator[Page]:
    yield from _watched(browser.new_context(**DESK, base_url=site), has_script=True)


def _watched(context: BrowserContext, *, has_script: bool) -> Iterator[Page]:
    """A page that fails its test on script errors, policy violations and third-party requests."""
    page = context.new_page()
    page.has_script = has_script
    complaints: list[str] = []

    def note(text: str) -> None:
        # A browser's own page around a bare picture styles itself, and our policy stops that.
        # A form sent back with its errors is one of our answers.
        # A fade between two pages that the browser itself gave up is nobody's error.
        answers = (
            *("404 (not found)", "409 (conflict)", "422 (unprocessable entity)"),
            "transition was aborted",
        )
        if "/media/" not in page.url and not any(one in text.lower() for one in answers):
            complaints.append(text)

    page.on("pageerror", lambda error: note(f"script error: {error}"))
    page.on("console", lambda line: note(line.text) if line.type == "error" else None)
    page.on("request", lambda asked: None if _is_ours(asked.url) else note(asked.url))
    yield page
    context.close()
    assert complaints == []


def _is_ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "http://localhost:", "data:"))
