"""What fields may hold, once for all messages: limits, and the kinds of field that come again.

Times are seconds since 1970 (UTC), durations seconds, sizes bytes.
"""

from __future__ import annotations

from .checks import Maybe, Number, Pair, Text, Whole

HEX = "0123456789abcdef"
STATES = ("queued", "running", "paused", "done", "failed", "cancelled")
OVER = ("done", "failed", "cancelled")  # a job in one of these does not change by itself
MOST_VERTICES = 2_000_000
MOST_PIXELS = 4096  # of a texture's side on the stream
CHUNK = 1 << 20  # bytes of a file in one message
UPLOAD_CHUNK = 512 << 10  # bytes of an upload in one message
MOST_UPLOAD = 256 << 20  # bytes
REFINE_MODES = ("keep-topology", "texture-only", "remesh", "auto")

JOB_ID = Text(32, 32, HEX)
NONCE = Text(32, 32, HEX)
DIGEST = Text(64, 64, HEX)  # SHA-256 of a whole file
NAME = Text(64, 1)
SENTENCE = Text(2000)
COUNT = Whole()
SECONDS = Number(0, 1e9)
TIME = Maybe(Number(0, 1e11))
PRIORITY = Whole(-100, 100)
DIRECTION = Pair(Number(-360, 360), Number(-90, 90))  # azimuth and elevation, degrees
