"""How events are laid out in the body of a response: by its media type, which the request accepts.

A framing is sans-IO: bytes in, events out, whatever the split.  Whatever one brings is an
:class:`bamlvm.sysops.web.sse.Event` to everyone above.  A framing is added by one module and one row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from bamlvm.sysops.errors import invalid
from bamlvm.sysops.web.sse import Event, SseParser

EVENT_STREAM: Final = "text/event-stream"
AWS_EVENT_STREAM: Final = "application/vnd.amazon.eventstream"


class Framing(Protocol):
    """The parser of one stream; see :class:`bamlvm.sysops.web.sse.SseParser`."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that ``chunk`` completes.  Raise :class:`bamlvm.sysops.web.sse.UnreadableStreamError`."""

    def close(self) -> list[Event]:
        """End the input and return what is left.  Raise :class:`bamlvm.sysops.web.sse.UnreadableStreamError`."""


def _aws() -> Framing:
    from bamlvm.sysops.web.aws_events import AwsEventParser  # imports botocore

    return AwsEventParser()


FRAMINGS: Final[Mapping[str, Callable[[], Framing]]] = MappingProxyType(
    {EVENT_STREAM: SseParser, AWS_EVENT_STREAM: _aws}
)
"""By media type, in lower case."""


def framing_of(media_type: str) -> Framing:
    """Return the parser of a stream of this media type.

    Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) without the library that it needs.
    """
    try:
        return FRAMINGS[media_type]()
    except ImportError:
        raise invalid(f"reading {media_type} needs botocore: pip install 'bamlvm[bedrock]'") from None


def media_type_of(header: str) -> str:
    """Return the media type in a header's value, without parameters, in lower case."""
    return header.partition(";")[0].strip().lower()
