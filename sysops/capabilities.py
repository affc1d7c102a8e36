"""Capabilities: what the host may deny a program.  Every sys-op that touches the machine asks for its own first."""

from __future__ import annotations

from bamlvm.sysops.grants import Capability
from bamlvm.sysops.scope import Scope
from bamlvm.vm.values import Thrown


def require(scope: Scope, capability: Capability, operation: str) -> None:
    """Raise :class:`Thrown` (``InvalidArgument``) if the capability that ``operation`` needs is denied."""
    if scope.services.grants.is_denied(capability):
        message = f"{operation} is not allowed: the host denies the capability {capability!r}"
        raise Thrown("baml.errors.InvalidArgument", {"message": message})
