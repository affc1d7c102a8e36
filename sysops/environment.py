"""``env``: the environment's variables, as the call has them.

A call has those that the host gave it by name, and of the others those that the host grants
(:class:`bamlvm.sysops.grants.Environment`).  Reading one that is denied panics, because ``env.NAME`` is declared to
throw nothing.

Clients read them too (``api_key env.KEY``).  Where no request leaves the process, as in a replay, a variable that is
not set is a placeholder for them, so that a program runs without its keys and addresses.

What a program reads may go into any request, so the secrets in it are noted: no record, error, trace or recording of
the call's requests shows them.
"""

from __future__ import annotations

from collections.abc import Mapping

from bamlvm.sysops.grants import is_denied, reason_missing
from bamlvm.sysops.placeholders import PlaceholderEnvironment
from bamlvm.sysops.redaction import secrets_in_variable
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import panic


def client_environment(scope: Scope) -> Mapping[str, str]:
    """Return the environment that the options of clients are resolved against."""
    return PlaceholderEnvironment(scope.env) if scope.services.is_offline else scope.env


@sysop("env.get")
def get(scope: Scope, name: str) -> str | None:
    value = scope.env.get(name)
    if value is None and is_denied(scope.env, name):
        raise panic("UserPanic", f"env.{name}: {reason_missing(scope.env, name)}")
    if value is not None:
        scope.read_secrets.update(secrets_in_variable(name, value))
    return value


@sysop("env.get_or_panic")
def get_or_panic(scope: Scope, name: str) -> str:
    value = get(scope, name)
    if value is None:
        raise panic("UserPanic", reason_missing(scope.env, name))
    return value
