"""The server: pygls speaks the protocol, :class:`Workspace` has the state, a table has the features.

Every request runs after the changes that came before it.  Requests about whole files wait a moment first: one that the
client cancels meanwhile, or whose document changes, is not worked on.  An exception in a feature is logged and becomes
the error of that request; nothing but ``exit`` or the end of the input ends the server.  What anything prints goes to
stderr: stdout is the protocol's.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from lsprotocol import converters
from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcContentModified,
    JsonRpcException,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

import bamlvm
from bamlvm.tools.language_server import commands
from bamlvm.tools.language_server.conversion import diagnostic, range_of
from bamlvm.tools.language_server.features import FEATURES, Feature
from bamlvm.tools.language_server.positions import Encoding, Place
from bamlvm.tools.language_server.programs import Program
from bamlvm.tools.language_server.workspace import Change, Workspace

_LOG: Final = logging.getLogger("bamlvm.lsp")
_PATIENCE: Final = 0.002
"""Seconds that a request about a whole file waits for a change that makes it needless."""
_WARM_UP: Final = 0.05
"""Seconds from the first diagnostics to what can be done in advance."""
_LONG: Final = 0.03
"""A check that takes longer, in seconds, is put off until typing pauses that long, at most `_LONGEST_PAUSE`."""
_LONGEST_PAUSE: Final = 0.25
_WATCHED: Final = ("**/*.baml", "**/baml_src", "**/bamlvm.toml", "**/pyproject.toml")


class Protocol(LanguageServerProtocol):
    """pygls's protocol, with documents in our workspace instead of its own."""

    _server: Server

    def handle_message(self, message: Any) -> None:
        """Refuse requests before ``initialize`` and after ``shutdown`` as the protocol says."""
        method, id_ = getattr(message, "method", None), getattr(message, "id", None)
        if method is not None and id_ is not None:
            if self._shutdown:
                return self._refuse(id_, JsonRpcInvalidRequest("the server is shutting down"))
            if self._server.files is None and method != lsp.INITIALIZE:
                return self._refuse(id_, JsonRpcServerNotInitialized("`initialize` comes first"))
            if self._server.files is not None and method == lsp.INITIALIZE:
                return self._refuse(id_, JsonRpcInvalidRequest("the server is initialized already"))
        elif method is not None and self._server.files is None and method != lsp.EXIT:
            return None  # notifications before `initialize` are dropped
        super().handle_message(message)
        return None

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Return a message from its JSON; a request that is not as the protocol says is answered with an error."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._refuse(data["id"], error)
            raise

    def _refuse(self, id_: Any, error: JsonRpcException) -> None:
        self._send_response(id_, error=error.to_response_error())

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        self._server.opened.open(document.uri, document.version, document.text)
        self._server.schedule()

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        changes = map(_change, params.content_changes)
        self._server.opened.change(params.text_document.uri, params.text_document.version, changes)
        self._server.schedule()

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._server.opened.close(params.text_document.uri)
        self._server.schedule()

    @lsp_method(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def lsp_workspace__did_change_workspace_folders(self, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        self._server.opened.add_folders(each.uri for each in params.event.added)
        self._server.opened.remove_folders(each.uri for each in params.event.removed)
        self._server.schedule()


def _change(event: Any) -> Change:
    where = getattr(event, "range", None)
    if where is None:
        return Change(None, None, event.text)
    start, end = where.start, where.end
    return Change(Place(start.line, start.character), Place(end.line, end.character), event.text)


def _function(method: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a bound method as a function: pygls sets attributes of what it registers."""

    def react(params: Any) -> None:
        method(params)

    return react


class Server(LanguageServer):
    """The language server of BAML."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(
            "bamlvm",
            bamlvm.__version__,
            protocol_cls=Protocol,
            converter_factory=converters.get_converter,
            max_workers=1,
        )
        self.files: Workspace | None = None
        self._published: dict[str, tuple[int | None, list[lsp.Diagnostic]]] = {}
        """What the client has, by URI: with the version of an open document that it is about."""
        self._timer: asyncio.TimerHandle | None = None
        self._took = 0.0
        notified: dict[str, Callable[[Any], None]] = {
            lsp.INITIALIZE: self._initialize,
            lsp.INITIALIZED: self._initialized,
            lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES: self._refresh,
            lsp.TEXT_DOCUMENT_DID_SAVE: self._refresh,
        }
        for method, react in notified.items():
            self.feature(method)(_function(react))
        for each in FEATURES:
            self.feature(each.method, each.options)(self._handler(each))
        for name in (commands.RUN, commands.TEST, commands.PREVIEW):
            self.command(name)(self._command(name))

    def _command(self, name: str) -> Callable[..., Any]:
        async def execute(*arguments: Any) -> Any:
            return await commands.execute(self.opened, name, arguments[0] if arguments else {})

        return execute

    @property
    def opened(self) -> Workspace:
        """The workspace of an initialized server.  Raises :class:`JsonRpcServerNotInitialized` before."""
        if self.files is None:
            raise JsonRpcServerNotInitialized(message="`initialize` is the first request")
        return self.files

    # --- life

    def _initialize(self, params: lsp.InitializeParams) -> None:
        chosen = self.workspace.position_encoding
        encoding: Encoding = "utf-8" if chosen == "utf-8" else "utf-32" if chosen == "utf-32" else "utf-16"
        folders = [each.uri for each in params.workspace_folders or ()]
        if not folders and params.root_uri:
            folders = [params.root_uri]
        self.files = Workspace(encoding, folders, _without_markdown(params.capabilities.text_document))

    def _initialized(self, _: lsp.InitializedParams) -> None:
        self.opened.discover()
        self.schedule()
        watching = self.client_capabilities.workspace and self.client_capabilities.workspace.did_change_watched_files
        if watching and watching.dynamic_registration:
            watchers = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            registration = lsp.Registration("watched", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.client_register_capability(lsp.RegistrationParams([registration]))

    def _refresh(self, _: object) -> None:
        self.opened.refresh()
        self.schedule()

    # --- requests

    def _handler(self, feature: Feature) -> Callable[[Any], Any]:
        async def handle(params: Any) -> Any:
            if feature.is_patient:
                document = getattr(params, "text_document", None)
                before = self.opened.document(document.uri) if document is not None else None
                version = before.version if before is not None else 0
                await asyncio.sleep(_PATIENCE)
                if before is not None and version != before.version:
                    raise JsonRpcContentModified("the document has changed")
            return feature.answer(self.opened, params)

        return handle

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error that pygls met; it has answered the request if there is one."""
        _LOG.error("%s: %s", getattr(source, "__name__", source), error)

    # --- diagnostics

    def schedule(self) -> None:
        """Check and publish soon: at once if checks are quick, else when typing pauses."""
        if self._timer is not None:
            self._timer.cancel()
        delay = min(self._took, _LONGEST_PAUSE) if self._took > _LONG else 0.0
        self._timer = asyncio.get_running_loop().call_later(delay, self._publish_all)

    def _publish_all(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        started, before = loop.time(), self._published
        now: dict[str, list[lsp.Diagnostic]] = {}
        for program in self.opened.programs:
            try:
                self._collect(program, now)
            except Exception:
                _LOG.exception("cannot check %s", program.folder or "a file")
                kept = {uri: before[uri][1] for path in program.files if (uri := self.opened.uri(path)) in before}
                now |= {uri: found for uri, found in kept.items() if uri not in now}
        versions = {document.uri: document.version for document in self.opened.documents}
        self._published = {uri: (versions.get(uri), found) for uri, found in now.items() if found or uri in versions}
        for uri, (version, found) in self._published.items():
            if before.get(uri) != (version, found):
                self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, version))
        for uri in before.keys() - self._published.keys():
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))
        if not before and now:
            asyncio.get_running_loop().call_later(_WARM_UP, self._warm_up)
        self._took = loop.time() - started

    def _warm_up(self) -> None:
        """Compile programs whose first diagnostics were kept from another time, before the first request needs it."""
        for program in self.opened.programs:
            try:
                program.check()
            except Exception:
                _LOG.exception("cannot check %s", program.folder or "a file")
        gc.collect()
        gc.freeze()  # what a program holds stays: later collections need not look at it

    def _collect(self, program: Program, found: dict[str, list[lsp.Diagnostic]]) -> None:
        uri, texts = self.opened.uri, program.files
        for path, diagnostics in program.diagnostics().items():
            found[uri(path)] = [diagnostic(each, texts, uri) for each in diagnostics]
        for path, problem in program.problems().items():
            whole = lsp.Diagnostic(range_of(texts[path], 0, 0), problem, lsp.DiagnosticSeverity.Error, source="bamlvm")
            found[uri(path)].insert(0, whole)


def _without_markdown(capabilities: lsp.TextDocumentClientCapabilities | None) -> Iterator[str]:
    """Yield the requests in whose answers a client shows no Markdown."""
    hover = capabilities and capabilities.hover and capabilities.hover.content_format
    completion = capabilities and capabilities.completion and capabilities.completion.completion_item
    signature = capabilities and capabilities.signature_help and capabilities.signature_help.signature_information
    formats = {
        lsp.TEXT_DOCUMENT_HOVER: hover,
        lsp.TEXT_DOCUMENT_COMPLETION: completion and completion.documentation_format,
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP: signature and signature.documentation_format,
    }
    for method, shown in formats.items():
        if lsp.MarkupKind.Markdown not in (shown or ()):
            yield method


def serve(level: str) -> bool:
    """Serve one client over stdin and stdout; return whether it ended as the protocol says: ``shutdown``, ``exit``."""
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(levelname)s %(name)s: %(message)s")
    if level != "debug":
        logging.getLogger("pygls").setLevel(max(logging.getLevelName(level.upper()), logging.ERROR))
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        server = Server()
        server.start_io(sys.stdin.buffer, out)
        return server.protocol._shutdown  # pygls has no other name for it
