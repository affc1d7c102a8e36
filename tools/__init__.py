"""Tools on top of the public API: test runner, session, generators, reports, mock server, projects."""
