"""The language server: what an editor shows of a program while it is written.  LSP 3.17 over stdio, on pygls.

Data goes one way: buffers → texts → the compiler's stages → answers.

    server.py             the protocol: start and end, requests, publishing diagnostics
    workspace.py          documents, folders, and which program a file belongs to
    programs.py           one program: files on disk, buffers over them, incremental checks
    positions.py          lines and columns of the protocol ↔ offsets
    conversion.py         spans and diagnostics as the protocol has them
    model.py              what is under the cursor: the one query that features stand on
    unfinished.py         an item that is being typed, made whole with a placeholder at the cursor
    descriptions.py clients.py words.py    what a symbol, a client, a word of the language is

    features.py           the table of requests, and what answers them:
    hover.py navigation.py renaming.py symbols.py semantic_tokens.py inlay_hints.py signatures.py layout.py actions.py
    selection.py
    commands.py           code lenses and what they run
    completion.py         what can stand at the cursor: where it is, and for each kind of place
    completion_items.py config_completion.py prompt_completion.py

Rules:

* Nothing here resolves a name or infers a type.  The compiler notes what every name means where it finds out
  (:mod:`bamlvm.compiler.uses`), and the server looks that up.
* A feature is a function of the workspace and a request's parameters, and keeps nothing.
* What is kept is kept by :class:`bamlvm.tools.language_server.programs.Program`, and forgotten with the next change:
  the diagnostics, the model, the last model with a placeholder.
* Diagnostics are those of the text as it is; answers about names use what the parser could read of broken items too.
"""
