"""Checks of the chat page in a headless Chromium, against a server of its own that speaks the API and has no model.

    pip install playwright
    python3 serve/page/check.py [--chromium /usr/bin/chromium] [--screenshots FOLDER]

It takes ten seconds. Without Playwright or a browser it says "skipped: …" and ends well.

The server sends the policy that the page is made for: no script, style or connection but its own.
"""

import argparse
import http.server
import json
import pathlib
import shutil
import threading
import time

PAGE = pathlib.Path(__file__).parent
POLICY = "; ".join([
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:", "base-uri 'none'",
    "form-action 'none'", "frame-ancestors 'none'",
])
KINDS = {"index.html": "text/html; charset=utf-8", "page.js": "text/javascript", "page.css": "text/css"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with a few words, or as the message says: long, cut, gone, broken, busy."""

    def log_message(self, *_):
        pass

    def start(self, code, kind, headers=()):
        self.send_response(code)
        for name, value in [("Content-Type", kind), ("Content-Security-Policy", POLICY), *headers]:
            self.send_header(name, value)
        self.end_headers()

    def json(self, value, code=200, headers=()):
        self.start(code, "application/json", headers)
        self.wfile.write(json.dumps(value).encode())

    def do_GET(self):
        name = self.path[1:] or "index.html"
        if self.path == "/v1/models":
            self.json({"object": "list", "data": [{"id": "no-model", "object": "model"}]})
        elif name in KINDS:
            self.start(200, KINDS[name])
            self.wfile.write((PAGE / name).read_bytes())
        else:
            self.json({"error": {"message": "there is nothing here"}}, 404)

    def event(self, value):
        raw = f"data: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}\n\n".encode()
        # In two parts, so that characters and lines are torn.
        for part in (raw[: len(raw) // 2], raw[len(raw) // 2 :]):
            self.wfile.write(part)
            self.wfile.flush()
            time.sleep(0.005)

    def chunk(self, text=None, reason=None):
        delta = {} if text is None else {"content": text}
        self.event({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(request)
        last = request["messages"][-1]["content"]
        if last == "busy":
            return self.json({"error": {"message": "too many requests"}}, 429, [("Retry-After", "3")])
        self.start(200, "text/event-stream")
        answer = f'Answer {len(self.server.seen)} to "{last}": 👩‍🚀 <b>plain</b> text.\nSecond line.'
        words = ["word"] * 3000 if last == "long" else answer.split(" ")
        try:
            for index, word in enumerate(words):
                self.chunk((" " if index else "") + word)
                if last == "gone" and index == 1:
                    return
                if last == "broken" and index == 1:
                    return self.event({"error": {"message": "the device failed"}})
            self.chunk(reason="length" if last == "cut" else "stop")
            self.event({"choices": [], "usage": {}})
            self.event("[DONE]")
        except OSError:
            self.server.left += 1


def serve(port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.seen, server.left = [], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def until(condition, what, seconds=20):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, what
        time.sleep(0.02)


class Dialogue:
    """The page in a window."""

    def __init__(self, browser, address, **options):
        self.page = browser.new_context(**options).new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)

    def texts(self):
        return self.page.locator("#dialogue .text").all_inner_texts()

    def settle(self):
        until(self.page.locator("#send").is_visible, "the answer does not end")

    def say(self, text):
        before = len(self.texts())
        self.page.fill("#message", text)
        self.page.press("#message", "Enter")
        until(lambda: len(self.texts()) > before, "the message is not shown")
        self.settle()

    def click(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def problem(self):
        return self.page.locator("#problem").inner_text()

    def last(self):
        return self.page.locator("#dialogue li").last.inner_text()


def check(browser, screenshots):
    server = serve()
    port = server.server_address[1]
    address = f"http://127.0.0.1:{port}/"
    dialogue = Dialogue(browser, address, viewport={"width": 900, "height": 700})
    page = dialogue.page

    # An answer is text, whole and plain, and is said to who listens.
    dialogue.say("Hello")
    assert dialogue.texts() == ["Hello", 'Answer 1 to "Hello": 👩‍🚀 <b>plain</b> text.\nSecond line.']
    assert page.locator("#status").inner_text().startswith("Gopher: Answer 1")
    assert page.locator("#model").inner_text() == "no-model"

    # Escape stops one, the server hears of it, and what was said stays, also when the page is loaded again.
    page.fill("#message", "long")
    page.press("#message", "Enter")
    until(lambda: len(dialogue.texts()) == 4 and len(dialogue.texts()[3]) > 50, "no answer comes")
    page.keyboard.press("Escape")
    dialogue.settle()
    until(lambda: server.left == 1, "the server was not told")
    assert "stopped" in dialogue.last()
    before = dialogue.texts()
    page.reload()
    assert dialogue.texts() == before

    # Answers again and edited messages are versions beside the others.
    dialogue.click("Draw answer 2 again")
    dialogue.settle()
    assert len(dialogue.texts()) == 2 and "2 of 2" in dialogue.last()
    dialogue.click("Version before of message 2")
    assert dialogue.texts() == before
    dialogue.click("Edit message 1")
    page.fill("#dialogue textarea", "Goodbye")
    page.press("#dialogue textarea", "Enter")
    dialogue.settle()
    until(lambda: len(dialogue.texts()) == 2, "the edited message is not answered")
    assert dialogue.texts()[0] == "Goodbye"
    dialogue.click("Version before of message 1")
    assert dialogue.texts()[0] == "Hello"
    dialogue.click("Version after of message 1")

    # Settings go with the request, and are kept.
    page.locator("summary").click()
    page.fill("#temperature", "0.5")
    page.fill("#seed", "7")
    page.fill("#system", "Be kind.")
    dialogue.say("cut")
    request = server.seen[-1]
    assert (request["temperature"], request["seed"], request["stream"]) == (0.5, 7, True)
    assert "top_p" not in request
    assert request["messages"][0] == {"role": "system", "content": "Be kind."}
    assert [message["role"] for message in request["messages"]] == ["system", "user", "assistant", "user"]
    assert "cut at the limit" in dialogue.last()
    dialogue.click("Draw answer 4 again")
    dialogue.settle()
    assert server.seen[-1]["seed"] == 8
    page.reload()
    assert page.input_value("#seed") == "7"

    # What goes wrong is said, and what was said is kept.
    dialogue.say("gone")
    assert "went away in the middle" in dialogue.problem() and dialogue.texts()[-1].startswith("Answer ")
    dialogue.say("broken")
    assert dialogue.problem() == "the device failed"
    dialogue.say("busy")
    assert "too many requests (429). Try again in 3 s." in dialogue.problem()
    if screenshots:
        page.screenshot(path=screenshots / "page-light.png")
    server.shutdown()
    server.server_close()
    dialogue.say("Is anybody there?")
    assert "cannot be reached" in dialogue.problem()
    server = serve(port)
    dialogue.click("Ask for an answer once more")
    until(lambda: dialogue.texts()[-1].startswith('Answer 1 to "Is anybody there?"'), "no answer")
    dialogue.settle()
    assert dialogue.errors == []

    # On a phone, in the dark: nothing is wider than the screen.
    phone = Dialogue(browser, address, viewport={"width": 320, "height": 600}, color_scheme="dark")
    phone.say("a" * 60)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 320
    if screenshots:
        phone.page.screenshot(path=screenshots / "page-dark.png")

    # By keys alone, and with something else in the storage.
    keys = Dialogue(browser, address)
    keys.page.keyboard.type("by keys")
    keys.page.keyboard.press("Enter")
    until(lambda: len(keys.texts()) == 2, "no answer")
    keys.settle()
    keys.page.keyboard.press("ArrowUp")
    keys.page.keyboard.type("!")
    keys.page.keyboard.press("Enter")
    until(lambda: keys.texts()[:1] == ["by keys!"], "the message is not edited")
    keys.settle()
    stored = "() => { onpagehide = null; addEventListener('pagehide', () => localStorage.setItem('gopher-dialogue', '{\"children\": [7], \"shown\": 0}')); }"
    keys.page.evaluate(stored)
    keys.page.reload()
    assert keys.texts() == []
    keys.say("again")
    assert keys.errors == phone.errors == []
    server.shutdown()


def find_browser():
    """A browser that is installed, if there is one."""
    found = map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
    return next(filter(None, found), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", help="the browser [default: one that is installed]")
    parser.add_argument("--screenshots", type=pathlib.Path, help="folder for screenshots of the page")
    arguments = parser.parse_args()
    browser = arguments.chromium or find_browser()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return print("skipped: Playwright is not there: pip install playwright")
    if not browser:
        return print("skipped: no browser: install chromium, or name one with --chromium")
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium has no sandbox for root, as which containers run.
        browser = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        check(browser, arguments.screenshots)
        browser.close()
    print("the chat page does what it should")


if __name__ == "__main__":
    main()
