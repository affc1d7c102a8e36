"""From sources to compiled units: reading, compiling, caching."""
