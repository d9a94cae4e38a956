"""The distillations by name, "module:class" in this folder, and the orders of noise levels.

No torch here, for menus, help and `propsmith doctor`.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

DISTILLATIONS: dict[str, str] = {
    "x0": "x0:X0",
    "sds": "sds:SDS",
    "sjc": "sjc:SJC",
    "vsd": "vsd:VSD",
    "csd": "csd:CSD",
    "nfsd": "nfsd:NFSD",
    "ism": "ism:ISM",
    "sdi": "sdi:SDI",
    "sds-bridge": "sds_bridge:SDSBridge",
    "rfds": "rfds:RFDS",
}

# Of rules that now follow other formulas under the same settings: their older checkpoints are not
# gone on with.
REVISIONS = {"csd": 2, "ism": 2, "sdi": 2, "sds-bridge": 3, "vsd": 2}

PEFT = (0, 18)  # the oldest whose layers vsd's student can be made of

TIMESTEPS = ("annealed", "dreamtime", "hifa", "uniform")  # the keys of schedules.SCHEDULES


def has_peft() -> bool:
    """Whether what vsd needs is installed, and new enough."""
    try:
        numbers = re.findall(r"\d+", version("peft"))
    except PackageNotFoundError:
        return False
    return tuple(int(number) for number in numbers[:2]) >= PEFT
