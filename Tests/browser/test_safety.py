"""What jobs carry is text and nothing else; what is copied is safe to run; the headers of the page."""

import os
import re
import subprocess
import urllib.request

import pytest
from playwright.sync_api import expect

NASTY = "<img src=x onerror=\"window.hacked='img'\"><script>window.hacked='script'</script>"
LINK = "javascript:window.hacked='link'"


def test_job_data_is_text(server, make_live):
    live = make_live(server)
    # Anything that comes to life shows as a fault of the policy, or here.
    jobs = [
        server.submit("echo", {"message": NASTY, "delay": 1}, tags={"note": NASTY, "link": LINK}, metadata={"html": NASTY}),
        server.submit("fetch", {"urls": [LINK, "data:text/html,<script>alert(1)</script>", "http://127.0.0.1/" + "%3Cimg%3E"]}),
        server.submit("no.such.type", {"<b>key</b>": NASTY, "list": [NASTY, LINK]}, allow_unknown_type=True),
    ]
    live.open()
    for job in jobs[:2]:
        live.expect_status(job["id"], "completed")
    # They are rendered in the list, by a search and in the panel.
    live.search.fill("<img")
    live.search.fill("")
    for job, field in ((jobs[0], "result"), (jobs[0], "params"), (jobs[0], "tags"), (jobs[2], "params")):
        live.open_detail(job["id"])
        live.expect_field(field, "<img src=x")
    live.open_detail(jobs[1]["id"])
    live.expect_field("result", "javascript:")
    assert live.page.evaluate("window.hacked") is None
    for element in ("img", "script:not([type=module])", "iframe", "object", "embed"):
        expect(live.page.locator(f"body {element}")).to_have_count(0)
    links = live.page.locator("a[href]").evaluate_all("all => all.map((one) => one.href)")
    assert not [link for link in links if not re.match("https?://", link)], links


def test_a_hostile_address_is_text_too(live):
    """A link somebody sends: the id and the search in it are shown, never run."""
    live.guard.tolerate("status of (404|422|400)")
    live.open("/#/jobs/" + "%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E")
    live.open("/#/?q=%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E&type=%3Cb%3E&status=%22%3E%3Cb%3E&__proto__=1")
    expect(live.rows).to_have_count(0)
    live.open("/#/jobs/%E0%A4%A")  # no valid escape
    live.open("/#/" + "x" * 5000)
    live.expect_connection("open")
    assert live.page.evaluate("window.hacked") is None
    expect(live.page.locator("body img")).to_have_count(0)
    job = live.server.submit("prime")
    live.open("/")
    live.expect_status(job["id"], "completed")


@pytest.fixture
def clipboard(server, make_context, make_live):
    live = make_live(server, make_context(permissions=["clipboard-read", "clipboard-write"])).open()

    def copy(button):
        live.page.evaluate("navigator.clipboard.writeText('')")
        button.click()
        live.page.wait_for_function("async () => (await navigator.clipboard.readText()) !== ''")
        return live.page.evaluate("navigator.clipboard.readText()")

    return live, copy


