"""Light and dark, and a narrow window."""

import re

import pytest
from playwright.sync_api import expect

# How bright what is behind the text is, 0 to 1.
BRIGHTNESS = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(document.body).backgroundColor === "rgba(0, 0, 0, 0)"
    ? getComputedStyle(document.documentElement).backgroundColor : getComputedStyle(document.body).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}"""


def expect_theme(live, dark):
    live.page.wait_for_function(f"dark => (({BRIGHTNESS})() < 0.3) === dark && (({BRIGHTNESS})() > 0.7) !== dark", arg=dark)


def test_the_systems_choice(server, make_live):
    live = make_live(server, color_scheme="dark").open()
    expect_theme(live, dark=True)
    live.page.emulate_media(color_scheme="light")
    expect_theme(live, dark=False)
    expect(live.page.locator("html")).not_to_have_attribute("data-theme", re.compile(".*"))


def test_the_switch(server, make_live):
    live = make_live(server, color_scheme="dark").open()
    html = live.page.locator("html")
    live.theme.click()
    expect(html).to_have_attribute("data-theme", "light")
    expect_theme(live, dark=False)
    live.page.reload()
    expect(html).to_have_attribute("data-theme", "light")
    expect_theme(live, dark=False)
    live.theme.click()
    expect(html).to_have_attribute("data-theme", "dark")
    live.page.emulate_media(color_scheme="light")
    expect_theme(live, dark=True)
    live.page.reload()
    expect_theme(live, dark=True)
    # And round to what the system says.
    live.theme.click()
    expect(html).not_to_have_attribute("data-theme", re.compile(".*"))
    expect_theme(live, dark=False)
    live.page.reload()
    live.expect_connection("open")
    expect(html).not_to_have_attribute("data-theme", re.compile(".*"))


def test_statuses_have_colours_of_their_own(live):
    server = live.server
    jobs = {
        "running": server.submit("countdown", {"seconds": 60}),
        "completed": server.submit("prime"),
        "failed": server.submit("countdown", {"seconds": 9}, timeout_seconds=0.2, max_retries=0),
        "scheduled": server.submit("prime", delay="1h"),
    }
    colours = {}
    for status, job in jobs.items():
        live.expect_status(job["id"], status)
        live.settle()
        # Every colour that is painted in the row, as hue names: grey, blue, green, red.
        colours[status] = live.row(job["id"]).evaluate("""row => {
          const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const found = new Set();
          for (const element of [row, ...row.querySelectorAll("*")]) {
            for (const pseudo of [null, "::before", "::after"]) {
              const style = getComputedStyle(element, pseudo);
              for (const colour of [style.color, style.backgroundColor, style.borderLeftColor, style.fill, style.stroke]) {
                if (!colour || colour === "none") continue;
                canvas.clearRect(0, 0, 1, 1);
                canvas.fillStyle = "rgba(0,0,0,0)";
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
                const most = Math.max(red, green, blue), least = Math.min(red, green, blue);
                if (alpha < 128 || most - least < 60) continue;
                const hue = most === red ? ((green - blue) / (most - least) + 6) % 6
                  : most === green ? (blue - red) / (most - least) + 2 : (red - green) / (most - least) + 4;
                const degrees = hue * 60;
                found.add(degrees < 30 || degrees > 330 ? "red" : degrees > 90 && degrees < 175 ? "green"
                  : degrees > 195 && degrees < 265 ? "blue" : "other");
              }
            }
          }
          return [...found];
        }""")
    assert "blue" in colours["running"], colours
    assert "green" in colours["completed"], colours
    assert "red" in colours["failed"], colours
    assert not {"green", "red"} & set(colours["scheduled"]), colours
    # Never colour alone: each says its status in words.
    for status, job in jobs.items():
        expect(live.row(job["id"])).to_contain_text(re.compile(status, re.IGNORECASE))


def expect_fits(live, place):
    sticking_out = live.fits()
    assert not sticking_out, f"{place} is wider than the window: {sticking_out}"


@pytest.fixture
def narrow(make_server, make_live):
    return make_live(make_server(workers=1), viewport={"width": 360, "height": 740}).open()


def test_everything_can_be_done_at_360_pixels(narrow):
    live, server = narrow, narrow.server
    expect_fits(live, "the empty page")
    done = server.submit("prime", {"limit": 50000}, id="a-rather-long-name-of-a-job-that-someone-gave-it-" + "x" * 70)
    live.expect_status(done["id"], "completed")
    for number in range(30):
        server.submit("prime", delay="1h", tags={"a-long-key-of-a-tag": "and a value that is longer than any line " * 3})
    expect_fits(live, "the list")

    # Submit.
    if live.type_button("countdown").filter(visible=True).count() == 0:
        live.new_job.click()
    live.open_form("countdown")
    expect_fits(live, "the form")
    live.open_options()
    expect_fits(live, "the form's options")
    live.option("id").fill("made-at-360")
    live.param("seconds").fill("0")
    live.submit_job.click()
    expect(live.error("seconds")).to_be_visible()
    expect_fits(live, "the form with a fault")
    live.param("seconds").fill("60")
    live.submit_job.click()
    expect(live.row("made-at-360")).to_be_visible()
    live.expect_status("made-at-360", "running")

    # Look, copy, cancel, retry.
    live.row("made-at-360").click()
    expect(live.detail).to_be_visible()
    expect_fits(live, "the panel")
    live.copy_curl.click()
    live.copy_command.click()
    live.cancel_job.click()
    live.expect_field("status", "cancelled")
    expect(live.notices).to_contain_text(re.compile("cancelled|asked to stop"))
    live.retry_job.click()
    live.expect_field("status", "running")
    live.close_detail.click()
    expect(live.detail).to_be_hidden()
    for page in ("dead-letters", "workers", "queue"):
        live.page_link(page).click()
        expect(live.page_link(page)).to_have_attribute("aria-current", "page")
        expect_fits(live, page)
    live.search.fill("a-rather-long-name")
    live.row(done["id"]).click()
    live.expect_field("result", "5133")
    expect_fits(live, "the panel with a long id and result")
    live.close_detail.click()

    # Find.
    live.search.fill("made-at")
    expect(live.rows).to_have_count(1)
    live.search.fill("")
    for name in ("running", "waiting", "failed", "cancelled", "completed", "all"):
        live.filter_button(name).click()
        expect(live.filter_button(name)).to_have_attribute("aria-pressed", "true")
    live.filter_type.select_option("prime")
    expect_fits(live, "the filtered list")

    # Clear, cancel many, theme, short cuts.
    live.remove_completed()
    expect(live.row(done["id"])).to_have_count(0)
    live.cancel_shown.click()
    expect(live.confirm).to_be_visible()
    expect_fits(live, "the question")
    live.confirm_yes.click()
    expect(live.stat("cancelled")).to_have_text("30")
    live.theme.click()
    expect(live.page.locator("html")).to_have_attribute("data-theme", "light")
    live.press("?")
    expect(live.shortcuts).to_be_visible()
    expect_fits(live, "the short cuts")


# The figures of a server with so many jobs that do not fit where they stand.
CUT_FIGURES = """async (count) => {
  const { statsView } = await import("/js/views/stats.js");
  const { render } = await import("/js/render/element.js");
  const place = document.getElementById("stats");
  const stats = { running: count, pending: count, retrying: count, scheduled: count, failed: count, completed: count,
    cancelled: count, throughput: 12345.6, avg_duration_ms: 754321, worker: { active: 242, capacity: 1000 } };
  render(place, statsView({ stats }));
  return [...place.querySelectorAll("dd")].filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => `${one.dataset.stat} ${one.textContent}`);
}"""


@pytest.mark.parametrize("width", [360, 520, 860, 1280, 1920])
def test_figures_are_readable_whole(server, make_live, width):
    live = make_live(server, viewport={"width": width, "height": 800}).open()
    for count in (1234, 12345, 123456, 1234567):
        assert live.page.evaluate(CUT_FIGURES, count) == []
    if width >= 860:
        live.open_detail(server.submit("countdown", {"seconds": 60})["id"])
        assert live.page.evaluate(CUT_FIGURES, 1234567) == []


# What of a row is cut off by the row's edge or painted over by another part of it.
UNREADABLE = """row => {
  const parts = [...row.querySelectorAll("*")].filter((one) => one.checkVisibility() && (
    one.getAttribute("role") === "progressbar" || [...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim())));
  const boxOf = (one) => {
    if (one.getAttribute("role") === "progressbar") return one.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(one);
    const text = range.getBoundingClientRect(), box = one.getBoundingClientRect();
    return { left: Math.max(text.left, box.left), right: Math.min(text.right, box.right), top: text.top, bottom: text.bottom };
  };
  const name = (one) => `${one.getAttribute("role") ?? one.textContent.trim().slice(0, 20)}`;
  const outer = row.getBoundingClientRect();
  const found = [];
  parts.forEach((one, place) => {
    const a = boxOf(one);
    if (a.right - a.left < 1) return;
    if (a.top < outer.top - 2 || a.bottom > outer.bottom + 2 || a.left < outer.left - 2 || a.right > outer.right + 2) {
      found.push(`${name(one)} sticks out`);
    }
    for (const other of parts.slice(place + 1)) {
      if (one.contains(other)) continue;
      const b = boxOf(other);
      if (b.right - b.left < 1) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 4) found.push(`${name(one)} lies on ${name(other)}`);
    }
  });
  return found;
}"""


def test_rows_are_readable(make_server, make_live):
    """No part of a row lies on another one, or sticks out of it, at any width."""
    server = make_server(workers=1)
    live = make_live(server, reduced_motion="reduce").open()
    own = {"queue": "imports-from-suppliers", "priority": "critical", "tags": {"team": "video"}}
    jobs = {
        "completed": server.submit("fibonacci", **own),
        "failed": server.submit("countdown", {"seconds": 9}, timeout_seconds=0.2, max_retries=0, id="import-of-the-catalogue-0412", **own),
        "running": server.submit("countdown", {"seconds": 60}, id="transcode-of-a-reading-0015", **own),
        "scheduled": server.submit("fetch", {"urls": ["http://127.0.0.1/a/rather/long/path/to/a/page.html"]}, delay="1h", **own),
        "pending": server.submit("echo", {"message": "a message longer than most lines are " * 3, "delay": 1}, **own),
    }
    for status, job in jobs.items():
        live.expect_status(job["id"], status)
    faults = []
    for width in (360, 390, 768, 1280):
        live.page.set_viewport_size({"width": width, "height": 1400})
        live.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        for status, job in jobs.items():
            row = live.row(job["id"])
            words = row.get_by_text(re.compile(status, re.IGNORECASE)).filter(visible=True)
            found = row.evaluate(UNREADABLE) + ([] if words.count() else ["no status in words"])
            faults += [f"{status} at {width}: {fault}" for fault in found]
    assert not faults, "\n".join(faults)


def test_signing_in_at_360_pixels(make_server, make_live):
    live = make_live(make_server(token="a-token-for-a-narrow-window"), viewport={"width": 360, "height": 640})
    live.guard.tolerate("status of 401|WebSocket connection to .* 401")
    live.open(connected=False)
    expect(live.sign_in).to_be_visible()
    expect_fits(live, "the sign-in")
    live.token.fill("a-token-for-a-narrow-window")
    live.sign_in_submit.click()
    live.expect_connection("open")
    expect(live.sign_out).to_be_visible()
    expect_fits(live, "the page with a session")


def test_other_widths_fit_too(live):
    live.server.submit("prime", tags={"team": "video"})
    expect(live.rows).to_have_count(1)
    for width in (320, 480, 640, 768, 900, 1024, 1920):
        live.page.set_viewport_size({"width": width, "height": 700})
        expect_fits(live, f"the page at {width} pixels")


def test_less_motion_where_the_system_asks_for_it(server, make_live):
    live = make_live(server, reduced_motion="reduce").open()
    job = server.submit("countdown", {"seconds": 60})
    live.expect_status(job["id"], "running")
    live.open_detail(job["id"])
    moving = live.page.evaluate("""() => document.getAnimations()
      .filter((one) => one.playState === "running" && one.effect.getComputedTiming().endTime > 100)
      .map((one) => one.animationName ?? one.transitionProperty)""")
    assert moving == []
