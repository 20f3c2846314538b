"""The pictures of the dashboard: a morning at a small publisher, played by a real server. See scripts/screenshots."""

import itertools
import random
import re
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import expect, sync_playwright

from live_page import Guard, LivePage
from stint_server import Server

MINUTE = 75  # seconds of ordinary life before the pictures, so that the chart has something to tell


class Site(BaseHTTPRequestHandler):
    """What `fetch` jobs fetch: a small web site on this machine."""

    def do_GET(self):
        body = b"<!doctype html>" + b"." * (len(self.path) * 997 % 60_000)
        self.send_response(404 if "gone" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def ordinary_life(server, site, until):
    """Short jobs, now more, now fewer, as they come in during a day. Always the same ones."""
    chance = random.Random(7)
    number = itertools.count(1181)
    pages = ["", "books", "authors", "news", "events/2025", "gone/old-page", "shop", "imprint"]
    while time.monotonic() < until:
        busy = 1 + (time.monotonic() // 9) % 3
        for _ in range(chance.randint(0, int(3 * busy))):
            kind = chance.choice(["fetch", "fetch", "prime", "fibonacci", "prime"])
            if kind == "fetch":
                urls = [f"{site}/{page}" for page in chance.sample(pages, chance.randint(2, 6))]
                server.submit("fetch", {"urls": urls}, id=f"check-links-{next(number)}", queue="web", tags={"site": "shop.example"})
            elif kind == "prime":
                server.submit("prime", {"limit": chance.randrange(5_000, 100_000, 1_000)}, id=f"index-{next(number)}", queue="search", tags={"team": "search"})
            else:
                server.submit("fibonacci", {"count": chance.randrange(100, 900, 50)}, id=f"forecast-{next(number)}", queue="reports", tags={"team": "sales"})
        time.sleep(chance.uniform(0.1, 0.6))


def before_long(server):
    """What began, or went wrong, shortly before the picture."""
    server.submit("countdown", {"seconds": 40}, id="import-catalogue-0412", timeout_seconds=1, max_retries=2,
                  retry={"strategy": "immediate"}, queue="imports", tags={"supplier": "north"})
    server.submit("countdown", {"seconds": 50}, id="export-royalties-q2", timeout_seconds=1,
                  retry={"strategy": "linear", "base_seconds": 240}, queue="reports", tags={"team": "finance"})
    server.wait_for("import-catalogue-0412", "failed")
    server.wait_for("export-royalties-q2", "retrying")
    server.submit("countdown", {"seconds": 60}, id="newsletter-draft-31", queue="mail", tags={"team": "press"}, delay="20m")
    server.ask("DELETE", "/api/jobs/newsletter-draft-31")
    server.submit("countdown", {"seconds": 55}, id="render-cover-0997", queue="video", tags={"title": "The Long Tide"},
                  priority="high")
    after("render-cover-0997", server, 12)
    server.submit("countdown", {"seconds": 48}, id="render-trailer-0998", queue="video", tags={"title": "The Long Tide"},
                  priority="high")
    server.submit("echo", {"message": "Spring list, 214 recipients", "delay": 30}, id="newsletter-30", queue="mail",
                  tags={"team": "press"})
    after("newsletter-30", server, 8)


def the_moment(server):
    """What stands on the page when the picture is taken; the id of the job to look into."""
    for number, author in ((15, "M. Okafor"), (16, "M. Okafor"), (17, "L. Brandt")):
        server.submit("countdown", {"seconds": 45}, id=f"transcode-reading-{number}", queue="video", tags={"author": author})
    server.submit("prime", {"limit": 100_000}, id="index-rebuild", queue="search", priority="low", delay="35m", tags={"team": "search"})
    after("transcode-reading-15", server, 2)
    return "render-cover-0997"


def after(id, server, reports):
    """Waits for so many reports of progress: about as many seconds."""
    seen = 0
    for name, _ in server.events(id):
        seen += name == "progress"
        if seen >= reports:
            return


def main(stint, chromium, folder, web_root):
    site_server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site_server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{site_server.server_address[1]}"
    expect.set_options(timeout=30_000)
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        server = Server(stint, work, web_root=web_root, workers=4, settings={"STINT_FETCH_ALLOW": "127.0.0.1"}).start()
        browser = playwright.chromium.launch(executable_path=chromium)
        try:
            def tab(**options):
                context = browser.new_context(device_scale_factor=2, locale="en-GB", reduced_motion="reduce", **options)
                live = LivePage(context.new_page(), server, Guard(server.url))
                return live.open()

            def picture(live, name):
                path = f"{folder}/dashboard-{name}.png"
                live.page.screenshot(path=path)
                live.guard.check()
                print(f"==> {path}")

            wide = {"viewport": {"width": 1360, "height": 940}}
            pages = {
                "light": tab(color_scheme="light", **wide),
                "dark": tab(color_scheme="dark", **wide),
                "narrow": tab(color_scheme="light", viewport={"width": 390, "height": 844}),
                "detail": tab(color_scheme="light", **wide),
            }
            print(f"==> {MINUTE + 25} seconds of ordinary life")
            life = threading.Thread(target=ordinary_life, args=(server, site, time.monotonic() + MINUTE + 25))
            news = threading.Timer(MINUTE, before_long, (server,))
            for thread in (life, news):
                thread.start()
            while life.is_alive() or news.is_alive():  # the pages live on meanwhile: they draw the chart from what they see
                pages["light"].page.wait_for_timeout(250)
            chosen = the_moment(server)
            for name, live in pages.items():
                live.page.bring_to_front()
                live.expect_connection("open")
                live.expect_status(chosen, "running")
                # The chart's newest point is of this second.
                expect(live.chart).to_contain_text(re.compile(r"running\s*4"))
                if name == "detail":
                    live.open_detail(chosen)
                    live.expect_field("progress", "remaining")
                live.settle()
                picture(live, name)
            for name, parts in (("dead-letters", pages["light"].dead_jobs), ("workers", pages["light"].workers)):
                pages["light"].page.bring_to_front()
                pages["light"].page_link(name).click()
                expect(parts.first).to_be_visible()
                pages["light"].settle()
                picture(pages["light"], name)
        finally:
            browser.close()
            server.stop()
            site_server.shutdown()


main(*sys.argv[1:])
