"""The page of workers: all of the store, what they run, and how many jobs run at once."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from stint_server import Server


def test_what_workers_run(server, make_live):
    live = make_live(server).open("/#/workers")
    expect(live.workers).to_have_count(1)
    expect(live.workers).to_have_attribute("data-state", "idle")
    expect(live.workers).to_contain_text(str(server.process.pid))
    server.submit("countdown", {"seconds": 60}, id="in-the-worker")
    server.wait_for("in-the-worker", "running")
    expect(live.workers).to_have_attribute("data-state", "busy")
    expect(live.worker_slots).to_have_text("1 of 3 slots")
    job = live.worker_job("in-the-worker")
    expect(job).to_contain_text("countdown")
    # Elapsed goes on, and so does progress.
    expect(job).to_contain_text(re.compile(r"[1-9]\d* s"), use_inner_text=True)
    expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
    job.get_by_role("link").click()
    live.expect_field("id", "in-the-worker")
    live.cancel_job.click()
    expect(job).to_have_count(0)
    expect(live.workers).to_have_attribute("data-state", "idle")


def test_more_and_fewer_jobs_at_once(server, make_live):
    live = make_live(server).open("/#/workers")
    expect(live.worker_count).to_have_value("3")
    live.worker_more.click()
    expect(live.worker_slots).to_have_text("0 of 4 slots")
    expect(live.worker_count).to_have_value("4")
    live.worker_count.fill("2")
    live.press("Enter")
    expect(live.worker_slots).to_have_text("0 of 2 slots")
    live.worker_fewer.click()
    expect(live.worker_slots).to_have_text("0 of 1 slot")
    live.worker_fewer.click()
    expect(live.worker_slots).to_have_text("0 of 0 slots")
    expect(live.worker_fewer).to_be_disabled()
    live.worker_count.fill("1001")
    live.press("Enter")
    expect(live.worker_count_error).to_contain_text("1000")
    expect(live.worker_count).to_have_attribute("aria-invalid", "true")
    assert server.ask("GET", "/api/workers")[0]["slots"] == 0


@pytest.fixture
def another(server):
    """A second process on the same store."""
    other = Server(server.stint, server.folder, web_root=server.web_root, workers=2)
    other.start()
    yield other
    other.stop()


def test_workers_of_other_processes(server, another, make_live):
    live = make_live(server).open("/#/workers")
    expect(live.workers).to_have_count(2)
    for process in (server.process, another.process):
        expect(live.workers.filter(has_text=f"process {process.pid}")).to_have_count(1)
    expect(live.page.locator("#workers-count")).to_contain_text("2 workers, 0 of 5 slots busy")
    # The number is that of the server that the page comes from, whoever else shares the store and changes it.
    expect(live.worker_count).to_have_value("3")
    live.worker_count.fill("4")
    live.press("Enter")
    own = live.workers.filter(has_text=f"process {server.process.pid}")
    expect(own).to_contain_text("0 of 4 slots")
    expect(live.workers.filter(has_text=f"process {another.process.pid}")).to_contain_text("0 of 2 slots")
    server.ask("PUT", "/api/workers", {"count": 1})
    expect(live.worker_count).to_have_value("1")
    live.worker_more.click()
    expect(own).to_contain_text("0 of 2 slots")
    live.worker_fewer.click()
    live.worker_fewer.click()
    expect(own).to_contain_text("0 of 0 slots")
    expect(live.workers.filter(has_text=f"process {another.process.pid}")).to_contain_text("0 of 2 slots")


def test_slots_beside_a_server_of_processes(server, make_live):
    other = Server(server.stint, server.folder, web_root=server.web_root, workers=1, processes=1)
    other.start()
    try:
        live = make_live(server).open("/#/workers")
        expect(live.workers).to_have_count(2)
        expect(live.page.get_by_label("Jobs at once in this server")).to_have_value("3")
        theirs = make_live(other).open("/#/workers")
        expect(theirs.page.get_by_label("Worker processes of this server")).to_have_value("1")
        theirs.worker_fewer.click()
        expect(theirs.workers).to_have_count(1)
        expect(theirs.page.get_by_label("Worker processes of this server")).to_have_value("0")
        theirs.worker_more.click()
        expect(theirs.workers).to_have_count(2)
        theirs.guard.check()
        theirs.page.close()
    finally:
        other.stop()


def test_a_pool_of_processes_grows_shrinks_and_replaces_its_dead(make_server, make_live):
    server = make_server(processes=1, workers=1)
    live = make_live(server).open("/#/workers")
    expect(live.workers).to_have_count(1)
    expect(live.worker_count).to_have_value("1")
    expect(live.page.get_by_label("Worker processes of this server")).to_have_count(1)
    live.worker_more.click()
    expect(live.workers).to_have_count(2)
    live.open("/#/workers")
    expect(live.worker_count).to_have_value("2")
    expect(live.page.locator("#workers-count")).to_contain_text("2 workers, 0 of 2 slots busy")
    # One that is killed is lost, its job goes on in another process, and a new one takes its place.
    server.submit("countdown", {"seconds": 60}, id="survivor")
    server.wait_for("survivor", "running")
    expect(live.worker_job("survivor")).to_have_count(1)
    worker = next(entry for entry in server.ask("GET", "/api/workers") if entry["jobs"])
    os.kill(worker["pid"], signal.SIGKILL)
    expect(live.workers.filter(has_text=f"process {worker['pid']}")).to_have_count(0)
    expect(live.workers).to_have_count(2)
    live.worker_job("survivor").get_by_role("link").click()
    live.expect_field("attempt", "2")
    live.cancel_job.click()
    live.expect_field("status", "cancelled")
    live.worker_fewer.click()
    expect(live.workers).to_have_count(1)