def run(text, folder, **environment):
    done = subprocess.run(["sh", "-c", text], cwd=folder, env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# Everything a shell could trip over, or be made to run.
WORDS = "it's \"quoted\" $(touch hacked) `touch hacked` $HOME \\n \\ ! & ; | > hacked # %s\nnext line — 你好"


def test_the_copied_commands_work(server, clipboard, tmp_path):
    live, copy = clipboard
    job = server.submit("echo", {"message": WORDS, "delay": 1}, queue="reports", priority="high", max_retries=1,
                        tags={"team": "video", "why": "it's $(touch hacked)"}, timeout_seconds=20)
    live.open_detail(job["id"])
    folder = tmp_path / "shell"
    folder.mkdir()
    for button in (live.copy_curl, live.copy_command):
        text = copy(button)
        known = {one["id"] for one in server.jobs()}
        run(text, folder, PATH=f"{os.path.dirname(server.stint)}:{os.environ['PATH']}")
        new = [one for one in server.jobs() if one["id"] not in known]
        assert len(new) == 1, f"{len(new)} jobs were made by: {text}"
        for key in ("type", "params", "queue", "priority", "tags", "max_retries", "timeout_seconds"):
            assert new[0][key] == job[key], f"{key} by {text}"
        assert os.listdir(folder) == [], f"files were made by: {text}"


def test_the_copied_commands_of_each_type_work(server, clipboard, tmp_path):
    live, copy = clipboard
    for type, params in [("countdown", {"seconds": 1}), ("prime", {"limit": 200}), ("fibonacci", {"count": 3}),
                         ("fetch", {"urls": ["http://127.0.0.1:1/a?b=c&d", "http://127.0.0.1:1/'x'"]})]:
        job = server.submit(type, params)
        live.open_detail(job["id"])
        for button in (live.copy_curl, live.copy_command):
            known = {one["id"] for one in server.jobs()}
            text = copy(button)
            run(text, tmp_path, PATH=f"{os.path.dirname(server.stint)}:{os.environ['PATH']}")
            new = [one for one in server.jobs() if one["id"] not in known]
            assert [(one["type"], one["params"]) for one in new] == [(type, params)], text


def test_the_headers_of_the_page(server):
    policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    status, headers, page = server.raw("GET", "/")
    assert status == 200
    links = re.findall(rb'(?:src|href)="([^"#]+)"', page)
    assert links
    files = {"/": "text/html", "/favicon.svg": "image/svg+xml"}
    modules = []
    for link in links:
        path = "/" + link.decode().lstrip("./")
        files[path] = "text/css" if path.endswith(".css") else "text/javascript" if path.endswith(".js") else "image/svg+xml"
        modules += [path] if path.endswith(".js") else []
    # Every module that the first one leads to.
    while modules:
        path = modules.pop()
        _, _, text = server.raw("GET", path)
        for name in re.findall(rb'''(?:from|import)\s*\(?\s*["'](\.[^"']+)["']''', text):
            target = os.path.normpath(os.path.join(os.path.dirname(path), name.decode()))
            if target not in files:
                files[target] = "text/javascript"
                modules.append(target)
    assert any(path.endswith(".css") for path in files) and sum(path.endswith(".js") for path in files) > 1, files
    for path, kind in files.items():
        status, headers, content = server.raw("GET", path)
        assert status == 200 and content, path
        assert headers["Content-Security-Policy"] == policy, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert headers["Content-Type"].split(";")[0] == kind, path
        assert headers["Cache-Control"] == "no-cache", path
        status, _, content = server.raw("GET", path, headers={"If-None-Match": headers["ETag"]})
        assert (status, content) == (304, b""), path
    for path in ("/js/../index.html", "/js/%2e%2e/%2e%2e/etc/passwd", "/js/none.js", "/css/", "/css/..%2findex.html"):
        status, _, _ = server.raw("GET", path)
        assert status in (400, 404), path


def test_the_page_needs_no_token_but_the_data_does(make_server):
    server = make_server(token="a-token-nobody-here-has")
    with urllib.request.urlopen(server.url + "/", timeout=30) as answer:
        assert answer.status == 200
        assert b"nobody" not in answer.read()
    assert server.raw("GET", "/api/jobs", token="wrong")[0] == 401


def test_everything_comes_from_the_server_itself(server, make_live):
    """A whole visit; the browser resolves no name and reaches no address but the server's, and the page tries none."""
    live = make_live(server)
    addresses = []
    live.page.on("request", lambda request: addresses.append(request.url))
    live.open()
    job = server.submit("prime")
    live.expect_status(job["id"], "completed")
    live.open_detail(job["id"])
    live.theme.click()
    live.open_form("fetch")
    live.press("Escape")
    live.press("?")
    expect(live.shortcuts).to_be_visible()
    assert len(addresses) > 3
    assert {url.startswith(server.url + "/") for url in addresses} == {True}
    fonts = live.page.evaluate("() => [...document.fonts].filter((one) => one.status === 'error').length")
    assert fonts == 0


def test_a_foreign_page_cannot_frame_or_call_it(server, make_context):
    """Another site in the same browser: no frame, no reading, no socket."""
    context = make_context()
    page = context.new_page()
    page.route("http://evil.localhost/**", lambda route: route.fulfill(
        content_type="text/html", body="<title>evil</title>"))
    page.goto("http://evil.localhost/")
    outcome = page.evaluate("""async (url) => {
      const read = await fetch(url + "/api/jobs").then((r) => r.status, () => "refused");
      const send = await fetch(url + "/api/jobs", { method: "POST", headers: { "Content-Type": "application/json" },
        body: '{"type":"prime"}' }).then((r) => r.status, () => "refused");
      await fetch(url + "/api/jobs", { method: "POST", mode: "no-cors", body: '{"type":"prime"}' }).catch(() => 0);
      const socket = await new Promise((done) => {
        const one = new WebSocket(url.replace("http", "ws") + "/ws/queue");
        one.onopen = () => done("open");
        one.onerror = () => done("refused");
      });
      return { read, send, socket };
    }""", server.url)
    assert outcome == {"read": "refused", "send": "refused", "socket": "refused"}
    assert server.jobs() == []
    page.evaluate("url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f); }", server.url)
    page.wait_for_function("() => frames.length === 1")
    expect(page.frame_locator("iframe").locator("#queue")).to_have_count(0)
