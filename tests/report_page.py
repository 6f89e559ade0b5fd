"""Opens a page that `gopher report` wrote in a headless browser, as people do: light, dark, on a phone, printed.

    python3 -m venv .venv && .venv/bin/pip install playwright==1.65.2 axe-playwright-python==0.1.8
    .venv/bin/python tests/report_page.py report.html FOLDER [--chromium /usr/bin/chromium]

Fails on an error on the console, a request to anywhere, a page that is wider than the screen, a line that does not open by the keyboard, a
table that a printed page leaves out, and findings of axe-core that are serious or critical. Leaves pictures and a PDF in FOLDER.
"""

import argparse
import sys
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
VIEWS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1100, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1100, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "phone-dark": {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
}
LIMIT = 5_000_000


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("page", type=Path)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--chromium", help="a browser that is installed already")
    arguments = arguments.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    address = arguments.page.resolve().as_uri()
    assert arguments.page.stat().st_size < LIMIT, "the page is too large"
    failures = []

    def check(view, holds, what):
        if not holds:
            failures.append(f"{view}: {what}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for view, settings in VIEWS.items():
            context = browser.new_context(**settings)
            page = context.new_page()
            requests = []
            page.on("console", lambda message: check(view, message.type not in ("error", "warning"), f"console: {message.text}"))
            page.on("pageerror", lambda error: check(view, False, f"error: {error}"))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(address)
            page.wait_for_load_state("networkidle")
            outside = [url for url in requests if url != address and not url.startswith("data:")]
            check(view, not outside, f"requests: {outside}")
            width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            check(view, width[0] <= width[1], f"{width[0]} pixels wide on a screen of {width[1]}")
            page.screenshot(path=arguments.folder / f"{view}.png", full_page=True)
            plots, tables = page.locator("svg").count(), page.locator("table").count()
            check(view, plots > 0 and tables > 0, f"{plots} plots and {tables} tables")
            summary = page.locator("summary").first
            summary.focus()
            page.keyboard.press("Enter")
            check(view, page.locator("details").first.get_attribute("open") is not None, "a line does not open by Enter")
            # What is behind lines counts too.
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run()")
            for violation in found["violations"]:
                where = violation["nodes"][0]["target"]
                text = f"axe: {violation['impact']}: {violation['id']}: {violation['help']} ({len(violation['nodes'])}, first {where})"
                print(f"{view}: {text}")
                check(view, violation["impact"] not in ("serious", "critical"), text)
            print(f"{view}: {len(found['passes'])} rules of axe-core passed, {len(found['violations'])} not; {plots} plots, {tables} tables")
            context.close()
        context = browser.new_context(java_script_enabled=False, viewport={"width": 900, "height": 900})
        page = context.new_page()
        page.goto(address)
        page.emulate_media(media="print", color_scheme="dark")
        hidden = [table for table in page.locator("table").all() if not table.is_visible()]
        check("print", not hidden, f"{len(hidden)} tables are left out")
        page.screenshot(path=arguments.folder / "print.png", full_page=True)
        page.pdf(path=arguments.folder / "print.pdf")
        print(f"print: {page.locator('table').count()} tables, all visible without scripts" if not hidden else "print: tables are left out")
        browser.close()
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
