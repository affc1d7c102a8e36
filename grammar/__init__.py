"""From text to syntax tree: source files, the lexer, the LALR grammar, the tree's nodes, diagnostics."""
