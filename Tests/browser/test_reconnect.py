"""The server goes away and comes back; the page says so and then shows the truth."""

import re

from playwright.sync_api import expect

# Chromium itself reports each try that fails.
AWAY = r"WebSocket connection to|net::ERR_(CONNECTION_(REFUSED|RESET)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|SOCKET_NOT_CONNECTED)"


def test_killed_and_started_again(server, make_live):
    live = make_live(server).open()
    live.guard.tolerate(AWAY)
    done = server.submit("prime", id="done-before")
    server.wait_for(done["id"], "completed")
    running = server.submit("countdown", {"seconds": 2}, id="in-the-middle")
    waiting = server.submit("prime", id="cancelled-meanwhile", delay="1h")
    live.expect_status("in-the-middle", "running")
    live.expect_status("cancelled-meanwhile", "scheduled")

    server.kill()
    live.expect_connection("reconnecting")
    expect(live.connection).to_have_text(re.compile(r"\w"))
    # What was known stays readable.
    live.expect_status("done-before", "completed")
    # Things change while nobody is listening.
    server.command("cancel", waiting["id"])
    server.command("submit", "prime", "--id", "new-meanwhile")
    server.command("clear")

    server.start()
    live.expect_connection("open")
    live.expect_status("cancelled-meanwhile", "cancelled")
    live.expect_status("new-meanwhile", "completed")
    expect(live.row("done-before")).to_have_count(0)
    # Its worker was lost; after its lease it runs again, and ends.
    live.expect_status("in-the-middle", "completed")
    expect(live.rows).to_have_count(3)
    truth = {job["id"]: job["status"] for job in server.jobs()}
    shown = dict(live.rows.evaluate_all("rows => rows.map((row) => [row.dataset.job, row.dataset.status])"))
    assert shown == truth
    assert server.job(running["id"])["losses"] == 1


def test_a_graceful_stop(server, make_live):
    live = make_live(server).open()
    live.guard.tolerate(AWAY)
    job = server.submit("countdown", {"seconds": 3})
    live.expect_status(job["id"], "running")
    live.open_detail(job["id"])  # its stream is open as well, and must not hold up the stop
    server.stop()
    live.expect_connection("reconnecting")
    server.start()
    live.expect_connection("open")
    live.expect_status(job["id"], "completed")
    live.expect_field("status", "completed")
    live.expect_field("result", "Countdown complete!")
    # And it goes on living.
    other = server.submit("prime")
    live.expect_status(other["id"], "completed")


def test_the_open_job_catches_up_too(server, make_live):
    live = make_live(server).open()
    live.guard.tolerate(AWAY)
    job = server.submit("prime", id="watched", delay="1h")
    live.open_detail(job["id"])
    live.expect_field("status", "scheduled")
    server.kill()
    live.expect_connection("reconnecting")
    server.command("cancel", job["id"])
    server.start()
    live.expect_connection("open")
    live.expect_field("status", "cancelled")
    expect(live.cancel_job).to_be_hidden()
    expect(live.retry_job).to_be_visible()


def test_acting_while_the_server_is_away_says_so(server, make_live):
    live = make_live(server).open()
    live.guard.tolerate(AWAY)
    live.open_form("countdown")
    server.kill()
    live.expect_connection("reconnecting")
    if live.submit_job.is_enabled():
        live.submit_job.click()
        expect(live.page.locator("#form-error, #notices").filter(has_text=re.compile(r"\w")).first).to_be_visible()
    server.start()
    live.expect_connection("open")
    # Nothing was done behind the person's back.
    assert server.jobs() == []
    live.submit_form()
    assert len(server.jobs()) == 1


def test_a_page_opened_again_after_a_restart(server, make_live):
    job = server.submit("prime", id="kept")
    server.wait_for(job["id"], "completed")
    live = make_live(server).open()
    server.stop()
    server.start()
    live.guard.tolerate(AWAY)
    live.page.reload()
    live.expect_connection("open")
    live.expect_status("kept", "completed")
