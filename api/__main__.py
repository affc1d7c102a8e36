"""``python -m bamlvm`` is the ``bamlvm`` command."""

import sys

from bamlvm.cli.main import main

sys.exit(main())
