"""E0106: a provider's key that is written into a client instead of being read from the environment.

Rule: what looks like a real key is reported, not the words that local servers are given because they ask for some key.
"""

from __future__ import annotations

import re
from typing import Final

from bamlvm.compiler.reporter import Reporter
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import write_instead

_SECRETS: Final = ("api_key", "secret_access_key", "session_token", "credentials", "credentials_content")
_HEADERS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_PREFIX: Final = re.compile(r"(?:Bearer\s+)?(?:sk-|sk_|gsk_|xai-|AIza|pplx-|hf_|r8_|nvapi-|AKIA|ghp_|eyJ|\{\s*\")")
_SHORTEST: Final = 16  # of a key without a prefix that is known
_LOCAL: Final = re.compile(r"https?://(?:localhost|127\.|\[::1\]|0\.0\.0\.0|host\.docker\.internal)")
_VARIABLES: Final = {"google-ai": "GOOGLE_API_KEY", "openai-generic": "API_KEY", "openai-responses": "OPENAI_API_KEY"}


def check_keys(provider: str, options: syntax.ConfigBlock, report: Reporter) -> None:
    """Report (E0106) the keys among the options of a client."""
    written = {entry.key: entry.value for entry in options.entries}
    local = _LOCAL.match(_text(written.get("base_url"))) is not None
    headers = written.get("headers")
    places = [entry for entry in options.entries if entry.key in _SECRETS]
    if isinstance(headers, syntax.ConfigBlock):
        places += [entry for entry in headers.entries if entry.key.lower() in _HEADERS]
    for entry in places:
        text = _text(entry.value)
        reference = re.fullmatch(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", text)
        if reference is not None:
            message = f"`{entry.key}` is the text `{text}` itself, not the value of a variable"
            report.warning("E0106", entry.value, message, write_instead(text, f"env.{reference[1]}"))
        elif _PREFIX.match(text) or (len(text) >= _SHORTEST and not local and not re.search(r"[\s<>]|\.\.\.|…", text)):
            name = provider.upper().replace("-", "_")
            variable = _VARIABLES.get(provider, f"{name}_API_KEY") if "key" in entry.key else f"{name}_SECRET"
            message = f"`{entry.key}` is written into the source, where everybody who has it can read it"
            hint = f"set it in the environment, and write `{entry.key} env.{variable}`"
            report.warning("E0106", entry.value, message, hint)


def _text(value: syntax.ConfigValue | None) -> str:
    """Return a literal string, or ""."""
    return value.value if isinstance(value, syntax.ConfigScalar) and isinstance(value.value, str) else ""
