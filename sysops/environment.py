"""``env``: the environment's variables, as the call has them.

Where the host denies them, reading one panics, because ``env.NAME`` is declared to throw nothing.
"""

from __future__ import annotations

from bamlvm.sysops.capabilities import is_denied
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import panic


@sysop("env.get")
def get(scope: Scope, name: str) -> str | None:
    if is_denied(scope, "env"):
        raise panic("UserPanic", f"env.{name}: the host denies the environment")
    return scope.env.get(name)


@sysop("env.get_or_panic")
def get_or_panic(scope: Scope, name: str) -> str:
    value = get(scope, name)
    if value is None:
        raise panic("UserPanic", f"the environment variable {name} is not set")
    return value
