"""Error codes that cross the wire, and the exceptions that carry them.

RemoteError          the other side said no; `code` is one of CODES
`- WireError         a message that can't be read, sent or expected: found on this side
ConnectionLost       nobody answered in time

Texts are one sentence for the user: what was wrong, and what to do.
"""

from __future__ import annotations

from types import MappingProxyType

CODES = MappingProxyType(
    {
        # answers to a request
        "bad_message": "it can't be read, or a field is missing or outside its limits",
        "version": "the other side speaks another major version",
        "session_unknown": "the server has restarted or forgotten the client: say hello again",
        "bad_settings": "the settings ask for what this server does not have",
        "unknown_job": "there is no job of that number",
        "unknown_file": "the job has no file of that name",
        "unknown_upload": "the settings name a file that the client has not uploaded lately",
        "bad_upload": "what was uploaded is not what its digest or size says",
        "unsupported": "this server can't do that (yet); Welcome.features has what it can",
        "wrong_state": "the job's state does not allow that",
        "too_many": "a limit on jobs, clients or uploads is reached",
        "data_full": "the data folder has reached its limit, and all in it is needed",
        "storage": "the disk is full or can't be written to",
        "stopping": "the server is on its way out",
        "internal": "a fault of the server; its log has more",
        # why a job failed, or was paused by the server
        "out_of_memory": "the device's memory ran out; the text names the setting to lower",
        "worker_died": "the worker process crashed again and again at one place",
        "hung": "the worker made no step for too long, again and again",
        "generation": "no prop came out of the run; the text says why",
    }
)


class RemoteError(Exception):
    """A code of CODES and one sentence; an unknown code is kept as it is."""

    def __init__(self, code: str, text: str):
        super().__init__(text)
        self.code, self.text = code, text


class WireError(RemoteError):
    """What was received, or is about to be sent, breaks PROTOCOL.md."""


class ConnectionLost(Exception):
    """The server did not answer in time."""


def bad(text: str) -> WireError:
    return WireError("bad_message", text)
