"""Many jobs and many events: rows in the document, a key's way to the screen, memory."""

import re
import statistics

import pytest
from playwright.sync_api import expect

from recorded_events import RecordedEvents

MOST_ROWS = 200

# Remembers the most rows that ever were in the document.
COUNT_ROWS = """
window.mostRows = 0;
new MutationObserver(() => {
  window.mostRows = Math.max(window.mostRows, document.querySelectorAll("[data-job]").length);
}).observe(document, { childList: true, subtree: true });
"""

# For each key that changes the search: milliseconds from its input event until the frame in which the number of
# matches is the right one has been painted. The second animation frame begins when the first one is on the screen.
MEASURE_KEYS = """
window.keys = [];
window.expected = {};
document.addEventListener("input", (event) => {
  if (event.target.id !== "search") return;
  const begin = event.timeStamp, text = event.target.value, right = window.expected[text];
  const painted = () => {
    const shown = Number((document.querySelector("#queue-count").textContent.match(/[\\d,]+/) ?? ["-1"])[0].replaceAll(",", ""));
    if (shown !== right) return requestAnimationFrame(painted);
    requestAnimationFrame(() => window.keys.push({ text, milliseconds: performance.now() - begin }));
  };
  requestAnimationFrame(painted);
}, true);
"""


@pytest.fixture
def many(server):
    """10,000 jobs. Their ids hold letters that stand nowhere else in a job, so that it is known what a search finds."""
    def name(number):
        return "b" + ("z" if number % 2 == 0 else "") + ("k" if number % 10 == 0 else "") + (
            "xj" if number % 500 == 0 else "") + f"-{number:05}"

    names = [name(number) for number in range(10_000)]
    server.submit_all([{"type": "prime", "id": id, "delay": "1h"} for id in names])
    return names


def test_ten_thousand_jobs(server, many, make_live):
    live = make_live(server)
    live.page.add_init_script(COUNT_ROWS)
    live.page.add_init_script(MEASURE_KEYS)
    live.open()
    live.expect_count(10_000)

    words = ["b", "bz", "bzk", "bzkx", "bzkxj"]
    right = {word: sum(word in name for name in many) for word in words}
    right[""] = len(many)
    assert list(right.values()) == [10_000, 5_000, 1_000, 20, 20, 10_000]
    live.page.evaluate("expected => { window.expected = expected; }", right)
    live.search.focus()
    for _ in range(3):
        for typed in range(1, 6):
            live.press(words[typed - 1][-1])
            live.page.wait_for_function("text => window.keys.at(-1)?.text === text", arg=words[typed - 1])
        live.expect_count(20, of=10_000)
        for left in range(4, -1, -1):
            live.press("Backspace")
            live.page.wait_for_function("text => window.keys.at(-1)?.text === text", arg=words[left - 1] if left else "")
    times = [key["milliseconds"] for key in live.page.evaluate("window.keys")]
    assert len(times) == 30
    median = statistics.median(times)
    print(f"a key is on the screen after {median:.0f} ms (median of {len(times)}, {max(times):.0f} at most)")
    assert median <= 100, times

    # All the way down, and up again, never too many rows; the last one can be reached.
    live.press("Escape")
    live.search.evaluate("e => e.blur()")
    live.page.evaluate("""async () => {
      const queue = document.querySelector("#queue");
      let box = queue;
      while (box && !(box.scrollHeight > box.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(box).overflowY))) box = box.parentElement;
      window.scroller = box ?? document.scrollingElement;
    }""")
    for part in (0.25, 0.5, 0.75, 1, 1):
        live.page.evaluate("part => { window.scroller.scrollTop = part * window.scroller.scrollHeight; }", part)
        live.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    # All were submitted at the same time: by their ids, the largest first.
    expect(live.row(min(many))).to_be_in_viewport()
    live.page.evaluate("() => { window.scroller.scrollTop = 0; }")
    expect(live.row(max(many))).to_be_in_viewport()
    most = live.page.evaluate("window.mostRows")
    assert 0 < most <= MOST_ROWS, f"{most} rows were in the document"


def test_acting_on_a_job_that_only_a_search_brings_up(server, many, make_live):
    live = make_live(server).open()
    live.expect_count(10_000)
    live.search.fill(many[0])
    expect(live.rows).to_have_count(1)
    live.open_detail(many[0])
    live.cancel_job.click()
    live.expect_status(many[0], "cancelled")
    assert server.job(many[0])["status"] == "cancelled"


def test_a_storm_of_real_jobs(make_server, make_live):
    """Thousands of real events a second, which the server condenses: the page stays live and ends with the truth."""
    server = make_server(workers=8)
    live = make_live(server)
    live.page.add_init_script(COUNT_ROWS)
    live.open()
    ids = [f"storm-{number:04}" for number in range(3_000)]
    server.submit_all([{"type": "prime", "params": {"limit": 100}, "id": id} for id in ids])
    expect(live.stat("completed")).to_have_text(re.compile(r"^\s*3,?000\s*$"))
    expect(live.stat("running")).to_have_text(re.compile(r"^\s*0\s*$"))
    live.filter_button("completed").click()
    live.expect_count(3_000)
    for name in ("running", "waiting", "failed"):
        live.filter_button(name).click()
        live.expect_count(0)
        expect(live.rows).to_have_count(0)
    live.filter_button("all").click()
    live.search.fill(ids[0])
    live.expect_status(ids[0], "completed")
    live.search.fill(ids[-1])
    live.expect_status(ids[-1], "completed")
    live.expect_connection("open")
    assert live.page.evaluate("window.mostRows") <= MOST_ROWS


