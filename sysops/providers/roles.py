"""Roles: a prompt fitted to a provider, for ``PrimitiveClient.specialize_prompt``.

A role that is not among ``allowed_roles`` becomes ``default_role``, then ``remap_roles`` renames; neighbours that get
one role by that become one message.  Of a role's keywords only those in ``allowed_role_metadata`` stay.

Anthropic and Google know no system role inside the conversation: a first system message is set apart later, any other
becomes the user's, and so does one that is the whole prompt.
"""

from __future__ import annotations

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.catalogue import Provider
from bamlvm.sysops.providers.options import Options, derived
from bamlvm.vm.program.llm import ROLES


@derived
def allowed_roles(options: Options) -> list[str]:
    """Return the roles that the client's provider takes."""
    allowed = options.texts("allowed_roles")
    if allowed is not None:
        if not allowed:
            raise options.invalid("option allowed_roles is empty")
        return allowed
    model = options.model() or ""
    if options.client.provider in ("openai", "azure-openai") and (model == "o1" or model.startswith("o1-")):
        return ["user", "assistant"]
    return list(ROLES)


def default_role(row: Provider, options: Options) -> str:
    """Return the role of text before the first ``_.role``, and of messages whose role is not allowed."""
    return _default_role(options, row.default_role)


@derived
def _default_role(options: Options, usual: str) -> str:
    chosen = options.get("default_role", str)
    if chosen:
        return chosen
    allowed = allowed_roles(options)
    return usual if usual in allowed else allowed[0]


def specialise(row: Provider, options: Options, messages: list[Message]) -> list[Message]:
    """Return the messages with the provider's roles and only the allowed metadata; the given ones do not change."""
    allowed, fallback = allowed_roles(options), default_role(row, options)
    remapped = options.table("remap_roles")
    renamed = {**row.renamed, **remapped} if remapped else row.renamed
    kept = _allowed_metadata(options)
    result: list[Message] = []
    before = ""
    for message in messages:
        role = message.role if message.role in allowed else fallback
        role = renamed.get(role, role)
        parts = [
            Part(part.content, {key: value for key, value in part.metadata.items() if kept is None or key in kept})
            if part.metadata
            else Part(part.content)
            for part in message.parts
        ]
        if result and result[-1].role == role and before != message.role:
            result[-1].parts.extend(parts)
        else:
            result.append(Message(role, parts))
        before = message.role
    if row.system_apart:
        for place, message in enumerate(result):
            if message.role == "system" and (place or len(result) == 1):
                message.role = "user"
    return result


@derived
def _allowed_metadata(options: Options) -> list[str] | None:
    """Return the role keywords to pass on; None for all."""
    raw = options.written("allowed_role_metadata")
    if raw == "all":
        return None
    if raw == "none":
        return []
    return options.texts("allowed_role_metadata") or []
