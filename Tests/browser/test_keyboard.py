"""Every action without a mouse. Nothing in this file clicks, hovers or taps, and nothing sets a value from outside."""

import re

import pytest
from playwright.sync_api import expect


# Said once the server has answered a cancel.
DONE = re.compile("cancelled|asked to stop")


@pytest.fixture
def live(make_server, make_live, make_context):
    context = make_context(permissions=["clipboard-read", "clipboard-write"])
    tab = make_live(make_server(workers=1), context).open()
    expect(tab.type_button("countdown")).to_be_visible()

    def no_mouse(*arguments):
        raise AssertionError("a mouse was used")

    for name in ("click", "dblclick", "move", "down", "up", "wheel"):
        setattr(tab.page.mouse, name, no_mouse)
    return tab


def focused(live):
    return live.page.evaluate("() => document.activeElement?.id || document.activeElement?.closest('[data-job]')?.dataset.job || ''")


def test_submit(live):
    live.press("n")
    expect(live.job_form).to_be_visible()
    # The type is chosen by keyboard too, wherever the form lets one choose.
    if not live.param("seconds").is_visible():
        live.tab_to(live.type_button("countdown"))
        live.press("Enter")
    live.tab_to(live.param("seconds"))
    live.press("ControlOrMeta+a")
    live.page.keyboard.type("0")
    live.press("Enter")
    expect(live.error("seconds")).to_be_visible()
    expect(live.param("seconds")).to_be_focused()
    live.press("ControlOrMeta+a")
    live.page.keyboard.type("60")
    live.tab_to(live.page.locator("#job-options summary"))
    live.press("Enter")
    live.tab_to(live.option("id"))
    live.page.keyboard.type("by-keyboard")
    live.tab_to(live.submit_job)
    live.press("Enter")
    live.expect_status("by-keyboard", "running")


def test_submit_from_the_types_buttons(live):
    live.tab_to(live.type_button("echo"))
    live.press("Space")
    live.tab_to(live.param("message"))
    live.page.keyboard.type("n c r t ? / j k")  # no short cut while typing
    live.tab_to(live.param("delay"))
    live.page.keyboard.type("1")
    live.press("Enter")
    expect(live.rows).to_have_count(1)
    job, = live.server.jobs()
    assert job["params"] == {"message": "n c r t ? / j k", "delay": 1}


def test_open_cancel_retry_copy_close(live):
    server = live.server
    running = server.submit("countdown", {"seconds": 60}, id="first")
    live.expect_status("first", "running")
    server.submit("countdown", {"seconds": 60}, id="second")
    live.expect_status("second", "pending")
    live.press("j")
    live.press("Enter")
    expect(live.detail).to_be_visible()
    live.expect_field("id", "first")
    live.press("c")
    if live.confirm.is_visible():
        live.press("Enter")
    live.expect_status("first", "cancelled")
    live.expect_status("second", "running")
    expect(live.notices).to_contain_text(DONE)
    live.press("r")
    live.expect_status("first", "pending")
    assert server.job(running["id"])["status"] == "pending"
    # The buttons of the panel, by Tab.
    for button in (live.copy_curl, live.copy_command):
        live.tab_to(button)
        live.press("Enter")
        expect(live.notices).to_contain_text(re.compile("cop(y|ied)", re.IGNORECASE))
    assert "stint" in live.page.evaluate("navigator.clipboard.readText()")
    live.tab_to(live.cancel_job)
    live.press("Enter")
    live.expect_status("first", "cancelled")
    live.tab_to(live.retry_job)
    live.press("Space")
    live.expect_status("first", "pending")
    live.press("Escape")
    expect(live.detail).to_be_hidden()
    # Back where one was.
    assert focused(live) in ("first", "second", "queue"), focused(live)


def test_moving_in_the_list(live):
    for number in range(6):
        live.server.submit("prime", delay="1h", id=f"row-{number}")
    expect(live.rows).to_have_count(6)
    order = live.rows.evaluate_all("rows => rows.map((row) => row.dataset.job)")

    def opened():
        live.press("Enter")
        expect(live.detail).to_be_visible()
        id = live.field("id").text_content()
        live.press("Escape")
        expect(live.detail).to_be_hidden()
        return next(one for one in order if one in id)

    live.press("j")
    assert opened() == order[0]
    live.press("j", 2)
    assert opened() == order[2]
    live.press("k")
    assert opened() == order[1]
    live.press("ArrowDown", 3)
    assert opened() == order[4]
    live.press("ArrowUp", 2)
    assert opened() == order[2]
    # At the ends it stays.
    live.press("k", 9)
    assert opened() == order[0]
    live.press("j", 9)
    assert opened() == order[5]


def test_keys_that_act_on_a_job_need_one_that_was_chosen(live):
    live.server.submit("countdown", {"seconds": 60}, id="not-chosen")
    live.expect_status("not-chosen", "running")
    sent = live.count_sent()
    live.press("c")
    live.press("r")
    # What comes after them is done.
    live.press("?")
    expect(live.shortcuts).to_be_visible()
    assert sent == []
    assert live.server.job("not-chosen")["status"] == "running"
    assert live.server.job("not-chosen")["cancel_requested_at"] is None


