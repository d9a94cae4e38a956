"""The priors' licences, and what users should know before they ship what a prior made. No bpy.

The names are those of `propsmith models list`; a test holds them equal to the backend's.
"""

from __future__ import annotations

UNKNOWN = "unknown: ask whoever published the prior"
LICENCES = {
    "embedded": "CC BY 4.0",
    "sd15": "CreativeML Open RAIL-M",
    "sd21": "CreativeML Open RAIL++-M",
    "sdxl": "CreativeML Open RAIL++-M",
    "deepfloyd": "DeepFloyd IF licence",
    "sd3": "Stability AI Community Licence",
    "sd35": "Stability AI Community Licence",
    "mvdream": "CreativeML Open RAIL++-M",
    "richdreamer": "Apache-2.0 of its publishers; its bases' CreativeML Open RAIL-M and RAIL++-M",
    "zero123": "of its model card: for research",
    "stable-zero123": "Stability AI's for research, not commercial",
}


def licence_of(prior: str) -> str:
    return LICENCES.get(prior, UNKNOWN)
