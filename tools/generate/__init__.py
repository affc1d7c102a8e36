"""Generated code: a typed Python client."""
