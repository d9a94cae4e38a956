"""w(t): how much a difference of two predicted noises counts at each noise level.

In: alpha bar. Out: w(t) sqrt(a / (1 - a)), the factor on the difference of the two estimates of x0,
as eps_1 - eps_2 = sqrt(a / (1 - a)) (x0_2 - x0_1). Written out for each w, so that what is finite
stays so at both ends of the schedule.

dreamfusion   w = 1 - a: DreamFusion (2209.14988) section 3.2, most of the field
uniform       w = 1: SJC (2212.00774), MVDream's noise form
fantasia      w = sqrt(a) (1 - a): Fantasia3D (2303.13873), its late phases
x0            w = sqrt((1 - a) / a): a difference of estimates of x0; ISM (2311.11284), MVDream
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor

from backend.guidance.diffusion import per_sample
from backend.guidance.settings import setting

WEIGHTINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "dreamfusion": lambda a: (a * (1 - a)).sqrt(),
    "uniform": lambda a: (a / (1 - a).clamp(min=1e-8)).sqrt(),
    "fantasia": lambda a: a * (1 - a).sqrt(),
    "x0": lambda a: a * 0 + 1,
}


def weighting_setting(default: str) -> Any:
    """The field of a distillation's Config."""
    return setting(default, "w(t), how much each noise level counts", choices=tuple(WEIGHTINGS))


def weigh(difference: Tensor, alpha_bar: Float[Tensor, "B"], weighting: str) -> Tensor:
    """A difference of estimates of x0 -> the weighted difference of noises, sign turned."""
    return difference * per_sample(WEIGHTINGS[weighting](alpha_bar), difference)
