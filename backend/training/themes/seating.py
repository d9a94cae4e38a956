"""Procedural props: what one sits or lies on. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import arch, ball, both, legs, prism, regular, rod_y, rounded, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, torus, tube


def chair(u: Uniform) -> list[Part]:
    w, d, h, t = u(0.85, 1.1), u(0.85, 1.05), u(0.8, 1.05), u(0.1, 0.14)
    seat, back = u(0.1, 0.15), u(0.95, 1.35)
    parts = legs(w, d, h, t, "main", u(0, 0.15) if u(0, 1) < 0.3 else 0, u(0, 1) < 0.3)
    slot = "accent" if u(0, 1) < 0.12 else "main"
    parts.append(box((w, d, seat), (0, 0, h + seat / 2)))
    if slot == "accent":
        parts.append(rounded((w * 0.95, d * 0.95, 0.2), (0, 0, h + seat + 0.03), slot))
    y, z = d / 2 - t / 2, h + seat
    style = u(0, 1)  # slats across, upright or none, an arch
    if style > 0.75:
        return [*parts, box((w, t * 0.9, back), (0, y, z + back / 2))]
    if style > 0.6:
        outline = arch(w, back)
        return [*parts, extrude(outline, t).moved(0, y, z - 0.02)]
    parts += [box((t, t, back), (sx * (w / 2 - t / 2), y, z + back / 2)) for sx in (-1, 1)]
    parts.append(box((w, t * 0.8, back * 0.22), (0, y, z + back * 0.89)))
    if style < 0.3:
        slats = 2 if u(0, 1) < 0.4 else 3
        x = [(i + 1) / (slats + 1) * w - w / 2 for i in range(slats)]
        return parts + [box((t, t * 0.7, back), (xi, y, z + back / 2)) for xi in x]
    return parts + [box((w, t * 0.6, back * 0.17), (0, y, z + back * f)) for f in (0.25, 0.57)]


def rocking_chair(u: Uniform) -> list[Part]:
    a = np.linspace(-1.0, 1.0, 9)
    runner = tube(np.stack([a * 0 + 0.42, a * 0.9, 0.3 * a**2], -1), 0.06)
    body = [p.moved(z=0.12) for p in chair(u)]
    w = max(p.vertices[:, 0].max() for p in body)
    arms = both(
        [
            strut((w, -0.35, 1.35), (w, 0.45, 1.4), 0.06),
            strut((w, -0.33, 1.0), (w, -0.33, 1.35), 0.05),
        ]
    )
    return [*body, *both(runner), *arms]


def stool(u: Uniform) -> list[Part]:
    h, r, t = u(0.9, 1.6), u(0.42, 0.58), u(0.1, 0.13)
    if u(0, 1) < 0.25:  # a padded bar stool on one leg
        pad = rounded((2 * r, 2 * r, 0.26), (0, 0, h), power=2.6)
        foot = cylinder(r * 0.85, 0.06, (0, 0, 0.03), "metal", r * 0.7)
        ring = torus(r * 0.6, 0.05, "metal").moved(z=h * 0.35)
        return [pad, foot, cylinder(0.07, h, (0, 0, h / 2), "metal"), ring]
    parts = [cylinder(r, u(0.12, 0.2), (0, 0, h), segments=20)]
    count = 3 if u(0, 1) < 0.4 else 4
    for k in range(count):
        a = 2 * np.pi * k / count + np.pi / 4
        c, s = np.cos(a) * r, np.sin(a) * r
        parts.append(strut((c * 1.05, s * 1.05, 0), (c * 0.7, s * 0.7, h), t / 2))
    if u(0, 1) < 0.7:
        parts.append(torus(r * 0.92, 0.045).moved(z=h * 0.35))
    return parts


def bench(u: Uniform) -> list[Part]:
    w, d, h = u(1.8, 2.4), u(0.55, 0.7), u(0.5, 0.65)
    frame = "main" if u(0, 1) < 0.5 else "iron"
    parts = [box((w, d / 3.4, 0.1), (0, (i - 1) * d / 3, h)) for i in range(3)]
    parts += both(box((0.12, d, h), (w * 0.4, 0, h / 2), frame))
    if u(0, 1) < 0.75:
        parts += [box((w, 0.08, 0.18), (0, d / 2 + 0.05, h + z)) for z in (0.22, 0.5)]
        parts += both(box((0.1, 0.08, 0.65), (w * 0.4, d / 2 + 0.1, h + 0.27), frame))
        if u(0, 1) < 0.4:
            parts += both(box((0.1, d, 0.08), (w * 0.45, 0, h + 0.33), frame))
    return parts


def _upholstered(u: Uniform, w: float) -> list[Part]:
    """Seat, back and arms with soft edges, cushions, short legs."""
    d, seat, back, arm = u(0.9, 1.1), u(0.42, 0.52), u(0.95, 1.25), u(0.2, 0.3)
    z0, soft = u(0.08, 0.2), u(5, 12)
    parts = [box((w, d * 0.95, seat - z0), (0, 0, (seat + z0) / 2))]
    tall = z0 + back
    parts.append(rounded((w + arm, 0.32, back), (0, d / 2 - 0.1, z0 + back / 2), power=soft))
    ha = seat * u(1.4, 1.7)
    x = w / 2 + arm / 2
    if u(0, 1) < 0.45:
        parts += both(
            [box((arm * 0.85, d, ha - z0), (x, 0, (ha + z0) / 2)), rod_y(arm * 0.65, d, (x, 0, ha))]
        )
    else:
        parts += both(rounded((arm, d * 1.04, ha), (x, 0, z0 + ha / 2), power=7))
    count = max(1, round(w / 0.85))
    cw = w / count
    for i in range(count):
        cx = (i + 0.5) * cw - w / 2
        at = (cx, -0.1, seat + 0.06)
        parts.append(rounded((cw * 0.98, d * 0.85, 0.24), at, "main", 6, 12))
        if u(0, 1) < 0.8:
            lean = rounded((cw * 0.95, 0.2, (tall - seat) * 0.85), power=5, segments=12).turned(
                "x", -10
            )
            parts.append(lean.moved(cx, d / 2 - 0.28, (seat + tall) / 2 + 0.06))
    if w > 1.4 and u(0, 1) < 0.35:
        pillow = rounded((0.42, 0.16, 0.42), slot="accent", power=3).turned("x", -20)
        parts += both(pillow.moved(w / 2 - 0.25, d / 2 - 0.42, seat + 0.34))
    return parts + legs(w + arm, d * 0.9, z0, 0.12, "bark")


def armchair(u: Uniform) -> list[Part]:
    return _upholstered(u, u(0.72, 0.95))


def sofa(u: Uniform) -> list[Part]:
    return _upholstered(u, u(1.7, 2.4))


def bed(u: Uniform) -> list[Part]:
    w, length, h = u(1.1, 1.7), u(2.0, 2.3), u(0.35, 0.5)
    head = u(0.8, 1.15)
    parts = [box((w, length, 0.22), (0, 0, h - 0.1)), *legs(w, length, h, 0.14)]
    if u(0, 1) < 0.3:
        parts.append(extrude(arch(w + 0.08, head + 0.1), 0.12).moved(0, length / 2, 0))
    else:
        parts.append(box((w + 0.08, 0.12, head), (0, length / 2, head / 2)))
    parts.append(box((w + 0.08, 0.12, head * 0.6), (0, -length / 2, head * 0.3)))
    parts.append(rounded((w * 0.96, length * 0.96, 0.3), (0, 0, h + 0.1), "white", 8, 20))
    cover = (w * 1.0, length * 0.62, 0.34)
    parts.append(rounded(cover, (0, -length * 0.17, h + 0.11), "accent", 8, 20))
    count = 2 if w > 1.3 else 1
    for k in range(count):
        x = (k - (count - 1) / 2) * w * 0.46
        size = (w * 0.42 if count == 2 else w * 0.7, 0.38, 0.2)
        parts.append(rounded(size, (x, length * 0.35, h + 0.3), "white", 3))
    return parts


def throne(u: Uniform) -> list[Part]:
    w, d, h, back = u(0.95, 1.15), u(0.9, 1.05), u(0.6, 0.75), u(1.5, 1.9)
    parts = [box((w, d, h), (0, 0, h / 2)), box((w * 1.3, d * 1.3, 0.12), (0, 0, 0.0))]
    cushion = "red" if u(0, 1) < 0.6 else "accent"
    parts.append(rounded((w * 0.8, d * 0.85, 0.2), (0, -0.05, h + 0.06), cushion))
    y = d / 2 - 0.08
    tip = [(-w / 2, 0), (w / 2, 0), (w / 2, back * 0.85), (0, back), (-w / 2, back * 0.85)]
    parts.append(extrude(tip if u(0, 1) < 0.5 else arch(w, back), 0.18).moved(0, y, h * 0.5))
    parts.append(box((w * 0.62, 0.05, back * 0.5), (0, y - 0.1, h + back * 0.27), cushion))
    for p in both(
        [
            box((0.16, d * 0.9, 0.14), (w / 2, -0.02, h + 0.42)),
            box((0.16, 0.16, 0.45), (w / 2, -d / 2 + 0.12, h + 0.2)),
            box((0.16, 0.2, back), (w / 2, y, h * 0.5 + back / 2)),
            ball(0.12, (w / 2, -d / 2 + 0.08, h + 0.5), "gold"),
            ball(0.14, (w / 2, y, h * 0.5 + back + 0.06), "gold"),
        ]
    ):
        parts.append(p)
    star = prism(regular(4, 0.16), 0.08, "gem").turned("x", 90)
    return [*parts, star.moved(0, y - 0.08, h * 0.5 + back * 0.84)]


SOFT = ("leather", "fabric")


KINDS = {
    "chair": Kind(
        chair,
        ("dining chair", "kitchen chair", "seat"),
        ("wooden", "wooden", "plastic", "metal"),
        ("brown",),
        1.6,
    ),
    "rocking chair": Kind(rocking_chair, ("rocker",), ("wooden",), ("brown", "white"), 0.6),
    "stool": Kind(stool, ("bar stool", "round stool"), ("wooden", "metal", "plastic"), ("brown",)),
    "bench": Kind(bench, ("park bench", "garden bench"), ("wooden", "metal"), ("brown",)),
    "armchair": Kind(
        armchair, ("arm chair", "easy chair", "lounge chair"), SOFT, ("brown", "red"), 1.5
    ),
    "sofa": Kind(sofa, ("couch", "settee", "loveseat"), SOFT, ("grey", "red"), 1.5),
    "bed": Kind(
        bed,
        ("bed with pillows",),
        ("wooden",),
        ("brown", "white"),
        trim=("accent", "with {} blanket"),
    ),
    "throne": Kind(
        throne,
        ("royal throne", "kings throne"),
        ("wooden", "golden", "stone"),
        ("brown",),
        0.8,
        trim=("accent", "with {} cushion"),
    ),
}
