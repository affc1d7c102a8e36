"""The mock server: scripts, faults, the providers' wire formats, HTTP. Its public face is :mod:`bamlvm.mock`."""
