"""The providers, one row each: their wire format, address, authentication and roles, and the media that they take.

A provider that speaks a known format is added by one row here; another format, by a module and a row in
:mod:`bamlvm.sysops.providers.registry`.

Addresses, variables and roles are those of the official documents ("LLM Client Providers") and were checked against the
official runtime's requests; the media are those of the providers' own documents, which docs/providers.md links.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from bamlvm.sysops.grants import is_denied, is_given
from bamlvm.sysops.providers.options import Options, derived
from bamlvm.sysops.web.transport.headers import is_field_value, is_token
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Thrown

_AZURE: Final = ".openai.azure.com"
_EITHER: Final = ("url", "base64")
_DATA: Final = ("base64",)
_OPENAI_MEDIA: Final = MappingProxyType({"image": _EITHER, "audio": _DATA, "pdf": _DATA})


@dataclass(frozen=True, slots=True)
class Provider:
    """A row.

    ``wire`` names the wire format.  ``key_header`` is sent with ``key_prefix`` before the key, which is that of the
    environment variable ``key_variable`` unless the client has one.  ``include_usage`` requests token counts at the end
    of a stream; ``plain_text`` sends a message of text alone as a string, not as a list of parts.  ``system_apart``:
    the system prompt is beside the conversation.  ``domains`` are those of its own addresses, where they are
    many.  ``signs_in`` names the scheme of a request that is
    authorised with credentials (:mod:`bamlvm.sysops.signing_in`).  ``renamed`` has the provider's own names of roles,
    and ``media`` the sources (``url``, ``base64``) from which each kind is taken.
    """

    name: str
    wire: str
    base_url: str | None
    key_variable: str | None
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    default_role: str = "system"
    include_usage: bool = False
    plain_text: bool = False
    system_apart: bool = False
    signs_in: Literal["google", "aws"] | None = None
    domains: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    media: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _OPENAI_MEDIA)


PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Provider("openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", include_usage=True),
            Provider("openai-generic", "openai", None, None, plain_text=True),
            Provider(
                "azure-openai",
                "openai",
                None,
                "AZURE_OPENAI_API_KEY",
                "api-key",
                "",
                include_usage=True,
                domains=(_AZURE,),
            ),
            Provider(
                "ollama",
                "openai",
                "http://localhost:11434/v1",
                None,
                default_role="user",
                include_usage=True,
                media={"image": _DATA},
            ),
            Provider(
                "openrouter",
                "openai",
                "https://openrouter.ai/api/v1",
                "OPENROUTER_API_KEY",
                media={"image": _EITHER, "audio": _DATA, "pdf": _EITHER, "video": _EITHER},
            ),
            Provider(
                "openai-responses",
                "openai-responses",
                "https://api.openai.com/v1",
                "OPENAI_API_KEY",
                media={"image": _EITHER, "pdf": _EITHER},
            ),
            Provider(
                "anthropic",
                "anthropic",
                "https://api.anthropic.com",
                "ANTHROPIC_API_KEY",
                "x-api-key",
                "",
                "user",
                system_apart=True,
                media={"image": _EITHER, "pdf": _EITHER},
            ),
            Provider(
                "google-ai",
                "google-ai",
                "https://generativelanguage.googleapis.com/v1beta",
                "GOOGLE_API_KEY",
                "x-goog-api-key",
                "",
                "user",
                system_apart=True,
                renamed={"assistant": "model"},
                media=dict.fromkeys(("image", "audio", "pdf", "video"), _EITHER),
            ),
            Provider(
                "vertex-ai",
                "vertex-ai",
                None,
                None,
                default_role="user",
                system_apart=True,
                signs_in="google",
                domains=("aiplatform.googleapis.com",),
                renamed={"assistant": "model"},
                media=dict.fromkeys(("image", "audio", "pdf", "video"), _EITHER),
            ),
            Provider(
                "aws-bedrock",
                "aws-bedrock",
                None,
                "AWS_BEARER_TOKEN_BEDROCK",
                default_role="user",
                system_apart=True,
                signs_in="aws",
                domains=(".amazonaws.com", ".amazonaws.com.cn"),
                media=dict.fromkeys(("image", "audio", "pdf", "video"), _EITHER),
            ),
        )
    }
)


VERTEX_ANTHROPIC: Final = replace(
    PROVIDERS["anthropic"],
    name="vertex-ai",
    wire="vertex-anthropic",
    base_url=None,
    key_variable=None,
    key_header="authorization",
    key_prefix="Bearer ",
    signs_in="google",
)
"""The row of clients of ``vertex-ai`` that have the option ``anthropic_version``: they call models of Anthropic."""


def provider_of(client: ClientInfo) -> Provider:
    """Return the row of a client's provider.

    Raises :class:`Thrown` (``UnsupportedProvider``, naming the supported ones).
    """
    row = PROVIDERS.get(client.provider)
    if row is None:
        supported = list(PROVIDERS)
        message = (
            f"client {client.name}: provider {client.provider!r} is not supported; "
            f"the supported providers are {', '.join((*supported, 'fallback', 'round-robin'))}"
        )
        fields = {"message": message, "provider": client.provider, "supported": supported}
        raise Thrown("baml.errors.UnsupportedProvider", fields)
    if row.name == "vertex-ai" and isinstance(client.options, dict) and "anthropic_version" in client.options:
        return VERTEX_ANTHROPIC
    return row


@derived
def row_of(options: Options) -> Provider:
    """Return the row of the provider of options; raises as :func:`provider_of` does."""
    return provider_of(options.client)


@derived
def streams(options: Options) -> bool:
    """Whether a client streams: by its option ``supports_streaming``, else unless its model is OpenAI's ``o1-*``."""
    chosen = options.get("supports_streaming", bool)
    if chosen is not None:
        return chosen
    return options.client.provider != "openai" or not (options.model() or "").startswith("o1-")


