"""Methods of maps.  Entries keep the order in which their keys were first set."""

from __future__ import annotations

import operator
from typing import Any, Final

from bamlvm.vm.natives.table import NativeTable

NATIVES: Final = NativeTable(
    {"baml.Map.length": len, "baml.Map.has": operator.contains, "baml.Map.get": dict.get, "baml.Map.keys": list}
)


@NATIVES.native("baml.Map.values")
def values(entries: dict[Any, Any]) -> list[Any]:
    """Return the values, in order."""
    return list(entries.values())


@NATIVES.native("baml.Map.remove")
def remove(entries: dict[Any, Any], key: Any) -> Any:
    """Remove an entry and return its value; null if there is none."""
    return entries.pop(key, None)
