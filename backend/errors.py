"""Errors with one sentence for the user. No torch here.

PropsmithError           anything that ends a run with one clear sentence
|- InputError            the request was wrong: exit code 2, nothing written
|  |- DeviceError        the asked device isn't there
|  |- PriorError         the asked prior can't be found or loaded
|  `- CheckpointError    a checkpoint is missing, corrupt, or of another job
|     `- StorageError    the disk is full or refuses: mend that and go on, nothing is lost
`- GenerationError       the run itself failed (an empty shape, for example): exit code 1
Interrupted              stopped by Ctrl-C or a request; the checkpoint says where: exit code 130
"""

from __future__ import annotations


class PropsmithError(Exception):
    """One sentence that says what was wrong, what was given, and what to do."""

    exit_code = 1


class InputError(PropsmithError):
    exit_code = 2


class DeviceError(InputError):
    pass


class PriorError(InputError):
    pass


class CheckpointError(InputError):
    pass


class StorageError(CheckpointError):
    pass


class GenerationError(PropsmithError):
    pass


class Interrupted(PropsmithError):
    exit_code = 130
