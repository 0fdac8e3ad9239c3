"""Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    """Without a window. As root it runs without a sandbox of its own, as Chromium asks for."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=CHROMIUM or None, args=arguments)
    try:
        yield browser
    finally:
        browser.close()
