"""Each job type through its form, and what happens where the form is wrong."""

import http.server
import re
import threading

import pytest
from playwright.sync_api import expect


@pytest.fixture
def site():
    """Real URLs on this machine: /page, /missing, /moved, /slow-NAME."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"here" * 256
            code = {"/missing": 404, "/broken": 500, "/moved": 302}.get(self.path, 200)
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/page")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_type_has_its_button_and_its_params(live):
    for type in live.server.ask("GET", "/api/job-types"):
        live.open_form(type["name"])
        for param in type["params"]:
            field = live.param(param["name"])
            expect(field).to_be_visible()
            expect(field).to_have_attribute("name", param["name"])
            if param["type"] in ("integer", "number"):
                expect(field).to_have_attribute("type", "number")
                for bound in ("min", "max"):
                    if param[bound] is not None:
                        expect(field).to_have_attribute(bound, f"{param[bound]:g}")
            default = param["default"]
            if isinstance(default, bool):
                expect(field).to_be_checked(checked=default)
            elif default is not None:
                expect(field).to_have_value(default if isinstance(default, str) else f"{default:g}")
        live.press("Escape")
        expect(live.job_form).to_be_hidden()


def test_countdown_with_progress_and_result(live):
    live.open_form("countdown")
    live.param("seconds").fill("3")
    job = live.submit_form()
    assert job["params"] == {"seconds": 3}
    bar = live.row(job["id"]).get_by_role("progressbar")
    # It moves: three figures, each larger than the one before.
    last = -1
    for _ in range(3):
        shown = live.page.wait_for_function(
            """([id, last]) => {
              const bar = document.querySelector(`#queue [data-job="${id}"] [role=progressbar]`);
              const now = Number(bar?.getAttribute("aria-valuenow") ?? NaN);
              return now > last || document.querySelector(`[data-job="${id}"][data-status="completed"]`) ? { now } : null;
            }""", arg=[job["id"], last]).json_value()["now"]
        assert shown is not None and shown > last, f"the bar stood at {last} when the job was over"
        last = shown
        if last < 60:
            expect(bar).to_be_visible()
        else:
            break
    assert last > 0
    live.expect_status(job["id"], "completed")
    live.open_detail(job["id"])
    live.expect_field("status", "completed")
    live.expect_field("params", "3")
    live.expect_field("result", "Countdown complete!")
    live.expect_field("attempt", "1")


def test_prime(live):
    live.open_form("prime")
    live.param("limit").fill("10000")
    job = live.submit_form()
    live.expect_status(job["id"], "completed")
    live.open_detail(job["id"])
    live.expect_field("result", "1229")
    # More than 4 KiB, which events and lists leave out: the panel gets the whole of it.
    live.expect_field("result", "9973")


def test_fibonacci(live):
    live.open_form("fibonacci")
    live.param("count").fill("90")
    job = live.submit_form()
    live.expect_status(job["id"], "completed")
    live.open_detail(job["id"])
    # The 90th number is exact, though larger than any exact number of JavaScript.
    live.expect_field("result", "2880067194370816120")


def test_fetch_of_real_addresses(make_server, make_live, site):
    live = make_live(make_server(settings={"STINT_FETCH_ALLOW": "127.0.0.1"})).open()
    urls = [f"{site}/page", f"{site}/missing", f"{site}/broken", f"{site}/moved", "http://10.0.0.1/"]
    live.open_form("fetch")
    live.param("urls").fill("\n".join(urls))
    job = live.submit_form()
    assert job["params"] == {"urls": urls}
    live.expect_status(job["id"], "completed")
    live.open_detail(job["id"])
    for text in [*urls, "404", "500", "1024", "10.0.0.1 is a private address"]:
        live.expect_field("result", text)
    result = live.server.job(job["id"])["result"]["results"]
    assert [one["status"] for one in result] == [200, 404, 500, 200, None]


def test_echo(live):
    message = "Grüße <b>an</b> 'alle' & \"jeden\" $(id) — 你好"
    live.open_form("echo")
    live.param("message").fill(message)
    live.param("delay").fill("1")
    job = live.submit_form()
    assert job["params"] == {"message": message, "delay": 1}
    live.expect_status(job["id"], "completed")
    live.open_detail(job["id"])
    live.expect_field("result", "Grüße <b>an</b>")


def test_options_reach_the_server(live):
    live.open_form("countdown")
    live.param("seconds").fill("1")
    live.open_options()
    live.option("queue").fill("reports")
    if live.option("priority").evaluate("element => element.tagName") == "SELECT":
        live.option("priority").select_option("high")
    else:
        live.option("priority").fill("high")
    live.option("delay").fill("1h")
    live.option("max_retries").fill("7")
    live.option("timeout_seconds").fill("20")
    live.option("tags").fill("team=video")
    live.option("id").fill("nightly-report-7")
    job = live.submit_form()
    assert job["id"] == "nightly-report-7"
    assert job["status"] == "scheduled"
    assert job["run_at"] - job["created_at"] == pytest.approx(3600, abs=0.01)
    assert (job["queue"], job["priority"], job["max_retries"], job["timeout_seconds"], job["tags"]) == (
        "reports", "high", 7, 20, {"team": "video"})
    live.expect_status(job["id"], "scheduled")
    live.open_detail(job["id"])
    live.expect_field("queue", "reports")
    live.expect_field("priority", "high")
    live.expect_field("tags", "video")


INVALID = [
    ("countdown", "seconds", "0"),
    ("countdown", "seconds", "61"),
    ("countdown", "seconds", "1.5"),
    ("prime", "limit", "99"),
    ("fibonacci", "count", "1001"),
    ("echo", "message", ""),
    ("echo", "delay", "31"),
    ("fetch", "urls", ""),
    ("fetch", "urls", "\n".join(f"http://127.0.0.1/{number}" for number in range(11))),
]


def test_an_invalid_param_shows_at_its_field_and_nothing_is_sent(server, make_live, subtests):
    live = make_live(server)
    sent = live.count_sent()  # from the beginning of the tab's socket
    live.open()
    for type, param, value in INVALID:
        with subtests.test(f"{type}: {param} = {value[:10]!r}"):
            live.open_form(type)
            if type == "echo":
                live.param("message").fill("hello")
                live.param("delay").fill("1")
            live.param(param).fill(value)
            live.submit_job.click()
            expect(live.error(param)).to_be_visible()
            expect(live.error(param)).not_to_be_empty()
            field = live.param(param)
            expect(field).to_have_attribute("aria-invalid", "true")
            expect(field).to_have_attribute("aria-describedby", re.compile(rf"(^|\s)error-{param}(\s|$)"))
            expect(field).to_be_focused()
            assert sent == []
            assert server.jobs() == []
        live.press("Escape")
        expect(live.job_form).to_be_hidden()


def test_a_fault_goes_while_it_is_put_right(server, make_live):
    """And not when its field is left: the button would move away between the press of the mouse and its release."""
    live = make_live(server)
    sent = live.count_sent()
    live.open()
    live.open_form("countdown")
    live.param("seconds").fill("0")
    live.submit_job.click()
    expect(live.error("seconds")).to_be_visible()
    live.param("seconds").press("1")  # now 01
    expect(live.error("seconds")).to_be_hidden()
    live.param("seconds").fill("0")
    live.submit_job.click()
    expect(live.error("seconds")).to_be_visible()
    live.param("seconds").fill("1")
    expect(live.error("seconds")).to_be_hidden()
    # A slow hand: several frames are drawn between the two.
    live.submit_job.hover()
    live.page.mouse.down()
    live.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    live.page.mouse.up()
    live.expect_count(1)
    assert len(sent) == 1


def test_a_refusal_shows_in_the_servers_own_words(live):
    # The words say how the job stands: it stays as it is.
    body = {"type": "countdown", "params": {"seconds": 1}, "id": "taken-already", "delay": "1h"}
    live.server.ask("POST", "/api/jobs", body)
    words = live.server.refusal("POST", "/api/jobs", body)
    live.guard.tolerate("status of 409")
    live.open_form("countdown")
    live.param("seconds").fill("1")
    live.open_options()
    live.option("id").fill("taken-already")
    live.submit_job.click()
    expect(live.page.locator("#form-error, #error-id").filter(has_text=words)).to_be_visible()
    # What was typed is still there.
    expect(live.option("id")).to_have_value("taken-already")
    assert len(live.server.jobs()) == 1


def test_faults_that_only_the_server_knows_show_too(live):
    live.guard.tolerate("status of 422")
    live.open_form("countdown")
    live.open_options()
    live.option("queue").fill("no such name!")
    live.option("tags").fill("team=video")
    live.submit_job.click()
    expect(live.job_form).to_contain_text(re.compile("queue.*(allowed|must|only|may|character|letter)", re.IGNORECASE | re.DOTALL))
    assert live.server.jobs() == []
