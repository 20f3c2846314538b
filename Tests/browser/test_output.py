"""A job's output in its panel: as it comes, as text, attempt by attempt; and what a job says of its failures."""

import json
import re

from playwright.sync_api import expect

# Says something, waits until a file is there, and says something more.
HALVES = """
printf '\\033[32mfirst\\033[0m <b>half</b>\\n'
echo 'a warning' >&2
while [ ! -e go ]; do sleep 0.05; done
echo 'second half'
"""


def run(server, script, **options):
    """An `exec` job: closed to everyone who comes over HTTP, open to who owns the store."""
    flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = json.dumps(["/bin/sh", "-c", script])
    return server.command("submit", "exec", "--param", f"command={command}", "--param", f"cwd={server.folder}", *flags)["id"]


def go(server):
    (server.folder / "go").touch()


AT_END = "box => box.scrollTop + box.clientHeight >= box.scrollHeight - 2"


def expect_at_end(live):
    live.page.wait_for_function(f"() => ({AT_END})(document.querySelector('#output'))")


def test_output_comes_as_it_is_printed(server, make_live):
    id = run(server, HALVES)
    live = make_live(server).open(f"/#/jobs/{id}")
    expect(live.output).to_contain_text("first <b>half</b>")
    expect(live.output.locator("b")).to_have_count(0)
    expect(live.output).not_to_contain_text("[32m")
    # Not by colour alone.
    expect(live.output_lines("stderr")).to_have_text(re.compile(r"^err\s+a warning$"))
    expect(live.output.get_by_role("heading")).to_have_text("Attempt 1")
    expect(live.output_state).to_contain_text("live")
    expect(live.output).not_to_contain_text("second half")
    go(server)
    expect(live.output).to_contain_text("second half")
    live.expect_field("status", "completed")
    expect(live.output_state).to_have_text("3 lines")
    # It is kept: another time it is there at once, with nothing doubled.
    live.page.reload()
    expect(live.output_lines("stdout")).to_have_text(["first <b>half</b>", "second half"])
    live.guard.tolerate("net::ERR|WebSocket connection to")
    server.kill()
    server.start()
    live.expect_connection("open")
    expect(live.output_lines("stdout")).to_have_count(2)


def test_attempts_are_headings(server, make_live):
    retry = json.dumps({"strategy": "immediate"})
    id = run(server, "echo attempt $STINT_JOB_ATTEMPT; exit 3", max_retries=1, retry=retry)
    live = make_live(server).open(f"/#/jobs/{id}")
    live.expect_field("status", "failed")
    expect(live.output.get_by_role("heading")).to_have_text(["Attempt 1", "Attempt 2"])
    expect(live.output_lines("stdout")).to_have_text(["attempt 1", "attempt 2"])
    # A retry by hand goes on below.
    server.command("retry", id)
    expect(live.output_lines("stdout").last).to_have_text("attempt 4")
    expect(live.output.get_by_role("heading")).to_have_count(4)


def test_it_follows_the_end_until_the_reader_scrolls_up(server, make_live):
    id = run(server, f"seq 1 6000\n{HALVES}\nseq 1 50")
    live = make_live(server).open(f"/#/jobs/{id}")
    expect(live.output).to_contain_text("first")
    expect_at_end(live)
    # Some thousand lines are kept, and where the others are is said.
    assert 1_500 < live.output_lines("stdout").count() <= 2_000
    expect(live.output_dropped).to_contain_text("stint logs")
    expect(live.output_follow).to_have_count(0)
    live.output.hover()
    live.page.mouse.wheel(0, -400)
    expect(live.output_follow).to_be_visible()
    expect(live.output).to_have_attribute("data-follows", "false")
    go(server)
    live.expect_field("status", "completed")
    expect(live.output_lines("stdout").last).to_have_text("50")
    assert not live.output.evaluate(AT_END)
    live.output_follow.click()
    expect(live.output_follow).to_have_count(0)
    expect_at_end(live)


def test_retrying_losses_and_who_cancelled(server, make_live):
    server.submit("countdown", {"seconds": 30}, id="comes-again", timeout_seconds=0.1,
                  retry={"strategy": "linear", "base_seconds": 600})
    server.wait_for("comes-again", "retrying")
    live = make_live(server).open("/#/jobs/comes-again")
    live.expect_field("state", "Attempt 1 of 4 did not end well. Next attempt in")
    before = live.field("state").text_content()
    expect(live.field("next-retry")).to_be_visible()
    live.cancel_job.click()
    live.expect_field("state", f"Cancelled by {server.wait_for('comes-again', 'cancelled')['cancelled_by']}")
    assert before != live.field("state").text_content()
    # Nothing was printed: nothing is said of it.
    expect(live.output).to_have_count(0)
    # A worker that was killed.
    server.submit("countdown", {"seconds": 30}, id="was-lost")
    server.wait_for("was-lost", "running")
    live.guard.tolerate("net::ERR|WebSocket connection to")
    live.open("/#/jobs/was-lost")
    server.kill()
    server.start()
    live.expect_connection("open")
    live.expect_field("losses", "1 worker lost")
