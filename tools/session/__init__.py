"""The interactive session behind ``bamlvm repl``."""
