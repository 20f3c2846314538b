"""The page of dead letters: groups, their jobs, what failed in each attempt; requeue and remove, asked for first."""

import re

import pytest
from playwright.sync_api import expect


def expired(server, count, type="prime", **options):
    """Jobs that could not start in time. Requeued they wait: that limit counts once."""
    ids = [f"{type}-expired-{number}" for number in range(count)]
    server.submit_all([{"type": type, "id": id, "start_within_seconds": 0.05, **options} for id in ids])
    for id in ids:
        assert server.wait_for(id, "failed")["error"]["type"] == "start_expired"
    return ids


def out_of_time(server, id, attempts=1, **options):
    server.submit("countdown", {"seconds": 30}, id=id, timeout_seconds=0.1, max_retries=attempts - 1,
                  retry={"strategy": "immediate"}, **options)
    server.wait_for(id, "failed")
    return id


@pytest.fixture
def busy(make_server):
    """A server whose only slot is taken."""
    server = make_server(workers=1)
    return server


def occupy(server):
    server.submit("countdown", {"seconds": 60}, id="occupies-the-slot")
    server.wait_for("occupies-the-slot", "running")


def test_groups_jobs_and_their_attempts(busy, make_live):
    live = make_live(busy).open("/#/dead-letters")
    expect(live.dead_empty).to_be_visible()
    expect(live.page).to_have_title(re.compile("Dead letters"))
    expect(live.dead_acts).to_have_count(0)
    out_of_time(busy, "slow-1", attempts=2, tags={"team": "video"})
    # It comes by itself.
    expect(live.dead_group("countdown", "timeout")).to_contain_text("1 job")
    expect(live.dead_empty).to_have_count(0)
    out_of_time(busy, "slow-2")
    occupy(busy)
    ids = expired(busy, 3)
    expect(live.dead_count).to_have_text("5 jobs")
    expect(live.dead_group("countdown", "timeout")).to_contain_text("2 jobs")
    expect(live.dead_group("prime", "start_expired")).to_contain_text("3 jobs")
    expect(live.dead_group("prime", "start_expired")).to_contain_text(busy.job(ids[0])["error"]["message"])
    expect(live.dead_jobs).to_have_count(5)

    live.dead_group("countdown", "timeout").get_by_role("link").click()
    expect(live.dead_count).to_have_text("2 jobs that match")
    expect(live.dead_jobs).to_have_count(2)
    expect(live.page).to_have_url(re.compile(r"#/dead-letters\?type=countdown&error=timeout$"))
    live.dead_job("slow-1").get_by_role("link").click()
    expect(live.page).to_have_url(re.compile("job=slow-1"))
    live.expect_field("status", "failed")
    for attempt in (1, 2):
        expect(live.attempts.locator(f'[data-attempt="{attempt}"]')).to_contain_text("timeout: ")
    # The address leads back here, and Back goes step by step.
    live.page.reload()
    live.expect_field("id", "slow-1")
    expect(live.dead_jobs).to_have_count(2)
    live.page.go_back()
    expect(live.detail).to_be_hidden()
    live.page.go_back()
    expect(live.dead_count).to_have_text("5 jobs")

    live.dead_search.fill("prime-expired-1")
    expect(live.dead_count).to_have_text("1 job that matches")
    expect(live.dead_job("prime-expired-1")).to_be_visible()
    live.dead_search.fill("nothing has this")
    expect(live.dead_empty).to_be_visible()
    live.dead_show_all.click()
    expect(live.dead_count).to_have_text("5 jobs")
    # The queue is as it was left, without that filter.
    live.page_link("queue").click()
    expect(live.row("slow-1")).to_be_visible()


def test_requeue_says_first_what_it_would_do(busy, make_live):
    out_of_time(busy, "slow-1")
    occupy(busy)
    ids = expired(busy, 4)
    live = make_live(busy).open("/#/dead-letters")
    group = live.dead_group("prime", "start_expired")

    def ask():
        group.get_by_role("button", name="Requeue").click()
        expect(live.confirm).to_be_visible()
        expect(live.confirm).to_contain_text("This would requeue 4 jobs: prime jobs that failed with start_expired.")

    ask()
    live.confirm_no.click()
    expect(live.confirm).to_be_hidden()
    assert {busy.job(id)["status"] for id in ids} == {"failed"}
    ask()
    live.confirm_yes.click()
    expect(live.notices).to_contain_text("4 jobs are back in the queue")
    expect(group).to_have_count(0)
    expect(live.dead_count).to_have_text("1 job")
    assert {busy.job(id)["status"] for id in ids} == {"pending"}

    # One by itself, and all that are left.
    more = expired(busy, 2, type="fibonacci")
    live.dead_job(more[0]).get_by_role("button", name="Requeue").click()
    expect(live.dead_job(more[0])).to_have_count(0)
    assert busy.job(more[0])["status"] == "pending"
    live.requeue_dead.click()
    expect(live.confirm).to_contain_text("This would requeue 2 jobs: all dead letters.")
    live.confirm_yes.click()
    expect(live.dead_empty).to_be_visible()
    assert {busy.job(id)["status"] for id in (more[1], "slow-1")} == {"pending"}


