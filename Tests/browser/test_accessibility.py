"""No violation by axe-core, in every state of the page, in both themes, wide and narrow."""

import re

import pytest
from playwright.sync_api import expect

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "narrow-dark": {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
}


@pytest.fixture(params=LOOKS)
def look(request):
    # Without movement, colours are what they will be.
    return {**LOOKS[request.param], "reduced_motion": "reduce"}


def fill(server):
    """Jobs in every status that this server can bring about."""
    server.submit_all(
        [{"type": "prime", "id": f"report-{number}", "tags": {"team": "video"}} for number in range(30)]
        + [{"type": "prime", "delay": "1h", "priority": "high", "id": f"later-{number}"} for number in range(30)])
    failed = server.submit("countdown", {"seconds": 9}, timeout_seconds=0.2, max_retries=1, retry={"strategy": "immediate"}, id="failed-1")
    retrying = server.submit(
        "countdown", {"seconds": 9}, timeout_seconds=0.2, retry={"strategy": "linear", "base_seconds": 600}, id="retrying-1")
    server.submit("prime", delay="1h", id="cancelled-1")
    server.ask("DELETE", "/api/jobs/cancelled-1")
    server.wait_for(failed["id"], "failed")
    server.wait_for(retrying["id"], "retrying")
    server.submit("countdown", {"seconds": 60}, id="running-1")
    server.wait_for("running-1", "running")
    server.submit("countdown", {"seconds": 60}, id="pending-1")


def test_every_state_of_the_page(make_server, make_live, look):
    server = make_server(workers=1)
    live = make_live(server, **look).open()
    live.expect_accessible("the empty page")
    fill(server)
    live.expect_status("running-1", "running")
    live.expect_status("pending-1", "pending")
    live.expect_accessible("many jobs")

    for id in ("running-1", "failed-1", "report-1"):
        live.open(f"/#/jobs/{id}")
        live.expect_field("id", id)
        live.expect_accessible(f"the panel of {id}")
    live.close_detail.click()

    live.open("/#/dead-letters?job=failed-1")
    expect(live.dead_group("countdown", "timeout")).to_be_visible()
    live.expect_field("id", "failed-1")
    live.expect_accessible("the dead letters beside a job")
    live.close_detail.click()
    live.requeue_dead.click()
    expect(live.confirm).to_be_visible()
    live.expect_accessible("what would be requeued")
    live.press("Escape")
    live.open("/#/workers")
    expect(live.worker_job("running-1")).to_be_visible()
    live.expect_accessible("the workers")
    live.page_link("queue").click()

    live.press("n")
    expect(live.job_form).to_be_visible()
    live.expect_accessible("a new form")
    live.press("Escape")
    expect(live.job_form).to_be_hidden()
    live.open_form("echo")
    live.open_options()
    live.param("delay").fill("99")
    live.submit_job.click()
    expect(live.error("delay")).to_be_visible()
    expect(live.error("message")).to_be_visible()
    live.expect_accessible("the form with faults")
    live.press("Escape")
    expect(live.job_form).to_be_hidden()

    live.cancel_shown.click()
    expect(live.confirm).to_be_visible()
    live.expect_accessible("the question")
    live.press("Escape")
    expect(live.confirm).to_be_hidden()
    live.press("?")
    expect(live.shortcuts).to_be_visible()
    live.expect_accessible("the short cuts")
    live.press("Escape")
    expect(live.shortcuts).to_be_hidden()

    live.search.fill("nothing has this")
    expect(live.rows).to_have_count(0)
    live.expect_accessible("a search without a match")

    live.guard.tolerate(r"WebSocket connection to|net::ERR_")
    server.kill()
    live.expect_connection("reconnecting")
    live.expect_accessible("the page without its server")


def test_the_sign_in(make_server, make_live, look):
    live = make_live(make_server(token="a-token-that-is-needed"), **look)
    live.guard.tolerate("status of 401|WebSocket connection to .* 401")
    live.open(connected=False)
    expect(live.sign_in).to_be_visible()
    live.expect_accessible("the sign-in")
    live.token.fill("wrong")
    live.sign_in_submit.click()
    expect(live.sign_in.get_by_role("alert").filter(has_text=re.compile(r"\w")).first).to_be_visible()
    live.expect_accessible("the sign-in after a wrong token")


def test_the_systems_own_dark_is_also_the_switchs(server, make_live):
    """The switch's dark on a light system: another way through the style sheet, the same contrast."""
    fill_one = server.submit("prime")
    live = make_live(server, color_scheme="light", reduced_motion="reduce").open()
    live.expect_status(fill_one["id"], "completed")
    live.press("t", 2)
    expect(live.page.locator("html")).to_have_attribute("data-theme", "dark")
    live.expect_accessible("the switch's dark")


def test_what_a_screen_reader_is_told(live):
    expect(live.connection).to_have_role("status")
    assert live.notices.evaluate("e => e.getAttribute('aria-live') ?? e.getAttribute('role')") in ("polite", "assertive", "status", "log")
    job = live.server.submit("countdown", {"seconds": 60}, id="spoken")
    live.expect_status(job["id"], "running")
    bar = live.row("spoken").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^\d+$"))
    expect(bar).to_have_accessible_name(re.compile(r"\w"))
    expect(live.page).to_have_title(re.compile("Stint"))
    expect(live.page.locator("html")).to_have_attribute("lang", "en")
    expect(live.page.get_by_role("main")).to_have_count(1)
    expect(live.page.get_by_role("heading", level=1)).to_have_count(1)
    for button in live.page.get_by_role("button").filter(visible=True).all():
        expect(button).to_have_accessible_name(re.compile(r"\S"))
    expect(live.search).to_have_accessible_name(re.compile(r"\w"))
