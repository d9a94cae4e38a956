"""The distillations by name, "module:class" in this folder, and the orders of noise levels.

No torch here, for menus and help.
"""

from __future__ import annotations

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

TIMESTEPS = ("annealed", "dreamtime", "hifa", "uniform")  # the keys of schedules.SCHEDULES
