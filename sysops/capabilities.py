"""Capabilities: what the host may deny a program.  Every sys-op that touches the machine checks its own first."""

from __future__ import annotations

from typing import Literal, TypeAlias

from bamlvm.sysops.scope import Scope
from bamlvm.vm.values import Thrown

Capability: TypeAlias = Literal["shell", "fs", "net", "http", "env"]


def is_denied(scope: Scope, capability: Capability) -> bool:
    """Whether the host of this call denied a capability."""
    return capability in scope.services.denied


def require(scope: Scope, capability: Capability, operation: str) -> None:
    """Raise :class:`Thrown` (``InvalidArgument``) if the capability that ``operation`` needs is denied."""
    if is_denied(scope, capability):
        message = f"{operation} is not allowed: the host denies the capability {capability!r}"
        raise Thrown("baml.errors.InvalidArgument", {"message": message})
