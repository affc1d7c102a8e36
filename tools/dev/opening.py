"""Opening the page in a browser, with its token on no command line and in no history.

An address that a browser is started with is on its command line, which all users of the machine see, and stays in its
history.  So the browser is started with a file that only this user can read.  The file posts the token
(``POST /open``), and the document that answers leaves it where the page looks for it (page/open.js) and goes on to the
page.  The printed address holds the token as well: in the fragment, which a browser sends to nobody.

The token is no cookie: a browser sends those of a host to all of its ports, so to the servers of others.
"""

from __future__ import annotations

import contextlib
import html
import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs

MOST_BYTES: Final = 4096
"""The largest form that is read."""

_FILE: Final = """<!doctype html>
<meta charset="utf-8">
<title>bamlvm dev</title>
<form method="post" action="{action}"><input type="hidden" name="token" value="{token}"></form>
<script>document.forms[0].submit()</script>
"""
_DOCUMENT: Final = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="token" content="{token}">
    <title>bamlvm dev</title>
    <link rel="icon" href="data:,">
    <script type="module" src="/page/open.js"></script>
  </head>
</html>
"""


def has_browser() -> bool:
    """Whether a browser would open in a window: one in the terminal could not show the page."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in names)


@contextlib.contextmanager
def opening_file(address: str, token: str) -> Iterator[str]:
    """Write the file for the server at an address, provide its path, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bamlvm-dev-") as folder:
        path = os.path.join(folder, "open.html")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(_FILE.format(action=html.escape(f"{address}/open"), token=html.escape(token)))
        yield path


def open_in_browser(path: str) -> None:
    """Start the user's browser with a file; some kinds of browsers end only when their windows are closed."""
    threading.Thread(target=webbrowser.open, args=(f"file://{path}",), daemon=True).start()


def given_token(form: bytes) -> str:
    """Return the token in what the file posts; empty if there is none."""
    fields = parse_qs(form.decode("latin-1"))
    return fields.get("token", [""])[0]


def opening_document(token: str) -> str:
    """Return the document that hands the token to the page."""
    return _DOCUMENT.format(token=html.escape(token))