class Memory:
    """What the tab holds, after its garbage was collected."""

    def __init__(self, page):
        self.session = page.context.new_cdp_session(page)
        self.session.send("HeapProfiler.enable")

    def measure(self):
        """
        The least of several looks: the page's clock draws its rows again once a second, and what was drawn before is
        garbage until the next collection. What is kept for good is there at every look.
        """
        looks = [self.look() for _ in range(5)]
        return {name: min(look[name] for look in looks) for name in looks[0]}

    def look(self):
        self.session.send("HeapProfiler.collectGarbage")
        counters = self.session.send("Memory.getDOMCounters")
        return {
            "bytes": self.session.send("Runtime.getHeapUsage")["usedSize"],
            "nodes": counters["nodes"],
            "listeners": counters["jsEventListeners"],
        }


def lives(template, first, count):
    """The recorded events of `count` jobs from submission to removal: ten each."""
    at = template["created_at"]
    for number in range(first, first + count):
        id = f"passing-{number:06}"
        job = {**template, "id": id, "params": {"limit": 1000, "note": id * 4}, "created_at": at + number, "run_at": at + number}
        started = at + number + 0.25
        yield {"type": "job_created", "job": job}
        yield {"type": "job_started", "job_id": id, "started_at": started, "attempt": 1, "worker_id": "host-1-abcdefgh"}
        for percent in (20, 40, 60, 80, 100):
            yield {"type": "job_progress", "job_id": id, "percent": percent, "message": f"{percent} of 100, {id}"}
        if number % 10 == 0:
            error = {"type": "handler", "message": f"{id} did not work", "attempt": 1}
            yield {"type": "job_failed", "job_id": id, "error": error, "completed_at": started + 1, "duration_seconds": 1, "attempt": 1}
        else:
            yield {"type": "job_completed", "job_id": id, "result": {"count": number, "note": id * 4},
                   "completed_at": started + 1, "duration_seconds": 1, "attempt": 1}
        yield {"type": "job_changed", "job": {**job, "status": "failed" if number % 10 == 0 else "completed", "attempt": 1,
                                              "started_at": started, "completed_at": started + 1, "duration_seconds": 1}}
        # Some hundred are always kept, as in a queue that somebody clears.
        yield {"type": "jobs_removed", "job_ids": [f"passing-{number - 300:06}"]}


def test_no_growth_of_memory_over_50_000_events(server, make_live):
    """
    The events are recorded ones, sent over a real WebSocket as fast as the page takes them: a server would condense so
    many. What is measured is the JavaScript heap after forced garbage collection, nodes and listeners, before and after,
    with a first round that fills caches and compiles code.
    """
    template = server.submit("prime", delay="1h")
    stats = server.ask("GET", "/api/stats")
    recorded = RecordedEvents(server)
    recorded.first = [{"type": "queue_state", "jobs": [], "stats": stats, "has_more": False}]
    template = {**template, "status": "pending"}
    try:
        live = make_live(server)
        live.guard.origin = recorded.url
        live.page.goto(recorded.url)
        live.expect_connection("open")
        sent = 0

        def play(events):
            nonlocal sent
            for _ in range(events // 1000):
                recorded.send([*lives(template, sent // 10, 100),
                               {"type": "stats_update", "stats": {**stats, "completed": sent + 1000}}])
                sent += 1000
                # The page has taken all of it and shows it.
                expect(live.stat("completed")).to_have_text(re.compile(rf"^\s*{sent:,}\s*$".replace(",", ",?")))

        # What the page remembers of removed jobs, so that a late answer does not bring one back, is full before it counts.
        for first in range(0, 12_000, 1_000):
            recorded.send([{"type": "jobs_removed", "job_ids": [f"gone-{number:06}" for number in range(first, first + 1_000)]}])
        play(10_000)
        live.expect_count(300)
        memory = Memory(live.page)
        before = memory.measure()
        play(50_000)
        live.expect_count(300)
        after = memory.measure()
        print(f"before {before}, after {after}")
        # A megabyte over 50,000 events is 20 bytes an event: less than the smallest thing one could keep of each.
        assert after["bytes"] - before["bytes"] < 1_000_000, (before, after)
        assert after["nodes"] <= before["nodes"] * 1.1 + 50, (before, after)
        assert after["listeners"] <= before["listeners"] + 20, (before, after)
    finally:
        recorded.close()


def test_no_growth_by_opening_and_closing(live):
    """Panels, forms and dialogs, opened and closed again and again, leave nothing behind."""
    job = live.server.submit("prime", id="opened")
    live.expect_status("opened", "completed")

    def rounds(count):
        for _ in range(count):
            live.row(job["id"]).click()
            live.expect_field("result", "168")
            live.press("Escape")
            expect(live.detail).to_be_hidden()
            live.press("n")
            expect(live.job_form).to_be_visible()
            live.press("Escape")
            expect(live.job_form).to_be_hidden()
            live.press("?")
            expect(live.shortcuts).to_be_visible()
            live.press("Escape")
            expect(live.shortcuts).to_be_hidden()

    rounds(5)
    memory = Memory(live.page)
    before = memory.measure()
    rounds(20)
    after = memory.measure()
    print(f"before {before}, after {after}")
    assert after["bytes"] - before["bytes"] < 500_000, (before, after)
    assert after["nodes"] <= before["nodes"] + 100, (before, after)
    assert after["listeners"] <= before["listeners"] + 20, (before, after)