def endpoint(row: Provider, options: Options, path: str, query: str = "", base: str | None = None) -> str:
    """Return the URL of ``path`` below the client's ``base_url``, else below ``base`` or that of its provider.

    Its query is that of the ``base_url``, then ``query``, then the option ``query_params``.

    Raises :class:`Thrown` (``InvalidArgument``) without a ``base_url``, or if that is not an http or https URL.
    """
    return _endpoint(options, row.name, path, query, base or row.base_url)


@derived
def _endpoint(options: Options, provider: str, path: str, query: str, base: str | None) -> str:
    base = options.get("base_url", str) or base
    if provider == "azure-openai":
        base = base or _azure_base(options)
        version = options.get("api_version", str)
        query = urlencode({"api-version": version}) if version else ""
    if base is None:
        raise options.invalid(f"provider {provider} needs the option base_url")
    try:
        parts = urlsplit(base)
        host = parts.hostname
    except ValueError:  # whose message may show a password
        raise options.invalid("base_url is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise options.invalid("base_url must be an http or https URL")
    query = "&".join(piece for piece in (parts.query, query, urlencode(options.table("query_params"))) if piece)
    return urlunsplit(SplitResult(parts.scheme, parts.netloc, parts.path.rstrip("/") + path, query, ""))


def _azure_base(options: Options) -> str | None:
    resource, deployment = options.get("resource_name", str), options.get("deployment_id", str)
    if not resource or not deployment:
        raise options.invalid("provider azure-openai needs resource_name and deployment_id, or base_url")
    if not options.get("api_version", str):
        raise options.invalid("provider azure-openai needs the option api_version")
    return f"https://{resource}{_AZURE}/openai/deployments/{deployment}"


def is_own_address(row: Provider, options: Options) -> bool:
    """Whether the requests of a client go to its provider's own address, over TLS if that has it."""
    written = options.get("base_url", str) or (options.get("endpoint_url", str) if row.signs_in == "aws" else None)
    if written is None:
        return True
    try:
        parts = urlsplit(written)
        place = parts.scheme, parts.hostname, parts.port
    except ValueError:  # which is reported where the URL is made
        return False
    if row.domains:
        return parts.scheme == "https" and (parts.hostname or "").endswith(row.domains)
    own = urlsplit(row.base_url or "")
    return place == (own.scheme, own.hostname, own.port)


def headers(row: Provider, options: Options, **defaults: str) -> dict[str, str]:
    """Return a request's headers, names in lower case: content type, ``defaults``, credentials, then the client's own.

    Without an ``api_key`` the provider's variable is used: a client of the provider's own address must have a key.  Any
    other address gets it only where the host has chosen to give the program that variable (``CallContext(env=…)``):
    the key of a provider is nobody else's business.
    """
    key = _key(row, options)
    credentials = {row.key_header: row.key_prefix + key} if key else {}
    return dict(_headers(options, tuple(defaults.items()), tuple(credentials.items())))


def _key(row: Provider, options: Options) -> str | None:
    """Return the key of a request."""
    key = options.get("api_key", str)
    if key is None and row.key_variable is not None:
        is_own = is_own_address(row, options)
        if is_own or is_given(options.env, row.key_variable):
            key = options.env.get(row.key_variable) if row.signs_in is None else options.variable(row.key_variable)
        if not key and is_own and row.signs_in is None and row.key_header not in _own_headers(options):
            problem = f"provider {row.name} needs an API key: set the option api_key or the variable {row.key_variable}"
            if is_denied(options.env, row.key_variable):
                problem += ", which the host denies"
            raise options.invalid(problem)
    return key


@derived
def _own_headers(options: Options) -> dict[str, str]:
    return {name.lower(): value for name, value in options.table("headers").items()}


@derived
def _headers(
    options: Options, defaults: tuple[tuple[str, str], ...], credentials: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    found = {"content-type": "application/json"}
    found |= {name.replace("_", "-"): value for name, value in defaults}
    if not options.pools_connections():
        found["connection"] = "close"
    found |= dict(credentials)
    found |= _own_headers(options)
    for name, value in found.items():
        if not (is_token(name) and is_field_value(value)):
            raise options.invalid(f"the header {name!r} has a character that cannot be sent")
    return found
