"""Name lookup: the qualified name that a written path means in an item's namespace."""

from __future__ import annotations

from collections.abc import Iterable

from bamlvm.compiler.incremental import Reads
from bamlvm.compiler.index import Entry, Index
from bamlvm.vm.program.unit import Unit


class Scope:
    """Looks a written path up: in the item's own namespace first, then as a full name, in the project and in the
    standard library."""

    def __init__(self, project: Index, standard: Unit, reads: Reads, of_standard: frozenset[str]) -> None:
        self.reads = reads
        self.project = project
        self.standard = standard
        self._namespaces = namespaces_of(project.entries) | of_standard

    def qualify(self, path: str, namespace: str) -> str | None:
        """Return the qualified name that ``path`` means, or None."""
        found: str | None = path if path in self else None
        if namespace and (own := f"{namespace}.{path}") in self:
            found = own
        return self.reads.note("qualify", (path, namespace), found)

    def entry(self, name: str) -> Entry | None:
        """Return the project's declaration of a qualified name, or None.  The kind of declaration counts as read; code
        that looks into the declaration notes that itself."""
        found = self.project.entries.get(name)
        self.reads.note("kind", (name,), type(found.declaration) if found is not None else None)
        return found

    def is_unread(self, path: str) -> bool:
        """Whether a path begins with the name of an item that could not be parsed: its use is no error of its own."""
        root = path.partition(".")[0]
        return self.reads.note("unread", (root,), root in self.project.unread)

    def __contains__(self, name: str) -> bool:
        standard = self.standard
        return (
            name in self.project.entries
            or name in standard.signatures
            or name in standard.classes
            or name in standard.enums
            or name in standard.aliases
        )

    def is_namespace(self, path: str) -> bool:
        """Whether names begin with ``path.``."""
        return path in self._namespaces

    def visible(self, namespace: str) -> list[str]:
        """Return the names that can be written without a prefix, for suggestions."""
        prefix = f"{namespace}." if namespace else ""
        found = [name.removeprefix(prefix) for name in self.project.entries if name.startswith(prefix)]
        return self.reads.note("visible", (namespace,), found)

    def under(self, path: str) -> list[str]:
        """Return the names directly below a namespace, for suggestions."""
        standard = self.standard
        known = [*self.project.entries, *standard.signatures, *standard.classes, *standard.enums]
        return [name.removeprefix(f"{path}.").split(".")[0] for name in known if name.startswith(f"{path}.")]


def namespaces_of(names: Iterable[str]) -> frozenset[str]:
    """Return every prefix of ``names`` that ends before a dot."""
    found: set[str] = set()
    for name in names:
        while "." in name:
            name = name.rpartition(".")[0]
            found.add(name)
    return frozenset(found)
