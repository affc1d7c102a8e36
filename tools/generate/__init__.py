"""Generated code: typed clients in Python and TypeScript, and OpenAPI documents."""
