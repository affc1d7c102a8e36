"""Requests that are authorised with credentials: by an access token of Google, or by a signature of AWS.

Google's tokens come from google-auth, which the extra ``bamlvm[vertex]`` brings, AWS's signatures (version 4) from
botocore, of the extra ``bamlvm[bedrock]``.  Both are imported when a request first needs them.  Credentials are kept
for the runtime by what they were made from; loading and renewing them may be a request of its own, which is made in a
thread: a call whose credentials are valid does not wait.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from bamlvm.sysops.grants import grants_in, is_given
from bamlvm.sysops.pending import Lazy
from bamlvm.sysops.providers import bedrock, vertex
from bamlvm.sysops.providers.catalogue import PROVIDERS, Provider, is_own_address
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.services import Services
from bamlvm.sysops.threads import in_thread
from bamlvm.vm.values import Pending, Thrown, Value

if TYPE_CHECKING:
    from bamlvm.sysops.hosts import Hosts

_PLAIN: Final = ("service_account", "authorized_user")
_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_SERVICE: Final = "bedrock"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A POST that is about to be sent."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)


Use: TypeAlias = Callable[[dict[str, str], tuple[str, ...]], Value]
"""Takes the headers that authorise a request, and the secrets that they were made with."""

Scheme: TypeAlias = Callable[[Services, Options, Outgoing, Use], Value | Pending]
"""Returns what ``use`` returns, or a :class:`Pending` of it where credentials must be fetched.

Raises :class:`Thrown`: ``UnsupportedProvider`` without the library, ``InvalidArgument`` for credentials that cannot be
used, ``Network`` and ``LlmClient`` where none are issued.
"""


def check(row: Provider, options: Options) -> None:
    """Check that AWS's library is there, which its answers need too.

    Raises :class:`Thrown` (``UnsupportedProvider``) without it.
    """
    if row.signs_in == "aws" and find_spec("botocore") is None:
        raise _missing(options, "botocore", "bedrock")


def is_needed(row: Provider, options: Options, headers: Mapping[str, str]) -> bool:
    """Whether a request is not authorised yet, by a key or a header of the client's own."""
    return "authorization" not in headers and (row.signs_in == "aws" or vertex.signs_in(options))


def _missing(options: Options, library: str, extra: str) -> Thrown:
    provider = options.client.provider
    message = f"client {options.client.name}: provider {provider} needs {library}: pip install 'bamlvm[{extra}]'"
    return Thrown("baml.errors.UnsupportedProvider", {"message": message, "provider": provider, "supported": None})


def _not_issued(options: Options, what: str, error: object, retryable: bool) -> Thrown:
    message = f"client {options.client.name}: no {what}: {error}"
    return Thrown("baml.errors.LlmClient", {"message": message, "type": "credentials", "retryable": retryable})


# --- Google -----------------------------------------------------------------------------------------------------------


def google(services: Services, options: Options, request: Outgoing, use: Use) -> Value | Pending:
    """Authorise with an access token.  See :data:`Scheme`."""
    given = vertex.credentials(options)
    key = f"google {msgspec.json.encode(given).decode()}"
    found = services.credentials.get(key)

    def with_token(credentials: Any) -> Value:
        return use({"authorization": f"Bearer {credentials.token}"}, ())

    if found is not None and found.valid:
        return with_token(found)

    async def fetch() -> Value:
        services.credentials[key] = fresh = await in_thread(_refreshed, found, given, options)
        return with_token(fresh)

    return Pending(Lazy(fetch))


def _refreshed(credentials: Any, given: dict[str, Any] | None, options: Options) -> Any:
    """Return credentials with a fresh token: the known ones, else new ones.  Waits for the network."""
    try:
        from google.auth import exceptions
        from google.auth.transport.requests import Request
    except ImportError:
        raise _missing(options, "google-auth", "vertex") from None
    grants = grants_in(options.env)
    kind = (given or {}).get("type")
    if given is not None and kind not in _PLAIN and not (grants.fs is grants.http is grants.env is True):
        # They can name files to read, addresses to ask and commands to run, all by themselves.
        raise options.invalid(
            f"credentials of the type {kind} need fs, http and env without limits; {' and '.join(_PLAIN)} do not"
        )
    request = Request()
    guard = None if isinstance(grants.http, bool) else grants.http

    def ask(url: str, *arguments: Any, **options: Any) -> Any:
        """Make a request to an address that the program may ask; the credentials name it."""
        if guard is not None:
            _check(guard, url)
        return request(url, *arguments, **options)

    try:
        credentials = credentials or _loaded(given)
        credentials.refresh(ask)
    except exceptions.TransportError as error:
        message = f"client {options.client.name}: no access token: {error}"
        raise Thrown("baml.errors.Network", {"message": message}) from None
    except exceptions.RefreshError as error:
        reason = error.args[0] if error.args else error
        raise _not_issued(options, "access token", reason, bool(error.retryable)) from None
    except (exceptions.GoogleAuthError, ValueError) as error:
        raise options.invalid(f"its credentials cannot be used: {error}") from None
    return credentials


