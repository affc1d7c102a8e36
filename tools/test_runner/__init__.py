"""Running a program's ``test`` blocks: ``bamlvm test`` as a library, whose public face is :mod:`bamlvm.testing`."""
