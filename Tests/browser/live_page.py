"""The dashboard as a person meets it: its elements by their stable names, and a guard that misses no fault."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import expect

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

# A broken rule of the content security policy is an error on the console.
REPORT_POLICY = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI || event.sourceFile}`));
"""


class Guard:
    """Collects what no page may do: errors on the console, exceptions nobody caught, calls to other origins."""

    def __init__(self, origin):
        self.origin = origin
        self.faults = []
        self.tolerated = []

    def tolerate(self, pattern):
        """Chromium reports refused requests on the console, also where the page handles them well."""
        self.tolerated.append(re.compile(pattern))

    def watch(self, page):
        page.on("console", self.on_console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error.stack or error.message}"))
        page.on("request", lambda request: self.on_address(request.url))
        page.on("websocket", lambda socket: self.on_address(socket.url))

    def on_console(self, message):
        if message.type not in ("error", "assert"):
            return
        text = f"{message.text} ({message.location.get('url', '')})"
        if not any(pattern.search(text) for pattern in self.tolerated):
            self.faults.append(f"console: {text}")

    def on_address(self, url):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss"):
            self.faults.append(f"request to {url[:200]}")
        elif parts.netloc != urlsplit(self.origin).netloc:
            self.faults.append(f"request to another origin: {url[:200]}")

    def check(self):
        assert not self.faults, "The page did what it must not:\n  " + "\n  ".join(self.faults)


class LivePage:
    """One tab. Everything that waits, waits for a condition, with the deadline of `expect`."""

    def __init__(self, page, server, guard):
        self.page = page
        self.server = server
        self.guard = guard
        guard.watch(page)

    # Parts

    def __getattr__(self, name):
        # `live.clear_completed` is #clear-completed, and so on: the ids are the contract.
        if name not in PARTS:
            raise AttributeError(name)
        return self.page.locator(PARTS[name])

    def row(self, id):
        return self.page.locator(f'#queue [data-job="{id}"]')

    def field(self, name):
        return self.page.locator(f'#detail [data-field="{name}"]')

    def param(self, name):
        return self.page.locator(f"#param-{name}")

    def option(self, name):
        return self.page.locator(f"#option-{name}")

    def error(self, name):
        return self.page.locator(f"#error-{name}")

    def stat(self, name):
        return self.page.locator(f'#stats [data-stat="{name}"]')

    def type_button(self, type):
        return self.page.locator(f'#job-types button[data-type="{type}"]')

    def filter_button(self, name):
        return self.page.locator(f'#filters button[data-filter="{name}"]')

    def page_link(self, name):
        return self.page.locator(f"#page-{name}")

    def dead_group(self, type, error):
        return self.page.locator(f'#dead-groups [data-type="{type}"][data-error="{error}"]')

    def dead_job(self, id):
        return self.page.locator(f'#dead-jobs [data-job="{id}"]')

    def worker_job(self, id):
        return self.page.locator(f'#worker-list [data-job="{id}"]')

    def output_lines(self, stream):
        return self.page.locator(f'#output [data-stream="{stream}"]')

    # Ways

    def open(self, path="/", connected=True):
        self.page.goto(self.server.url + path)
        if connected:
            self.expect_connection("open")
        return self

    def expect_connection(self, state):
        expect(self.connection).to_have_attribute("data-state", state)

    def expect_status(self, id, status):
        expect(self.row(id)).to_have_attribute("data-status", status)

    def expect_count(self, shown, of=None):
        """How many jobs match, and of how many."""
        rest = "" if of is None else rf" of {of:,}\b"
        expect(self.queue_count).to_have_text(re.compile(rf"^\s*{shown:,}(?![\d,]){rest}"))

    def remove_completed(self):
        """Presses "Clear completed", and says yes where the page asks."""
        self.clear_completed.click()
        self.page.wait_for_function(
            "() => document.querySelector('#confirm')?.checkVisibility() || "
            "!document.querySelector('#queue [data-status=completed]')")
        if self.confirm.is_visible():
            self.confirm_yes.click()

    def open_form(self, type):
        self.type_button(type).click()
        expect(self.job_form).to_be_visible()

    def open_options(self):
        if not self.option("queue").is_visible():
            self.page.locator("#job-options > summary, #job-options summary").first.click()
        expect(self.option("queue")).to_be_visible()

    def submit_form(self):
        """Presses the button; the job that the server then has more."""
        before = {job["id"] for job in self.server.jobs()}
        self.submit_job.click()
        self.page.wait_for_function(
            "known => [...document.querySelectorAll('#queue [data-job]')].some(row => !known.includes(row.dataset.job))",
            arg=list(before))
        new = [job for job in self.server.jobs() if job["id"] not in before]
        assert len(new) == 1, f"{len(new)} jobs were made"
        return new[0]

    def open_detail(self, id):
        if not (self.detail.is_visible() and id in (self.field("id").text_content() or "")):
            self.row(id).click()
        expect(self.detail).to_be_visible()
        expect(self.field("id")).to_contain_text(id)

    def expect_field(self, name, text):
        if isinstance(text, str):
            text = re.compile(re.escape(text), re.IGNORECASE)
        expect(self.field(name)).to_contain_text(text)

    def count_sent(self):
        """A list that fills with what this tab sends to submit, cancel or change something."""
        sent = []

        def on_request(request):
            if request.method not in ("GET", "HEAD"):
                sent.append(f"{request.method} {request.url} {request.post_data}")

        def on_frame(payload):
            text = payload if isinstance(payload, str) else "binary"
            if '"ping"' not in text and '"get_state"' not in text:
                sent.append(text)

        self.page.on("request", on_request)
        self.page.on("websocket", lambda socket: socket.on("framesent", on_frame))
        return sent

    # Looks

    def fits(self):
        """Whether nothing sticks out sideways; what does, where something does."""
        return self.page.evaluate("""() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width) return "";
          return [...document.querySelectorAll("body *")]
            .filter((e) => e.getBoundingClientRect().right > width + 0.5 && e.checkVisibility())
            .map((e) => `${e.tagName.toLowerCase()}#${e.id}.${e.getAttribute("class")}`).slice(0, 5).join(" ") || "body";
        }""")

    def settle(self):
        """Waits until fonts are there and every movement that ends has ended."""
        self.page.evaluate("""async () => {
          await document.fonts.ready;
          const ends = (a) => Number.isFinite(a.effect?.getComputedTiming().endTime);
          await Promise.allSettled(document.getAnimations().filter(ends).map((a) => a.finished));
        }""")

    def axe(self):
        """What axe-core finds wrong with the page as it is now, one line each."""
        self.settle()
        if not self.page.evaluate("() => Boolean(window.axe)"):
            self.page.evaluate(AXE + "\n;undefined")
        violations = self.page.evaluate("""async () => {
          const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
          const result = await axe.run(document, {runOnly: tags, resultTypes: ["violations"]});
          return result.violations.flatMap((rule) => rule.nodes.map((node) =>
            `${rule.id} (${rule.impact}): ${node.target.join(" ")}: ${(node.failureSummary || rule.help).replace(/\\s+/g, " ")}`));
        }""")
        return violations

    def expect_accessible(self, place):
        violations = self.axe()
        assert not violations, f"axe-core on {place}:\n  " + "\n  ".join(line[:600] for line in violations)

    # Keyboard

    def press(self, key, times=1):
        for _ in range(times):
            self.page.keyboard.press(key)

    def tab_to(self, locator, key="Tab", limit=150):
        """Moves the focus by Tab, as someone without a mouse does, until the element has it."""
        expect(locator).to_be_visible()
        for _ in range(limit):
            if locator.evaluate("element => element === document.activeElement"):
                return
            self.press(key)
        raise AssertionError(f"{locator} cannot be reached by {key}")


