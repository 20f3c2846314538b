"""Tokens: signing in, staying in, reading only, signing out."""

import re

import pytest
from playwright.sync_api import expect

TOKEN = "correct-horse-battery-staple-4711"
READER = "only-for-looking-at-things-0815"


@pytest.fixture
def guarded(make_server):
    return make_server(token=TOKEN, read_token=READER)


@pytest.fixture
def stranger(guarded, make_live):
    """A tab that has not signed in yet."""
    live = make_live(guarded)
    # The calls that find out that a token is needed.
    live.guard.tolerate("status of 401|WebSocket connection to .* 401")
    live.open(connected=False)
    expect(live.sign_in).to_be_visible()
    return live


def sign_in(live, token):
    live.token.fill(token)
    live.sign_in_submit.click()


def test_signing_in_and_out(stranger, guarded):
    live = stranger
    expect(live.token).to_have_attribute("type", "password")
    assert live.rows.count() == 0
    sign_in(live, "wrong")
    expect(live.sign_in).to_contain_text(re.compile("token", re.IGNORECASE))
    expect(live.sign_in.get_by_role("alert").filter(has_text=re.compile(r"\w")).first).to_be_visible()
    expect(live.sign_in).to_be_visible()

    sign_in(live, TOKEN)
    expect(live.sign_in).to_be_hidden()
    live.expect_connection("open")
    # The token is where no script reads it, and the cookie is not the token.
    cookie, = live.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == ("stint_session", True, "Strict", "/")
    assert cookie["expires"] > 0
    assert TOKEN not in cookie["value"]
    assert live.page.evaluate("document.cookie") == ""
    kept = live.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}]) + location.href + document.documentElement.outerHTML")
    assert TOKEN not in kept

    # It carries REST, the socket and the event stream.
    live.open_form("countdown")
    live.param("seconds").fill("2")
    job = live.submit_form()
    live.open_detail(job["id"])
    live.expect_field("progress", "remaining")
    live.expect_status(job["id"], "completed")

    live.page.reload()
    live.expect_connection("open")
    expect(live.sign_in).to_be_hidden()

    live.sign_out.click()
    expect(live.sign_in).to_be_visible()
    assert live.page.context.cookies() == []
    # Nothing of what was seen is left to the next person.
    expect(live.rows).to_have_count(0)
    live.page.reload()
    expect(live.sign_in).to_be_visible()
    assert guarded.job(job["id"])["status"] == "completed"


def test_the_session_survives_a_restart_of_the_server(stranger, guarded):
    live = stranger
    sign_in(live, TOKEN)
    live.expect_connection("open")
    live.guard.tolerate(r"WebSocket connection to|net::ERR_CONNECTION_(REFUSED|RESET)|net::ERR_EMPTY_RESPONSE")
    guarded.kill()
    live.expect_connection("reconnecting")
    guarded.start()
    live.expect_connection("open")
    expect(live.sign_in).to_be_hidden()
    job = guarded.submit("prime")
    live.expect_status(job["id"], "completed")


def test_a_token_that_may_only_read_shows_no_buttons_that_write(stranger, guarded):
    live = stranger
    running = guarded.submit("countdown", {"seconds": 60})
    failed = guarded.submit("countdown", {"seconds": 9}, timeout_seconds=0.2, max_retries=0)
    done = guarded.submit("prime")
    sign_in(live, READER)
    live.expect_connection("open")
    live.expect_status(running["id"], "running")
    live.expect_status(failed["id"], "failed")
    live.expect_status(done["id"], "completed")
    sent = live.count_sent()

    def expect_none():
        for selector in ("#new-job", "#job-types button", "#clear-completed", "#cancel-shown", "#cancel-job", "#retry-job", "#submit-job"):
            expect(live.page.locator(selector).filter(visible=True)).to_have_count(0)

    expect_none()
    for job in (running, failed, done):
        live.open_detail(job["id"])
        expect_none()
        # The keys do not either.
        live.press("c")
        live.press("r")
    live.press("Escape")
    live.press("n")
    expect(live.job_form).to_be_hidden()
    live.page_link("dead-letters").click()
    expect(live.dead_job(failed["id"])).to_be_visible()
    expect(live.dead_acts).to_have_count(0)
    live.page_link("workers").click()
    expect(live.worker_job(running["id"])).to_be_visible()
    expect(live.worker_count).to_have_count(0)
    live.page_link("queue").click()
    # Looking, searching and signing out still work.
    live.filter_button("failed").click()
    expect(live.rows).to_have_count(1)
    assert sent == []
    assert guarded.job(running["id"])["status"] == "running"
    assert guarded.job(failed["id"])["attempt"] == 1
    expect(live.sign_out).to_be_visible()


def test_a_server_without_tokens_asks_for_none(live):
    expect(live.sign_in).to_be_hidden()
    expect(live.sign_out).to_be_hidden()
    assert live.page.context.cookies() == []
