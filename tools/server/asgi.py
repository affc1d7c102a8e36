"""``bamlvm.asgi``: a runtime's functions as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from bamlvm.runtime import Runtime
    from bamlvm.tools.server.settings import Settings

_LIBRARIES: Final = ("starlette", "uvicorn", "prometheus_client")


@contextlib.contextmanager
def needing_the_extra(who: str) -> Iterator[None]:
    """Let the block import the libraries of ``bamlvm[serve]``; for ``who``, raise :class:`ImportError` without them."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _LIBRARIES:
            message = f"{who} needs Starlette, uvicorn and prometheus-client: pip install 'bamlvm[serve]'"
            raise ImportError(message) from error
        raise


def asgi(runtime: Runtime, **settings: Any) -> Starlette:
    """Return an ASGI application with a runtime's functions: ``POST /call/F``, ``POST /stream/F``, ``/openapi.json``.

    It can be served by itself, or mounted (``app.mount("/baml", bamlvm.asgi(runtime))``).  The runtime stays the
    host's, who closes it when the server ends.  ``settings`` are those of
    :class:`bamlvm.tools.server.settings.Settings`: ``keys``, ``concurrency``, ``queue``, ``max_body``, ``timeout``, ….

    Raises :class:`bamlvm.HostError` for a setting that cannot be, :class:`ImportError` without the extra
    ``bamlvm[serve]``.
    """
    with needing_the_extra("bamlvm.asgi"):
        from bamlvm.tools.server.application import application
    return application(runtime, settings_of(settings))


def settings_of(given: dict[str, Any]) -> Settings:
    """Return settings by name.  Raises :class:`bamlvm.HostError` for a name that is none of them."""
    from bamlvm.errors import HostError
    from bamlvm.tools.server.settings import Settings
    from bamlvm.vm.program.spelling import suggestion

    known = Settings.__struct_fields__
    for name in given:
        if name not in known:
            raise HostError(f"asgi: there is no setting {name!r} ({suggestion(name, known)})")
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in given.items()}
    return Settings(**values)
