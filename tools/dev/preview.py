"""A call that is not made: its prompt, how many tokens that may be, its request, and that as a command for curl.

Secrets stay here: where a header or the address has one, the command has a variable of the shell.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bamlvm.errors import BamlError, HostError
from bamlvm.sysops.redaction import HIDDEN, Secrets, redacted_headers, redacted_url, secrets_of
from bamlvm.vm.values import Media

if TYPE_CHECKING:
    from bamlvm.calls.dry_run import HttpRequest, PromptPart
    from bamlvm.context import CallContext
    from bamlvm.runtime import Runtime

_TOKEN: Final = re.compile(r"[^\W\d_]{1,7}|\d{1,3}|_+|[^\w\s]{1,2}|\s{2,}")
_OTHER_SCRIPT: Final = re.compile(r"[^\x00-\u024f]")
_VARIABLE: Final = "API_KEY"
_KEY_HEADERS: Final = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
_SCHEME: Final = re.compile(r"(?:bearer|basic|token) ", re.IGNORECASE)
_NOT_IN_A_NAME: Final = re.compile(r"^(?=\d)|[^A-Z0-9_]")


def preview(runtime: Runtime, function: str, args: Mapping[str, Any], context: CallContext) -> dict[str, Any]:
    """Return ``messages``, ``tokens`` (an estimate), ``request`` and ``curl``; ``error`` where one of them fails."""
    found: dict[str, Any] = {}
    try:
        messages = runtime.render_prompt(function, args, context)
        found["messages"] = [{"role": each.role, "parts": [_part(part) for part in each.parts]} for each in messages]
        found["tokens"] = sum(estimated_tokens(each.text) + 4 for each in messages)
        request = runtime.request(function, args, context, stream=True)
        found["request"] = _shown(request)
        found["curl"] = curl(request)
    except BamlError as error:
        found["error"] = str(error) if isinstance(error, HostError) else getattr(error, "message", str(error))
    return found


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text is: a word of up to seven letters counts one, and so do three digits, two
    marks, and a character of another script than Latin.  A rule of thumb: each model has a vocabulary of its own."""
    return len(_TOKEN.findall(_OTHER_SCRIPT.sub("", text))) + len(_OTHER_SCRIPT.findall(text))


def curl(request: HttpRequest) -> str:
    """Return a command that sends a request, with a variable in place of each secret.

    ``$API_KEY`` is the key that a provider wants, without the word before it (``Bearer``); a header that only this
    client has is a variable of its own name.
    """
    words = ["curl", _quoted(redacted_url(request.url), _VARIABLE), "-X", request.method]
    for name, value in redacted_headers(request.headers).items():
        if name.lower() == "content-length":
            continue
        scheme = _SCHEME.match(request.headers[name]) if name.lower() == "authorization" else None
        hidden = value if scheme is None else f"{scheme[0]}{HIDDEN}"
        variable = _VARIABLE if name.lower() in _KEY_HEADERS else _NOT_IN_A_NAME.sub("_", name.upper())
        words += ["\\\n  -H", _quoted(f"{name}: {hidden}", variable)]
    return " ".join([*words, "\\\n  --data-raw", shlex.quote(_secrets(request).hide(request.body))])


def _shown(request: HttpRequest) -> dict[str, Any]:
    body = _secrets(request).hide(request.body)
    try:
        shown: Any = json.loads(body)
    except ValueError:
        shown = body
    return {
        "method": request.method,
        "url": redacted_url(request.url),
        "headers": dict(redacted_headers(request.headers)),
        "body": shown,
    }


def _secrets(request: HttpRequest) -> Secrets:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    return secrets_of(request.headers, request.url, body)


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
        return {**shown, "characters": len(content.data)}
    return {"type": "text", "text": content, "metadata": part.metadata}
