"""Vertex AI: the formats of Google (``generateContent``) and Anthropic (``rawPredict``) at other addresses.

Documents: "Generate content with the Gemini API in Vertex AI" and "Deployments and endpoints" (Google Cloud); "Claude
on Vertex AI" (Anthropic); "vertex-ai" (BAML, LLM client providers).

The model is in the path and not in the body.  A client with the option ``anthropic_version``, which goes into the body
instead of a header, calls a model of Anthropic.

The path names project, location and model.  A request is authorised by an API key (``query_params { key … }``, express
mode), by a header of the client, or by an access token that :mod:`bamlvm.sysops.signing_in` fetches with credentials:
those of the options ``credentials`` or ``credentials_content``, of the variables of the same purpose, else the
application default ones.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import msgspec

from bamlvm.sysops.grants import grants_in, is_given
from bamlvm.sysops.prompts.messages import Message
from bamlvm.sysops.providers import anthropic
from bamlvm.sysops.providers.catalogue import PROVIDERS, Provider, endpoint, headers, is_own_address
from bamlvm.sysops.providers.google import GoogleAccumulator, content, method, read, required_model, summarise
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.wire import ProviderRequest, WireFormat
from bamlvm.sysops.regular_files import Roots, read_file
from bamlvm.vm.program.schemas.forms import Form

_OPTIONS: Final = ("location", "project_id", "credentials", "credentials_content")
_CONTENT_VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS_CONTENT"
_CREDENTIALS_VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_MAX_CREDENTIALS: Final = 1 << 20  # bytes of a file; one has a few thousand
_PROJECT_VARIABLE: Final = "GOOGLE_CLOUD_PROJECT"


def build(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages to a model of Google, without a token."""
    path, query = method(required_model(row, options), stream)
    url = endpoint(row, options, path, query, _base_url(options, "google"))
    return ProviderRequest(url, headers(row, options), content(row, options, messages, stream, form, *_OPTIONS))


def build_anthropic(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages to a model of Anthropic, without a token."""
    path = f"/{quote(required_model(row, options), safe='@')}:{'streamRawPredict' if stream else 'rawPredict'}"
    url = endpoint(row, options, path, base=_base_url(options, "anthropic"))
    body = anthropic.content(row, options, messages, stream, form, "model", *_OPTIONS)
    return ProviderRequest(url, headers(row, options), body)


def _base_url(options: Options, publisher: str) -> str | None:
    """Return the address of a publisher's models, or None if the client has one of its own."""
    if options.get("base_url", str):
        return None
    location = options.get("location", str)
    if not location:
        raise options.invalid("provider vertex-ai needs the option location, or base_url")
    project = options.get("project_id", str) or _project(options)
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    return f"https://{host}/v1/projects/{project}/locations/{location}/publishers/{publisher}/models"


def _project(options: Options) -> str:
    """Return the project of a client that names none: that of the variable, else of the credentials, as Google's own
    libraries have it."""
    found: Any = options.env.get(_PROJECT_VARIABLE)
    if not found:
        found = (credentials(options) or {}).get("project_id")
    if not isinstance(found, str):
        raise options.invalid(
            "provider vertex-ai needs the option project_id, credentials that name a project, "
            f"or the variable {_PROJECT_VARIABLE}"
        )
    return found


def signs_in(options: Options) -> bool:
    """Whether a client needs a token: it has neither a key nor an authorization of its own."""
    own = {name.lower() for name in options.table("headers")}
    has_key = options.get("api_key", str) is not None or "key" in options.table("query_params")
    return not has_key and "authorization" not in own


def credentials(options: Options) -> dict[str, Any] | None:
    """Return the credentials of a client as Google's JSON has them, or None for the application default ones.

    Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if they are not JSON, or their file cannot be read.
    """
    grants = grants_in(options.env)
    given = options.resolve(options.written("credentials")) or options.get("credentials_content", str)
    files: Roots | bool = grants.fs  # a path that the program has written
    if not given:
        given, files = _implicit(options), True
    if not given:
        return None
    if isinstance(given, dict):
        return given
    if not isinstance(given, str):
        raise options.invalid("option credentials must be a path, JSON, or a block")
    if not given.lstrip().startswith("{"):
        if files is False:
            raise options.invalid("the host denies the capability 'fs', so the file of its credentials is not read")
        try:
            given = read_file(given, _MAX_CREDENTIALS, files).decode("utf-8")
        except (OSError, ValueError) as error:
            raise options.invalid(f"the file of its credentials cannot be read: {error}") from None
    try:
        found = msgspec.json.decode(given)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):  # the message must not show a key
        raise options.invalid("its credentials are not a JSON object")
    return found


def _implicit(options: Options) -> str | None:
    """Return the credentials of the variables for them: content or path.

    As with any key that a program does not name, they are for the provider's own address alone.  Raises
    :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) for another, and where the host denies the environment.
    """
    variables = (_CONTENT_VARIABLE, _CREDENTIALS_VARIABLE)
    if not is_own_address(PROVIDERS["vertex-ai"], options) and not any(
        is_given(options.env, name) for name in variables
    ):
        raise options.invalid(
            "credentials that it does not name are sent to Google's own address only: set the option credentials"
        )
    found = next(filter(None, map(options.env.get, variables)), None)
    if found is None and grants_in(options.env).env is not True:  # the application default ones are the process's
        raise options.invalid("the host denies the environment, so the option credentials must be set")
    return found


WIRE: Final = WireFormat("vertex-ai", build, summarise, read, GoogleAccumulator, ("vertex",))
ANTHROPIC_WIRE: Final = WireFormat(
    "vertex-anthropic",
    build_anthropic,
    anthropic.summarise,
    anthropic.read,
    anthropic.AnthropicAccumulator,
    (),
)
