"""Fixtures: real servers, one Chromium for the whole run, and tabs whose faults fail the test."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from live_page import REPORT_POLICY, Guard, LivePage
from stint_server import DEADLINE, Server

TABS = pytest.StashKey[list]()
SERVERS = pytest.StashKey[list]()


def pytest_addoption(parser):
    parser.addoption("--stint", required=True, help="the binary to test")
    parser.addoption("--chromium", required=True, help="the browser to test with")
    parser.addoption("--web-root", default="", help="serve the page from this folder instead of from the binary")
    parser.addoption("--patience", type=float, default=DEADLINE, help="how long to wait for what should be seen, in seconds")
    parser.addoption("--failures", default="", help="keep here what a failed test saw")


def pytest_configure(config):
    expect.set_options(timeout=config.getoption("--patience") * 1000)
    folder = config.getoption("--failures")
    # Only the process that starts the others clears it.
    if folder and not hasattr(config, "workerinput"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """A test in which a page did what it must not has failed, also where its own checks hold."""
    result = yield
    for tab in pyfuncitem.stash.get(TABS, []):
        if not tab.page.is_closed():
            tab.page.evaluate("0")  # lets what is still on its way arrive
        tab.guard.check()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when in ("setup", "call"):
        keep(item, report)
    return report


def keep(item, report):
    """Pictures, documents and logs of what failed."""
    folder = item.config.getoption("--failures")
    if not folder:
        return
    folder = Path(folder) / re.sub(r"[^\w.-]+", "-", item.name)
    folder.mkdir(parents=True, exist_ok=True)
    for number, tab in enumerate(item.stash.get(TABS, [])):
        try:
            tab.page.screenshot(path=folder / f"tab-{number}.png", timeout=5000)
            (folder / f"tab-{number}.html").write_text(tab.page.content())
        except Exception as error:  # the browser may be what failed
            (folder / f"tab-{number}.txt").write_text(str(error))
    for number, server in enumerate(item.stash.get(SERVERS, [])):
        shutil.copy(server.log, folder / f"server-{number}.log")
    report.sections.append(("What it saw is kept in", str(folder)))


@pytest.fixture
def make_server(request, tmp_path):
    """Starts servers with settings of their own; stops them gracefully at the end, which must go well too."""
    servers = request.node.stash.setdefault(SERVERS, [])

    def make(**options):
        options.setdefault("web_root", request.config.getoption("--web-root"))
        server = Server(request.config.getoption("--stint"), tmp_path / f"server-{len(servers)}", **options)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        if server.process is not None:
            server.stop()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture(scope="session")
def browser(request):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=request.config.getoption("--chromium"),
            args=[
                # Nothing but the servers of the test can be reached, whatever the page tries.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                "--enable-precise-memory-info",
            ])
        yield browser
        browser.close()


@pytest.fixture
def make_context(request, browser):
    """Browser profiles: what one keeps (cookie, theme), another does not see."""
    contexts = []

    def make(**options):
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "timezone_id": "Europe/Berlin"}
        context = browser.new_context(**{**settings, **options})
        context.set_default_timeout(request.config.getoption("--patience") * 1000)
        context.add_init_script(REPORT_POLICY)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def make_live(request, make_context):
    """Opens tabs: each in a profile of its own unless `context` is given."""
    tabs = request.node.stash.setdefault(TABS, [])

    def make(server, context=None, **options):
        context = context or make_context(**options)
        tab = LivePage(context.new_page(), server, Guard(server.url))
        tabs.append(tab)
        return tab

    return make


@pytest.fixture
def live(server, make_live):
    """A tab that shows a fresh server."""
    return make_live(server).open()
