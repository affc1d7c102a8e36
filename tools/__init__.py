"""Tools that stand on the public API: test runner, session, generators, reports, mock server."""
