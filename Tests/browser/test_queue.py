"""The list and the panel: cancel, retry, clear, filters, links, several tabs."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def one_slot(make_server):
    """A server that runs one job at a time, so that a second one waits."""
    return make_server(workers=1)


def long_job(server, **options):
    return server.submit("countdown", {"seconds": 60}, **options)


def failed_job(server, **options):
    """A job that runs out of time, and out of retries with it."""
    return server.submit("countdown", {"seconds": 30}, timeout_seconds=0.2, max_retries=0, **options)


def test_an_empty_queue_says_what_to_do(live):
    expect(live.empty).to_be_visible()
    expect(live.rows).to_have_count(0)
    live.server.submit("prime")
    expect(live.rows).to_have_count(1)
    expect(live.empty).to_be_hidden()


def test_a_running_job_is_cancelled(live):
    job = long_job(live.server)
    live.expect_status(job["id"], "running")
    live.open_detail(job["id"])
    live.cancel_job.click()
    live.expect_status(job["id"], "cancelled")
    live.expect_field("status", "cancelled")
    assert live.server.wait_for(job["id"], "cancelled")["cancelled_by"]
    assert live.row(job["id"]).get_by_role("progressbar").count() == 0


def test_a_waiting_job_is_cancelled_and_never_starts(make_live, one_slot):
    live = make_live(one_slot).open()
    running = one_slot.submit("countdown", {"seconds": 3})
    live.expect_status(running["id"], "running")
    waiting = one_slot.submit("countdown", {"seconds": 1})
    after = one_slot.submit("prime")
    live.expect_status(waiting["id"], "pending")
    live.open_detail(waiting["id"])
    live.cancel_job.click()
    live.expect_status(waiting["id"], "cancelled")
    # The one behind it ran: its turn has come and gone.
    live.expect_status(after["id"], "completed")
    job = one_slot.job(waiting["id"])
    assert (job["status"], job["attempt"], job["started_at"]) == ("cancelled", 0, None)
    assert all(not entry.get("started_at") for entry in one_slot.history(waiting["id"]))
    live.expect_status(waiting["id"], "cancelled")


def test_a_failed_job_says_why_and_is_retried(live):
    job = failed_job(live.server)
    live.expect_status(job["id"], "failed")
    expect(live.stat("failed")).to_have_text("1")
    live.open_detail(job["id"])
    live.expect_field("error", live.server.job(job["id"])["error"]["message"])
    live.retry_job.click()
    live.server.wait_for(job["id"], "running", "failed")
    expect(live.field("attempt")).to_contain_text("2")
    live.expect_status(job["id"], "failed")
    expect(live.attempts).to_contain_text(re.compile(r"\b1\b.*\b2\b", re.DOTALL), use_inner_text=True)
    assert live.server.job(job["id"])["attempt"] == 2


def test_attempts_and_the_timeline_tell_the_jobs_life(live):
    job = live.server.submit(
        "countdown", {"seconds": 30}, timeout_seconds=0.2, max_retries=2, retry={"strategy": "immediate"})
    live.expect_status(job["id"], "failed")
    live.open_detail(job["id"])
    for attempt in ("1", "2", "3"):
        expect(live.attempts).to_contain_text(re.compile(rf"\b{attempt}\b"), use_inner_text=True)
    expect(live.attempts.get_by_text(re.compile("timed? ?out|timeout", re.IGNORECASE)).first).to_be_visible()
    expect(live.timeline).to_be_visible()
    expect(live.timeline).to_contain_text(re.compile("Submitted.*Attempt 1.*retry.*Attempt 2.*retry.*Attempt 3", re.DOTALL), use_inner_text=True)


def test_a_retrying_job_counts_as_waiting(live):
    job = live.server.submit(
        "countdown", {"seconds": 30}, timeout_seconds=0.2, retry={"strategy": "linear", "base_seconds": 600})
    live.expect_status(job["id"], "retrying")
    live.filter_button("waiting").click()
    expect(live.row(job["id"])).to_be_visible()
    live.filter_button("failed").click()
    expect(live.row(job["id"])).to_have_count(0)


def test_completed_jobs_are_cleared(live):
    done = [live.server.submit("prime") for _ in range(3)]
    running = long_job(live.server)
    failed = failed_job(live.server)
    for job in done:
        live.expect_status(job["id"], "completed")
    live.expect_status(running["id"], "running")
    live.expect_status(failed["id"], "failed")
    live.remove_completed()
    for job in done:
        expect(live.row(job["id"])).to_have_count(0)
    expect(live.rows).to_have_count(2)
    expect(live.stat("completed")).to_have_text("0")
    assert {job["id"] for job in live.server.jobs()} == {running["id"], failed["id"]}


def test_cancelling_many_asks_once(make_live, one_slot):
    live = make_live(one_slot).open()
    jobs = [long_job(one_slot, id=f"encode-{number:02}") for number in range(12)]
    other = one_slot.submit("prime", {"limit": 100}, id="report-01", delay="1h")
    live.expect_count(13)
    live.search.fill("encode-")
    live.expect_count(12)
    # The button says how many before it does it.
    expect(live.cancel_shown).to_contain_text("12")
    live.cancel_shown.click()
    expect(live.confirm).to_be_visible()
    expect(live.confirm).to_contain_text("12")
    live.confirm_no.click()
    expect(live.confirm).to_be_hidden()
    assert not any(job["status"] == "cancelled" for job in one_slot.jobs())
    live.cancel_shown.click()
    live.confirm_yes.click()
    expect(live.confirm).to_be_hidden()
    live.filter_button("cancelled").click()
    live.expect_count(12)
    assert one_slot.job(other["id"])["status"] == "scheduled"
    assert {one_slot.job(job["id"])["status"] for job in jobs} == {"cancelled"}


def test_filters_and_search(make_live, one_slot):
    live = make_live(one_slot).open()
    done = one_slot.submit("prime", id="alpha-1", tags={"team": "video"})
    one_slot.wait_for(done["id"], "completed")
    failed = failed_job(one_slot, id="alpha-2")
    one_slot.wait_for(failed["id"], "failed")
    running = long_job(one_slot, id="beta-1")
    one_slot.wait_for(running["id"], "running")
    waiting = one_slot.submit("echo", {"message": "m", "delay": 1}, id="beta-2")
    everything = {job["id"] for job in (done, failed, running, waiting)}

    def expect_rows(*ids):
        expect(live.rows).to_have_count(len(ids))
        for id in ids:
            expect(live.row(id)).to_be_visible()
        live.expect_count(len(ids))

    expect_rows(*everything)
    # Running first, then waiting, then ended.
    assert live.rows.evaluate_all("rows => rows.map((row) => row.dataset.job)") == [
        "beta-1", "beta-2", "alpha-2", "alpha-1"]
    for name, ids in [("running", ["beta-1"]), ("waiting", ["beta-2"]), ("completed", ["alpha-1"]),
                      ("failed", ["alpha-2"]), ("cancelled", []), ("all", everything)]:
        live.filter_button(name).click()
        expect(live.filter_button(name)).to_have_attribute("aria-pressed", "true")
        expect(live.page.locator('#filters button[aria-pressed="true"]')).to_have_count(1)
        expect_rows(*ids)
    live.filter_type.select_option("countdown")
    expect_rows("alpha-2", "beta-1")
    live.search.fill("beta")
    expect_rows("beta-1")
    live.filter_type.select_option(index=0)
    expect_rows("beta-1", "beta-2")
    live.search.fill("video")
    expect_rows("alpha-1")
    live.search.fill("nothing has this")
    expect_rows()
    expect(live.empty).to_be_visible()
    # A job that comes to fit shows up, one that no longer does goes.
    live.search.fill("")
    live.filter_button("running").click()
    expect_rows("beta-1")
    one_slot.ask("DELETE", "/api/jobs/beta-1")
    expect(live.row("beta-1")).to_have_count(0)


def test_stats_are_the_servers(live):
    for _ in range(3):
        live.server.submit("prime")
    failed_job(live.server)
    long_job(live.server)
    live.server.submit("prime", delay="1h")
    cancelled = live.server.submit("prime", delay="1h")
    live.server.ask("DELETE", f"/api/jobs/{cancelled['id']}")
    for name, figure in [("completed", 3), ("failed", 1), ("running", 1), ("scheduled", 1), ("cancelled", 1), ("pending", 0)]:
        expect(live.stat(name)).to_have_text(re.compile(rf"^\s*{figure}\s*$"))
    for name in ("throughput", "avg", "retrying"):
        expect(live.stat(name)).to_have_text(re.compile(r"\d"))


def test_a_reload_in_the_middle(live):
    job = live.server.submit("countdown", {"seconds": 4})
    bar = live.row(job["id"]).get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("^(25|50)$"))
    before = int(bar.get_attribute("aria-valuenow"))
    live.page.reload()
    live.expect_connection("open")
    # It does not begin anew: what is shown is what the server knows.
    after = live.page.wait_for_function(
        """id => {
          const row = document.querySelector(`#queue [data-job="${id}"]`);
          const now = row?.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow");
          return row?.dataset.status === "completed" ? 100 : now == null ? null : Number(now);
        }""", arg=job["id"]).json_value()
    assert after >= before
    live.expect_status(job["id"], "completed")


def test_two_tabs_in_step(server, make_context, make_live):
    context = make_context()
    one, two = make_live(server, context).open(), make_live(server, context).open()
    one.open_form("countdown")
    one.param("seconds").fill("60")
    job = one.submit_form()
    for tab in (one, two):
        tab.expect_status(job["id"], "running")
        expect(tab.stat("running")).to_have_text("1")
    two.open_detail(job["id"])
    two.cancel_job.click()
    for tab in (one, two):
        tab.expect_status(job["id"], "cancelled")
        expect(tab.stat("cancelled")).to_have_text("1")
    done = server.submit("prime")
    for tab in (one, two):
        tab.expect_status(done["id"], "completed")
    server.ask("DELETE", "/api/jobs?status=completed")
    for tab in (one, two):
        expect(tab.row(done["id"])).to_have_count(0)
        expect(tab.rows).to_have_count(1)


def test_links_to_a_job_and_to_a_filtered_view(live):
    good = live.server.submit("prime", id="link-good")
    bad = failed_job(live.server, id="link-bad")
    live.expect_status(good["id"], "completed")
    live.expect_status(bad["id"], "failed")

    live.open("/#/jobs/link-good")
    live.page.reload()
    expect(live.detail).to_be_visible()
    live.expect_field("id", "link-good")

    live.open("/#/?status=failed&type=countdown&q=link")
    live.page.reload()
    expect(live.rows).to_have_count(1)
    expect(live.row("link-bad")).to_be_visible()
    expect(live.filter_button("failed")).to_have_attribute("aria-pressed", "true")
    expect(live.filter_type).to_have_value("countdown")
    expect(live.search).to_have_value("link")
    expect(live.detail).to_be_hidden()


def test_back_and_forward(live):
    live.server.submit("prime", id="walk-1")
    live.server.submit("prime", id="walk-2")
    live.expect_status("walk-1", "completed")
    live.expect_status("walk-2", "completed")
    live.filter_button("completed").click()
    expect(live.page).to_have_url(re.compile(r"#/\?.*status=completed"))
    live.open_detail("walk-1")
    expect(live.page).to_have_url(re.compile("#/jobs/walk-1"))
    live.close_detail.click()
    expect(live.detail).to_be_hidden()
    live.open_detail("walk-2")
    expect(live.page).to_have_url(re.compile("#/jobs/walk-2"))
    live.page.go_back()
    expect(live.detail).to_be_hidden()
    expect(live.filter_button("completed")).to_have_attribute("aria-pressed", "true")
    live.page.go_forward()
    live.expect_field("id", "walk-2")


def test_a_link_to_a_job_that_does_not_exist(live):
    live.guard.tolerate("status of 404")
    live.open("/#/jobs/no-such-job")
    expect(live.detail).to_contain_text(re.compile("no such job|not found", re.IGNORECASE))
    # The rest works.
    job = live.server.submit("prime")
    live.expect_status(job["id"], "completed")


def test_a_panel_closed_while_it_reads(live):
    """Each move of the open job makes the panel read it again; closing it meanwhile must not disturb the next panel."""
    done = live.server.submit("prime")
    running = long_job(live.server)
    live.expect_status(done["id"], "completed")
    live.expect_status(running["id"], "running")
    for key, status in (("c", "cancelled"), ("r", "running")):
        live.open_detail(running["id"])
        live.press(key)
        live.expect_status(running["id"], status)
        live.press("Escape")
        expect(live.detail).to_be_hidden()
        # Whatever was still to come has come a second later.
        meanwhile = live.server.submit("echo", {"message": "a second", "delay": 1})
        live.expect_status(meanwhile["id"], "completed")
        live.open_detail(done["id"])
        live.expect_field("result", "168")
        live.press("Escape")
        expect(live.detail).to_be_hidden()


def test_progress_of_the_open_job_comes_as_server_sent_events(live):
    job = long_job(live.server)
    live.expect_status(job["id"], "running")

    def is_stream(request):
        return f"/api/jobs/{job['id']}/progress" in request.url

    with live.page.expect_request(is_stream) as caught:
        live.open_detail(job["id"])
    assert caught.value.resource_type == "eventsource"
    expect(live.field("progress")).to_contain_text("seconds remaining")
    first = live.field("progress").text_content()
    expect(live.field("progress")).not_to_have_text(first)
    # Closing the panel ends the stream.
    with live.page.expect_event("requestfailed", is_stream):
        live.close_detail.click()


def test_times_are_the_readers_own_and_durations_tick(live):
    job = long_job(live.server)
    live.open_detail(job["id"])
    from datetime import datetime
    from zoneinfo import ZoneInfo

    created = datetime.fromtimestamp(live.server.job(job["id"])["created_at"], ZoneInfo("Europe/Berlin"))
    hour = rf"(?<!\d){created:%H}:{created:%M}|(?<!\d)0?{int(f'{created:%I}')}:{created:%M}"
    everything = live.field("created").evaluate(
        "e => [e, ...e.querySelectorAll('*')].map((one) => one.getAttribute('title') ?? '').join(' ') + e.textContent")
    assert re.search(hour, everything), everything
    live.expect_status(job["id"], "running")
    shown = live.field("duration").text_content()
    expect(live.field("duration")).not_to_have_text(shown)


def test_the_chart_draws_and_has_words(live):
    for _ in range(5):
        live.server.submit("prime")
    expect(live.stat("completed")).to_have_text("5")
    expect(live.chart).to_be_visible()
    words = live.chart.evaluate("""e => {
      const svg = e.matches("svg") ? e : e.querySelector("svg");
      return [e, svg].map((one) => (one?.getAttribute("aria-label") ?? "") +
        (one?.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ")
      ).join(" ") + e.textContent;
    }""")
    assert re.search(r"\d", words), f"no figure in {words!r}"
    expect(live.page.locator("#chart svg path[d], #chart svg polyline, #chart svg rect, svg#chart path[d]").first).to_be_attached()
