"""Reductions of the LALR grammar: syntax nodes from tokens and other nodes."""
