"""The language server: what an editor shows of a program while it is written.  LSP 3.17 over stdio, on pygls.

    server.py       the protocol: start and end, requests, publishing diagnostics
    workspace.py    documents, folders, and which program a file belongs to
    programs.py     one program: files on disk, buffers over them, incremental checks
    positions.py    lines and columns of the protocol ↔ offsets
    conversion.py   spans and diagnostics as the protocol has them
    features.py     the table of requests

Data goes one way: buffers → texts → the compiler's stages → answers.  A feature is a function of the workspace and a
request's parameters, and keeps nothing.
"""
