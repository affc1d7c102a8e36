"""Access tokens for providers whose requests need one, fetched with credentials and kept until they expire.

Google's come from google-auth, which the extra ``bamlvm[vertex]`` brings; it is imported when a token is first needed.
Fetching one is a request of its own, made in a thread: a call whose token is valid does not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from bamlvm.sysops.pending import Lazy
from bamlvm.sysops.providers import vertex
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.services import Services
from bamlvm.vm.values import Pending, Thrown, Value

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)


def google(services: Services, options: Options, use: Callable[[str], Value]) -> Value | Pending:
    """Return ``use(token)`` with a token for Google Cloud, or a :class:`Pending` of it where one must be fetched.

    Raises :class:`Thrown`: ``UnsupportedProvider`` without google-auth, ``InvalidArgument`` for credentials that cannot
    be used, ``Network`` and ``LlmClient`` where no token is issued.
    """
    given = vertex.credentials(options)
    key = msgspec.json.encode(given).decode()
    found = services.credentials.get(key)
    if found is not None and found.valid:
        return use(found.token)

    async def fetch() -> Value:
        services.credentials[key] = fresh = await asyncio.to_thread(_refreshed, found, given, options)
        return use(fresh.token)

    return Pending(Lazy(fetch))


def _refreshed(credentials: Any, given: dict[str, Any] | None, options: Options) -> Any:
    """Return credentials with a fresh token: the known ones, else new ones.  Waits for the network."""
    try:
        from google.auth import exceptions
        from google.auth.transport.requests import Request
    except ImportError:
        message = f"client {options.client.name}: provider vertex-ai needs google-auth: pip install 'bamlvm[vertex]'"
        fields = {"message": message, "provider": "vertex-ai", "supported": None}
        raise Thrown("baml.errors.UnsupportedProvider", fields) from None
    try:
        credentials = credentials or _loaded(given)
        credentials.refresh(Request())
    except exceptions.TransportError as error:
        message = f"client {options.client.name}: no access token: {error}"
        raise Thrown("baml.errors.Network", {"message": message}) from None
    except exceptions.RefreshError as error:
        message = f"client {options.client.name}: no access token: {error.args[0] if error.args else error}"
        raise Thrown(
            "baml.errors.LlmClient", {"message": message, "type": "credentials", "retryable": bool(error.retryable)}
        ) from None
    except (exceptions.GoogleAuthError, ValueError) as error:
        raise options.invalid(f"its credentials cannot be used: {error}") from None
    return credentials


def _loaded(given: dict[str, Any] | None) -> Any:
    """Return the credentials of Google's JSON; the two common kinds by their own loaders, which the library prefers."""
    import google.auth
    from google.oauth2 import credentials as user
    from google.oauth2 import service_account

    load: Any
    match given:
        case None:
            return google.auth.default(scopes=_SCOPES)[0]
        case {"type": "service_account"}:
            load = service_account.Credentials.from_service_account_info
        case {"type": "authorized_user"}:
            load = user.Credentials.from_authorized_user_info
        case _:
            load = google.auth.load_credentials_from_dict
            return load(given, scopes=_SCOPES)[0]
    return load(given, scopes=_SCOPES)
