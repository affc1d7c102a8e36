"""A call that is not made: its prompt, how many tokens that may be, its request, and that as a command for curl.

Secrets stay here: where a header or the address has one, the command has a variable of the shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bamlvm.calls.dry_run import DryRun
from bamlvm.errors import BamlError, HostError
from bamlvm.sysops.redaction import HIDDEN, Secrets, redacted_headers, redacted_url
from bamlvm.vm.values import Media

if TYPE_CHECKING:
    from bamlvm.calls.dry_run import HttpRequest, PromptPart
    from bamlvm.context import CallContext
    from bamlvm.runtime import Runtime

_TOKEN: Final = re.compile(r"[^\W\d_]{1,7}|\d{1,3}|_+|[^\w\s]{1,2}|\s{2,}")
_OTHER_SCRIPT: Final = re.compile(r"[^\x00-\u024f]")
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_LARGEST_PICTURE: Final = 8_000_000  # characters of one that the page shows
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_VARIABLE: Final = "API_KEY"
_KEY_HEADERS: Final = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
_SCHEME: Final = re.compile(r"(?:bearer|basic|token) ", re.IGNORECASE)
_NOT_IN_A_NAME: Final = re.compile(r"^(?=\d)|[^A-Z0-9_]")


def preview(runtime: Runtime, function: str, args: Mapping[str, Any], context: CallContext) -> dict[str, Any]:
    """Return ``messages``, ``tokens`` (an estimate), ``request`` and ``curl``; ``error`` where one of them fails."""
    found: dict[str, Any] = {}
    dry_run = DryRun(runtime.engine, function, args, context)
    try:
        messages = dry_run.messages()
        found["tokens"] = sum(estimated_tokens(each.text) + 4 for each in messages)
        found["messages"] = [{"role": each.role, "parts": [_part(part) for part in each.parts]} for each in messages]
        request = dry_run.request(stream=True)
        found["request"] = _shown(request, dry_run.secrets())
        found["curl"] = curl(request, dry_run.secrets())
    except BamlError as error:
        found["error"] = str(error) if isinstance(error, HostError) else getattr(error, "message", str(error))
    secrets = dry_run.secrets()
    return {name: secrets.hide_in(value) for name, value in found.items()}


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text is: a word of up to seven letters counts one, and so do three digits, two
    marks, and a character of another script than Latin.  A rule of thumb: each model has a vocabulary of its own."""
    return len(_TOKEN.findall(_OTHER_SCRIPT.sub("", text))) + len(_OTHER_SCRIPT.findall(text))


def curl(request: HttpRequest, secrets: Secrets) -> str:
    """Return a command that sends a request, with a variable in place of each secret.

    ``$API_KEY`` is the key that a provider wants, without the word before it (``Bearer``); a header that only this
    client has is a variable of its own name.
    """
    words = ["curl", _quoted(secrets.hide(redacted_url(request.url)), _VARIABLE), "-X", request.method]
    for name, value in secrets.hide_in(redacted_headers(request.headers)).items():
        if name.lower() == "content-length":
            continue
        scheme = _SCHEME.match(request.headers[name]) if name.lower() == "authorization" else None
        hidden = value if scheme is None else f"{scheme[0]}{HIDDEN}"
        variable = _VARIABLE if name.lower() in _KEY_HEADERS else _NOT_IN_A_NAME.sub("_", name.upper())
        words += ["\\\n  -H", _quoted(f"{name}: {hidden}", variable)]
    return " ".join([*words, "\\\n  --data-raw", shlex.quote(secrets.hide(request.body))])


def _shown(request: HttpRequest, secrets: Secrets) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": redacted_url(request.url),
        "headers": redacted_headers(request.headers),
        "body": secrets.hide(request.body),  # as text: the page's numbers are doubles
    }


def _quoted(word: str, variable: str) -> str:
    """Return a word for a shell, in which a hidden part is a variable."""
    if HIDDEN not in word:
        return shlex.quote(word)
    escaped = re.sub(r'(["\\`$])', r"\\\1", word)
    return f'"{escaped.replace(HIDDEN, f"${variable}")}"'


def _part(part: PromptPart) -> dict[str, Any]:
    content = part.content
    if isinstance(content, Media):
        shown: dict[str, Any] = {"type": content.kind, "media_type": content.mime}
        if content.is_url():
            return {**shown, "url": redacted_url(content.data)}
        if content.mime in _PICTURES and len(content.data) <= _LARGEST_PICTURE and _BASE64.fullmatch(content.data):
            shown["data"] = f"data:{content.mime};base64,{content.data}"
        return {**shown, "characters": len(content.data)}
    return {"type": "text", "text": content, "metadata": part.metadata}
