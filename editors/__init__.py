"""BAML in editors: grammars, and clients of the language server."""