def test_remove_says_first_what_it_would_do(busy, make_live):
    out_of_time(busy, "slow-1")
    occupy(busy)
    ids = expired(busy, 3)
    live = make_live(busy).open("/#/dead-letters")
    # What a search found is what is meant.
    live.dead_search.fill("expired-2")
    expect(live.dead_count).to_have_text("1 job that matches")
    live.purge_dead.click()
    expect(live.confirm).to_contain_text("This would remove 1 job")
    live.press("Escape")
    expect(live.confirm).to_be_hidden()
    assert busy.job(ids[2])["status"] == "failed"
    live.purge_dead.click()
    live.confirm_yes.click()
    expect(live.notices).to_contain_text("1 job removed")
    expect(live.dead_empty).to_be_visible()
    live.dead_show_all.click()
    expect(live.dead_count).to_have_text("3 jobs")
    live.dead_group("prime", "start_expired").get_by_role("button", name="Remove").click()
    expect(live.confirm).to_contain_text("This would remove 2 jobs: prime jobs that failed with start_expired.")
    live.confirm_yes.click()
    expect(live.dead_count).to_have_text("1 job")
    live.purge_dead.click()
    expect(live.confirm).to_contain_text("all dead letters")
    live.confirm_yes.click()
    expect(live.dead_empty).to_be_visible()
    # Nothing but the dead is gone.
    assert [job["id"] for job in busy.jobs()] == ["occupies-the-slot"]


def test_by_keyboard_alone(busy, make_live):
    occupy(busy)
    ids = expired(busy, 2)
    live = make_live(busy).open()
    live.press("g")
    expect(live.page_link("dead-letters")).to_be_focused()
    expect(live.dead_jobs).to_have_count(2)
    live.press("j")
    group = live.dead_group("prime", "start_expired")
    expect(group.get_by_role("link")).to_be_focused()
    live.press("Enter")
    expect(live.dead_crumb).to_be_visible()
    expect(live.page.locator("#dead-title")).to_be_focused()
    expect(live.dead_jobs).to_have_count(2)
    live.press("j", 2)
    link = live.dead_job(ids[0]).get_by_role("link")
    expect(link).to_be_focused()
    live.press("Enter")
    live.expect_field("id", ids[0])
    expect(live.page.locator("#detail-title")).to_be_focused()
    live.press("Escape")
    expect(live.detail).to_be_hidden()
    expect(link).to_be_focused()
    live.press("/")
    expect(live.dead_search).to_be_focused()
    live.tab_to(live.requeue_dead)
    live.press("Enter")
    expect(live.confirm_no).to_be_focused()
    live.press("Tab")
    live.press("Enter")
    expect(live.dead_empty).to_be_visible()
    expect(live.page.locator("#dead-title")).to_be_focused()
    live.press("g")
    expect(live.page.locator("#workers-title")).to_be_visible()
    live.press("g")
    expect(live.queue).to_be_visible()


def test_what_an_address_filters_by_is_shown_and_can_be_taken_off(busy, make_live):
    out_of_time(busy, "slow-1", queue="video")
    out_of_time(busy, "slow-2")
    live = make_live(busy).open("/#/dead-letters?queue=video&type=countdown")
    expect(live.dead_count).to_have_text("1 job that matches")
    expect(live.dead_filters).to_have_text(["Typecountdown", "Queuevideo"])
    live.dead_filters.filter(has_text="Queue").get_by_role("button").click()
    expect(live.dead_count).to_have_text("2 jobs that match")
    expect(live.page).to_have_url(re.compile(r"#/dead-letters\?type=countdown$"))
    live.dead_filters.get_by_role("button").click()
    expect(live.dead_filters).to_have_count(0)
    expect(live.dead_count).to_have_text("2 jobs")
    # What the server refuses is said, and the way out is there.
    live.guard.tolerate("422")
    live.page.goto(busy.url + "/#/dead-letters?error=nonsense")
    expect(live.page.locator("#dead-fault")).to_contain_text("nonsense")
    expect(live.dead_count).to_have_text("")
    live.dead_filters.get_by_role("button").click()
    expect(live.dead_count).to_have_text("2 jobs")