def test_search_and_filters(live):
    for id in ("apple-1", "apple-2", "pear-1"):
        live.server.submit("prime", delay="1h", id=id)
    expect(live.rows).to_have_count(3)
    live.press("/")
    expect(live.search).to_be_focused()
    expect(live.search).to_have_value("")
    live.page.keyboard.type("pear")
    expect(live.rows).to_have_count(1)
    live.press("ControlOrMeta+a")
    live.press("Delete")
    expect(live.rows).to_have_count(3)
    live.tab_to(live.filter_button("failed"), limit=40)
    live.press("Space")
    expect(live.filter_button("failed")).to_have_attribute("aria-pressed", "true")
    expect(live.rows).to_have_count(0)
    live.tab_to(live.filter_button("all"))
    live.press("Enter")
    expect(live.rows).to_have_count(3)
    live.tab_to(live.filter_type)
    live.page.keyboard.type("cou")
    expect(live.filter_type).to_have_value("countdown")
    expect(live.rows).to_have_count(0)


def test_clear_and_cancel_many(live):
    live.server.submit("prime", id="over")
    live.expect_status("over", "completed")
    for number in range(4):
        live.server.submit("prime", delay="1h", id=f"many-{number}")
    expect(live.rows).to_have_count(5)
    live.tab_to(live.clear_completed)
    live.press("Enter")
    live.page.wait_for_function(
        "() => document.querySelector('#confirm')?.checkVisibility() || "
        "!document.querySelector('#queue [data-status=completed]')")
    if live.confirm.is_visible():
        live.tab_to(live.confirm_yes, limit=5)
        live.press("Enter")
    expect(live.row("over")).to_have_count(0)
    live.tab_to(live.cancel_shown)
    live.press("Enter")
    expect(live.confirm).to_be_visible()
    # A dialog keeps the focus, Escape leaves it without doing anything, and the focus comes back.
    for _ in range(6):
        live.press("Tab")
        assert live.page.evaluate("() => document.activeElement === document.body || Boolean(document.activeElement.closest('#confirm'))")
    live.press("Escape")
    expect(live.confirm).to_be_hidden()
    expect(live.cancel_shown).to_be_focused()
    assert {job["status"] for job in live.server.jobs()} == {"scheduled"}
    live.press("Enter")
    expect(live.confirm).to_be_visible()
    live.tab_to(live.confirm_yes, limit=5)
    live.press("Enter")
    for number in range(4):
        live.expect_status(f"many-{number}", "cancelled")


def test_theme_and_the_sheet_of_short_cuts(live):
    html = live.page.locator("html")
    live.press("t")
    expect(html).to_have_attribute("data-theme", "light")
    live.tab_to(live.theme)
    live.press("Enter")
    expect(html).to_have_attribute("data-theme", "dark")
    live.press("?")
    expect(live.shortcuts).to_be_visible()
    expect(live.shortcuts).to_have_role("dialog")
    text = live.shortcuts.inner_text()
    for key in ("/", "n", "j", "k", "Enter", "Esc", "c", "r", "t", "?"):
        assert re.search(rf"(?<!\w){re.escape(key)}", text), f"{key} is not on the sheet: {text}"
    live.press("n")  # the sheet is modal
    expect(live.job_form).to_be_hidden()
    live.press("Escape")
    expect(live.shortcuts).to_be_hidden()


def test_no_short_cut_with_a_modifier_or_while_typing(live):
    live.press("/")
    live.page.keyboard.type("n?tc")
    expect(live.search).to_have_value("n?tc")
    expect(live.job_form).to_be_hidden()
    expect(live.shortcuts).to_be_hidden()
    live.press("ControlOrMeta+a")
    live.press("Delete")
    live.tab_to(live.theme)
    for key in ("Control+t", "Alt+t", "Meta+t", "Control+n", "Alt+n", "Control+/"):
        live.press(key)
    expect(live.page.locator("html")).not_to_have_attribute("data-theme", re.compile(".*"))
    expect(live.job_form).to_be_hidden()


def test_the_focus_is_seen_wherever_it_goes(live):
    live.server.submit("prime", delay="1h", id="seen")
    expect(live.rows).to_have_count(1)
    seen = set()
    for _ in range(60):
        live.press("Tab")
        name = live.page.evaluate("""() => {
          const one = document.activeElement;
          if (!one || one === document.body) return null;
          const style = getComputedStyle(one);
          const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
          const visible = one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
          const name = `${one.tagName.toLowerCase()}#${one.id}.${one.getAttribute("class") ?? ""}[${one.dataset.filter ?? one.dataset.type ?? ""}]`;
          return visible && (ring || style.boxShadow !== "none") ? name : `${name} WITHOUT A RING`;
        }""")
        if name in seen:
            break
        if name:
            assert "WITHOUT" not in name, name
            seen.add(name)
    assert len(seen) > 10, seen


def test_signing_in_and_out(make_server, make_live):
    live = make_live(make_server(token="a-token-typed-by-hand"))
    live.guard.tolerate("status of 401|WebSocket connection to .* 401")
    live.open(connected=False)
    expect(live.token).to_be_focused()
    live.page.keyboard.type("a-token-typed-by-hand")
    live.press("Enter")
    live.expect_connection("open")
    live.tab_to(live.sign_out)
    live.press("Enter")
    expect(live.sign_in).to_be_visible()
