"""The names and habits of ``baml_py`` and of the client packages made for it, over :mod:`bamlvm`.

A client package that ``bamlvm generate`` writes for ``output_type "python/pydantic"`` imports from here what the
official one imports from ``baml_py``.  For code that imports ``baml_py`` itself there is :func:`install`.

    baml_py.py      the names that ``baml_py`` has
    client.py       calls, streams, requests and answers of a generated client
    options.py      ``baml_options``, and the call context that they become
    type_builder.py ``TypeBuilder``, types that are made at run time
    collector.py    ``Collector``, and the logs that it returns
    errors.py       ``BamlValidationError`` and its kin, and which error of ours becomes which
    models.py       ``Checked`` and ``StreamState`` as Pydantic models
    media.py        ``Image``, ``Audio``, ``Pdf``, ``Video``
    config.py       ``set_log_level`` and its kin
"""

import sys

from bamlvm.errors import HostError

_MODULES = {
    "baml_py": "baml_py",
    "baml_py.baml_py": "baml_py",
    "baml_py.errors": "errors",
    "baml_py.logging": "config",
    "baml_py.type_builder": "type_builder",
}


def install() -> None:
    """Make ``import baml_py`` import :mod:`bamlvm.compat.baml_py`.

    Raises :class:`bamlvm.HostError` if the official package has been imported already.
    """
    from importlib import import_module

    if getattr(sys.modules.get("baml_py"), "__file__", None) not in (None, _file()):
        raise HostError("baml_py has been imported already: call bamlvm.compat.install() before that")
    for name, module in _MODULES.items():
        sys.modules[name] = import_module(f"bamlvm.compat.{module}")


def _file() -> str | None:
    from bamlvm.compat import baml_py

    return baml_py.__file__
