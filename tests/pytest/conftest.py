"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell starts its background jobs with Ctrl-C ignored, and their children inherit that: the
# commands that the tests interrupt would not notice.
signal.signal(signal.SIGINT, signal.default_int_handler)
