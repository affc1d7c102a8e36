"""The program at a path, as it is now: what a change of its files touches is compiled again.

Where the newest sources have errors, the runtime is that of the last ones that had none, and the diagnostics say why.
A runtime is lent to each call: one whose sources have changed is closed when the last call in it has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from bamlvm.build.cache import Cache
from bamlvm.build.loading import Loaded, Loader
from bamlvm.build.sources import baml_files
from bamlvm.errors import CompileError, HostError

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.runtime import Runtime

POLL_SECONDS: Final = 0.25

Stamp = dict[str, tuple[int, int]]
"""The time of the last change and the size of each file."""


class Project:
    """A program.  ``read`` returns its sources, ``make`` a runtime of sources and what the compiler makes of them.

    ``version`` counts what the sources, and what else is watched, have been; ``runtime`` is None until the sources have
    had no error.
    """

    def __init__(
        self, path: str, read: Callable[[], dict[str, str]], make: Callable[[Mapping[str, str], Loaded], Runtime]
    ) -> None:
        self.path = path
        self.version = 0
        self.files: dict[str, str] = {}
        self.compiled: dict[str, str] = {}
        """The sources of ``runtime``."""
        self.runtime: Runtime | None = None
        self.diagnostics: tuple[Diagnostic, ...] = ()
        self.also: Callable[[], bool] | None = None
        """Looks at what else the page shows, and returns whether that has changed: then there is a new version, too."""
        self.loader = Loader(True, Cache.default())
        self.problem: str | None = None
        """Why the sources cannot be read, or no runtime be made of them."""
        self._read = read
        self._make = make
        self._stamp: Stamp = {}
        self._changed = asyncio.Condition()
        self._leases: Counter[Runtime] = Counter()

    async def watch(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if await asyncio.to_thread(stamp_of, self.path) != self._stamp:
                await self.refresh()
            if self.also is not None and await asyncio.to_thread(self.also):
                await self._new_version()

    async def refresh(self) -> None:
        """Read the sources, compile them if they have changed, and wake all that wait for that."""
        self._stamp = await asyncio.to_thread(stamp_of, self.path)
        files, problem, diagnostics = self.files, None, self.diagnostics
        before, made = self.runtime, None
        try:
            files = await asyncio.to_thread(self._read)
        except HostError as error:
            problem = str(error)
        if self.version and files == self.files and problem == self.problem:
            return
        if problem is None:
            try:
                made = await asyncio.to_thread(self._runtime_of, files)
                diagnostics = made.diagnostics
            except CompileError as error:
                diagnostics = error.diagnostics
            except HostError as error:  # another file that a runtime needs: prices, variables
                problem = str(error)
            except Exception as error:  # the page must go on following
                problem = f"the compiler failed: {type(error).__name__}: {error}"
        # All at once: no reader sees the sources of one version with the diagnostics of another.
        self.files, self.problem, self.diagnostics = files, problem, diagnostics
        if made is not None:
            self.runtime, self.compiled = made, files
        await self._new_version()
        if before is not None and made is not None and not self._leases[before]:
            await before.aclose()

    async def _new_version(self) -> None:
        self.version += 1
        async with self._changed:
            self._changed.notify_all()

    def _runtime_of(self, files: Mapping[str, str]) -> Runtime:
        return self._make(files, self.loader.load(files))

    async def newer_than(self, version: int, seconds: float | None = None) -> int:
        """Wait until there is a newer version, for so long at most; return the version."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.version > version)
        return self.version

    def ready(self) -> Runtime:
        """Return the runtime.  Raises :class:`bamlvm.HostError` if the sources have had errors from the beginning."""
        if self.runtime is None:
            raise HostError("the program does not compile")
        return self.runtime

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[Runtime]:
        """Lend the runtime: what runs in it goes on to its end, also where the sources change meanwhile.

        Raises as :meth:`ready` does.
        """
        runtime = self.ready()
        self._leases[runtime] += 1
        try:
            yield runtime
        finally:
            self._leases[runtime] -= 1
            if not self._leases[runtime]:
                del self._leases[runtime]
                if runtime is not self.runtime:
                    await runtime.aclose()

    async def aclose(self) -> None:
        """Close the runtime."""
        for runtime in {*self._leases, self.runtime}:
            if runtime is not None:
                await runtime.aclose()


def stamp_of(path: str) -> Stamp:
    """Return the state of the files of a program; what cannot be followed is there by its error."""
    found: Stamp = {}
    if os.path.isfile(path):
        _note(path, found)
        return found
    for file in baml_files(path, lambda error: found.__setitem__(str(error), (0, 0))):
        _note(file, found)
    return found


def _note(path: str, found: Stamp) -> None:
    try:
        status: Any = os.stat(path)
    except OSError:
        return
    found[path] = (status.st_mtime_ns, status.st_size)