def _check(guard: Hosts, url: str) -> None:
    """Ask for the host of a URL and its addresses.  (The library resolves it once more.)"""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    guard.check_host(host, port)
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        guard.check_address(host, port, str(address[0]))


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


# --- AWS --------------------------------------------------------------------------------------------------------------


def aws(services: Services, options: Options, request: Outgoing, use: Use) -> Value | Pending:
    """Sign with the client's keys, those of the environment, or those of a profile.  See :data:`Scheme`."""
    _check_implicit(options)
    given = bedrock.keys(options)
    region = bedrock.region(options)
    profile = None if given else bedrock.profile(options)
    key = f"aws {msgspec.json.encode((given, profile)).decode()}"
    found = services.credentials.get(key)
    if found is not None and not _needs_refresh(found):
        return use(*_signed(found.get_frozen_credentials(), region, request))

    async def fetch() -> Value:
        loaded, frozen = await in_thread(_aws_credentials, found, given, profile, options)
        services.credentials[key] = loaded
        return use(*_signed(frozen, region, request))

    return Pending(Lazy(fetch))


def _check_implicit(options: Options) -> None:
    """Refuse credentials that a client does not name, where they are not its to use.  Raises :class:`Thrown`."""
    if any(options.written(name) is not None for name in (*bedrock.CREDENTIALS, "profile")):
        if options.written("profile") is not None and grants_in(options.env).fs is not True:
            raise options.invalid("the host limits the capability 'fs', so no profile can be read")
        return
    if any(is_given(options.env, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE")):
        return
    if grants_in(options.env).env is not True:
        raise options.invalid("the host denies the environment, so access_key_id and secret_access_key must be set")
    if not is_own_address(PROVIDERS["aws-bedrock"], options):
        raise options.invalid("credentials that it does not name are used for AWS's own addresses only: name them")


def _needs_refresh(credentials: Any) -> bool:
    return bool(credentials.refresh_needed()) if hasattr(credentials, "refresh_needed") else False


def _aws_credentials(
    credentials: Any, given: tuple[str, str, str | None] | None, profile: str | None, options: Options
) -> tuple[Any, Any]:
    """Return credentials, the known ones or new ones, and their keys, valid now.  May wait for the network."""
    import botocore.auth  # noqa: F401 (slow to import, so not on the event loop)
    from botocore import exceptions
    from botocore.credentials import Credentials
    from botocore.session import Session

    try:
        if credentials is None:
            credentials = Credentials(*given) if given else Session(profile=profile).get_credentials()
        if credentials is None:
            raise options.invalid(
                "no credentials for aws-bedrock: set access_key_id and secret_access_key, profile, or the variables "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        return credentials, credentials.get_frozen_credentials()
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        message = f"client {options.client.name}: no credentials: {error}"
        raise Thrown("baml.errors.Network", {"message": message}) from None
    except (exceptions.ClientError, exceptions.MetadataRetrievalError) as error:
        raise _not_issued(options, "credentials", error, isinstance(error, exceptions.MetadataRetrievalError)) from None
    except (exceptions.BotoCoreError, ValueError) as error:
        raise options.invalid(f"its credentials cannot be used: {error}") from None


def _signed(keys: Any, region: str, request: Outgoing) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the headers that a signature adds, and the secrets that it was made with.

    Signed are the headers that no proxy changes: the content type and those of AWS.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    headers = {
        name: value.strip()
        for name, value in request.headers.items()
        if name == "content-type" or name.startswith("x-amz")
    }
    unsigned = AWSRequest("POST", request.url, dict(headers), request.body.encode("utf-8", "replace"))
    SigV4Auth(keys, _SERVICE, region).add_auth(unsigned)
    added = {name.lower(): value for name, value in unsigned.headers.items() if name.lower() not in headers}
    return added, tuple(filter(None, (keys.access_key, keys.secret_key, keys.token)))


SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType({"google": google, "aws": aws})
"""By :attr:`bamlvm.sysops.providers.catalogue.Provider.signs_in`."""
