"""Escalation on the page: who took over from whom, and the way from one to the other."""

import re

from playwright.sync_api import expect

RULES = """
tools:
  novice: { command: [sh, -c, "echo tried and failed; exit 3"] }
  expert: { command: [echo, done by the expert] }
escalation:
  novice: { on_failure: expert, max_retries_before_escalation: 1 }
"""


def test_a_chain_is_shown_and_followed(make_server, make_live):
    server = make_server(configuration=RULES)
    live = make_live(server).open()
    server.submit("novice", {}, id="asked", retry={"strategy": "immediate"}, tags={"case": "12"})
    server.wait_for("asked", "failed")
    after = server.ask("GET", "/api/jobs/asked")["escalated_to"]
    server.wait_for(after, "completed")
    # Both are in the list; the one that failed says who took over.
    live.expect_status("asked", "failed")
    expect(live.row("asked")).to_contain_text(re.compile("taken over by", re.I))
    live.expect_status(after, "completed")
    live.open_detail("asked")
    live.expect_field("escalated-to", "was taken over by")
    live.expect_field("attempt", "2")
    live.field("escalated-to").get_by_role("link").click()
    live.expect_field("id", after)
    expect(live.detail).to_contain_text("expert")
    live.expect_field("escalated-from", "Took over from")
    expect(live.output).to_contain_text("done by the expert")
    live.field("escalated-from").get_by_role("link").click()
    live.expect_field("id", "asked")
    expect(live.output).to_contain_text("tried and failed")
    # It was taken over by a job that completed: there is nothing to retry.
    expect(live.retry_job).to_have_count(0)


def test_a_retry_goes_to_the_last_of_the_chain(make_server, make_live):
    server = make_server(configuration=RULES.replace("echo, done by the expert", 'sleep, "60"'))
    live = make_live(server).open()
    server.submit("novice", {}, id="asked", retry={"strategy": "immediate"}, max_retries=0)
    server.wait_for("asked", "failed")
    after = server.ask("GET", "/api/jobs/asked")["escalated_to"]
    live.open_detail("asked")
    live.expect_status(after, "running")
    expect(live.retry_job).to_have_count(0)
    server.ask("DELETE", f"/api/jobs/{after}")
    expect(live.page.locator("#action-words")).to_contain_text(f"Retry puts expert {after[-8:]}, the last")
    live.retry_job.click()
    expect(live.notices).to_contain_text(f"expert {after[-8:]}, which took over, is back in the queue")
    assert server.job("asked")["status"] == "failed"