PARTS = {
    "connection": "#connection",
    "stats": "#stats",
    "new_job": "#new-job",
    "job_types": "#job-types button",
    "job_form": "#job-form",
    "form_error": "#form-error",
    "submit_job": "#submit-job",
    "search": "#search",
    "filters": "#filters button",
    "filter_type": "#filter-type",
    "queue": "#queue",
    "rows": "#queue [data-job]",
    "queue_count": "#queue-count",
    "empty": "#empty",
    "clear_completed": "#clear-completed",
    "cancel_shown": "#cancel-shown",
    "detail": "#detail",
    "timeline": "#timeline",
    "attempts": "#attempts",
    "cancel_job": "#cancel-job",
    "retry_job": "#retry-job",
    "copy_curl": "#copy-curl",
    "copy_command": "#copy-command",
    "close_detail": "#close-detail",
    "output": "#output",
    "output_state": "#output-state",
    "output_dropped": "#output-dropped",
    "output_follow": "#output-follow",
    "dead_count": "#dead-count",
    "dead_search": "#dead-search",
    "dead_show_all": "#dead-show-all",
    "dead_empty": "#dead-empty",
    "dead_crumb": ".dead-crumb",
    "dead_acts": "#dead-letters [data-act]",
    "dead_filters": "#dead-filters > li",
    "dead_jobs": "#dead-jobs > li",
    "requeue_dead": "#requeue-dead",
    "purge_dead": "#purge-dead",
    "workers": "#worker-list > li",
    "workers_empty": "#workers-empty",
    "worker_slots": "#worker-list [data-field=slots]",
    "worker_count": "#worker-count",
    "worker_fewer": "#worker-fewer",
    "worker_more": "#worker-more",
    "worker_count_error": "#worker-count-error",
    "chart": "#chart",
    "theme": "#theme",
    "shortcuts": "#shortcuts",
    "confirm": "#confirm",
    "confirm_yes": "#confirm-yes",
    "confirm_no": "#confirm-no",
    "sign_in": "#sign-in",
    "token": "#token",
    "sign_in_submit": "#sign-in-submit",
    "sign_out": "#sign-out",
    "notices": "#notices",
}
