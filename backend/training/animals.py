"""Procedural props: animal figurines. They look at -Y."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, both, prism, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, tube


def _head(r: float, at, snout: float, eye: float = 0.055, muzzle: str = "light") -> list[Part]:
    """A round head with muzzle, nose and eyes; `at` is its centre."""
    x, y, z = at
    parts = [ball(r, at, segments=16), ellipsoid((r * 0.5, snout, r * 0.4), (x, y - r * 0.8, z - r * 0.25), muzzle, 12)]
    parts.append(ellipsoid((r * 0.18, 0.05, r * 0.13), (x, y - r * 0.8 - snout, z - r * 0.15), "eye", 8))
    return parts + both(ball(eye, (r * 0.42, y - r * 0.83, z + r * 0.2), "eye", 8))


def cat(u: Uniform) -> list[Part]:
    h = u(0.85, 1.0)
    parts = [lathe([(0, 0), (0.38, 0.02), (0.42, 0.22), (0.3, 0.6), (0.2, h), (0, h)], "main", 18).scaled(0.9, 1.15, 1)]
    parts.append(ellipsoid((0.2, 0.12, 0.3), (0, -0.3, 0.42), "light", 12))
    parts += _head(0.32, (0, -0.12, h + 0.18), 0.12)
    ear = lathe([(0.14, 0), (0, 0.26)], "main", 8).turned("y", 14).moved(0.19, -0.1, h + 0.38)
    leg = [strut((0.14, -0.32, 0.5), (0.14, -0.42, 0.05), 0.085), ellipsoid((0.1, 0.14, 0.07), (0.14, -0.48, 0.07), "light", 10), ellipsoid((0.14, 0.25, 0.2), (0.34, 0.05, 0.18), "main", 12)]
    inner = lathe([(0.08, 0), (0, 0.16)], "melon", 6).turned("y", 14).moved(0.19, -0.16, h + 0.39)
    tail = tube([(0.1, 0.4, 0.08), (0.4, 0.55, 0.1), (0.6, 0.35, 0.25), (0.6, 0.2, 0.5)], [0.08, 0.085, 0.08, 0.05])
    if u(0, 1) < 0.4:
        parts.append(cylinder(0.225, 0.09, (0, -0.06, h - 0.02), "collar"))
    return [*parts, *both([ear, leg[0], leg[1], leg[2], inner]), tail]


def dog(u: Uniform) -> list[Part]:
    h = u(0.55, 0.7)
    parts = [ellipsoid((0.27, 0.55, 0.28), (0, 0.05, h + 0.1), segments=16), tube([(0, -0.35, h + 0.15), (0, -0.52, h + 0.45)], 0.19)]
    parts += _head(0.29, (0, -0.58, h + 0.62), 0.22)
    floppy = ellipsoid((0.08, 0.14, 0.27), (0, 0, 0), "deep", 10).turned("y", -14).moved(0.3, -0.52, h + 0.58)
    legs = [strut((0.16, y, h), (0.17, y - 0.02, 0.04), 0.1) for y in (-0.32, 0.4)]
    paws = [ellipsoid((0.11, 0.15, 0.07), (0.17, y - 0.06, 0.06), "light", 8) for y in (-0.32, 0.4)]
    tail = tube([(0, 0.55, h + 0.2), (0, 0.75, h + 0.4), (0, 0.8, h + 0.62)], [0.085, 0.075, 0.04])
    if u(0, 1) < 0.5:
        parts.append(cylinder(0.21, 0.1, slot="collar").turned("x", 25).moved(0, -0.47, h + 0.36))
    return [*parts, *both([floppy, *legs, *paws]), tail]


def rabbit(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.38, 0.46, 0.42), (0, 0.08, 0.42), segments=16), *_head(0.29, (0, -0.28, 0.95), 0.1)]
    long = u(0.32, 0.42)
    ear = ellipsoid((0.1, 0.06, long), (0, 0, long), "main", 12).turned("y", 10).moved(0.12, -0.22, 1.1)
    inner = ellipsoid((0.055, 0.04, long * 0.75), (0, -0.04, long), "melon", 10).turned("y", 10).moved(0.12, -0.22, 1.1)
    foot = ellipsoid((0.13, 0.28, 0.09), (0.24, -0.3, 0.09), "light", 10)
    return [*parts, *both([ear, inner, foot, ellipsoid((0.16, 0.28, 0.26), (0.3, 0.12, 0.28), "main", 12), strut((0.14, -0.28, 0.5), (0.13, -0.38, 0.12), 0.075)]), ball(0.15, (0, 0.55, 0.32), "white", 10)]


def pig(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.42, 0.62, 0.42), (0, 0.1, 0.55), segments=18), ball(0.34, (0, -0.5, 0.68), segments=16), cylinder(0.15, 0.14, slot="shade").turned("x", 90).moved(0, -0.86, 0.64)]
    parts += both([ball(0.035, (0.06, -0.94, 0.65), "eye", 6), ball(0.05, (0.16, -0.78, 0.8), "eye", 8), lathe([(0.13, 0), (0, 0.24)], "shade", 6).turned("x", 25).moved(0.2, -0.5, 0.94), *(cylinder(0.12, 0.34, (0.22, y, 0.16)) for y in (-0.25, 0.42))])
    a = np.linspace(0, 7, 12)
    return [*parts, tube(np.stack([0.07 * np.cos(a), 0.7 + 0.03 * a, 0.65 + 0.07 * np.sin(a)], -1), 0.04)]


def piggy_bank(u: Uniform) -> list[Part]:
    return [*pig(u), box((0.1, 0.35, 0.05), (0, 0.1, 0.96), "black")]


def penguin(u: Uniform) -> list[Part]:
    h = u(0.62, 0.72)
    parts = [ellipsoid((0.44, 0.4, h), (0, 0, h), segments=18), ellipsoid((0.35, 0.2, h * 0.85), (0, -0.24, h * 0.88), "white", 16), ball(0.31, (0, -0.02, h * 2 + 0.08), segments=16)]
    z = h * 2 + 0.08
    wing = ellipsoid((0.08, 0.2, 0.42), (0, 0, -0.35), "main", 12).turned("y", -20).moved(0.38, 0, h * 1.55)
    face = ellipsoid((0.13, 0.06, 0.15), (0.11, -0.27, z), "white", 10)
    foot = ellipsoid((0.17, 0.24, 0.06), (0.2, -0.22, 0.03), "beak", 10)
    return [*parts, *both([wing, face, foot, ball(0.05, (0.12, -0.32, z + 0.03), "eye", 8)]), lathe([(0.1, 0), (0, 0.24)], "beak", 8).turned("x", 90).moved(0, -0.28, z - 0.06)]


def owl(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.46, 0.4, 0.58), (0, 0, 0.58), segments=18), ellipsoid((0.34, 0.2, 0.42), (0, -0.25, 0.5), "light", 14), ellipsoid((0.44, 0.38, 0.34), (0, -0.02, 1.12), segments=16)]
    side = [ellipsoid((0.19, 0.07, 0.19), (0.17, -0.33, 1.16), "white", 14), ball(0.09, (0.17, -0.38, 1.16), "eye", 10), lathe([(0.12, 0), (0, 0.28)], "main", 6).turned("y", 18).moved(0.27, 0, 1.35),
            ellipsoid((0.1, 0.28, 0.42), (0.44, 0.05, 0.6), "deep", 12), *(ball(0.07, (0.14 + d, -0.34, 0.04), "beak", 6) for d in (-0.07, 0.07))]  # fmt: skip
    return [*parts, *both(side), lathe([(0.08, 0), (0, 0.2)], "beak", 6).turned("x", 130).moved(0, -0.38, 1.08)]


def fish(u: Uniform) -> list[Part]:
    thick, tall = u(0.22, 0.3), u(0.42, 0.52)
    parts = [ellipsoid((0.75, thick, tall), segments=20), prism([(0.6, 0), (1.15, 0.42), (1.0, 0), (1.15, -0.42)], 0.09, "shade").turned("x", 90)]
    parts[1] = parts[1].moved(y=0.045)
    parts.append(prism([(-0.25, 0.32), (0.3, 0.28), (0.25, 0.68), (-0.1, 0.62)], 0.08, "shade").turned("x", 90).moved(y=0.04))
    parts.append(prism([(-0.05, -0.3), (0.3, -0.28), (0.28, -0.58)], 0.08, "shade").turned("x", 90).moved(y=0.04))
    for s in (-1, 1):
        parts += [ball(0.11, (-0.45, s * thick * 0.78, 0.12), "white", 10), ball(0.06, (-0.47, s * (thick * 0.78 + 0.08), 0.12), "eye", 8), ellipsoid((0.18, 0.05, 0.11), (0.02, s * thick * 1.0, -0.06), "deep", 10).turned("y", 20)]
    return [*parts, ellipsoid((0.08, 0.1, 0.06), (-0.74, 0, -0.05), "light", 8)]


def turtle(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.6, 0.7, 0.48), (0, 0, 0.2), "deep", 20, cut=0.0), cylinder(0.66, 0.1, (0, 0, 0.18), "shade", segments=22), *_head(0.2, (0, -0.85, 0.4), 0.06, 0.045, "main")]
    parts += [ellipsoid((0.15, 0.15, 0.06), (0.36 * np.cos(a), 0.42 * np.sin(a), 0.54), "inner", 6) for a in np.arange(6) * np.pi / 3]
    return [*parts, tube([(0, -0.6, 0.25), (0, -0.8, 0.36)], 0.13), *both([ellipsoid((0.2, 0.16, 0.1), (0.55, y, 0.08), "main", 10) for y in (-0.45, 0.45)]), tube([(0, 0.65, 0.2), (0, 0.9, 0.1)], [0.09, 0.02])]


def elephant(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.45, 0.62, 0.45), (0, 0.15, 0.78), segments=18), ball(0.36, (0, -0.55, 1.0), segments=16)]
    parts.append(tube([(0, -0.82, 0.95), (0, -1.0, 0.65), (0, -1.02, 0.3), (0, -1.15, 0.15)], [0.16, 0.13, 0.1, 0.08]))
    side = [ellipsoid((0.33, 0.07, 0.36), (0.48, -0.42, 1.02), "shade", 14), ball(0.05, (0.2, -0.82, 1.1), "eye", 8), tube([(0.17, -0.8, 0.82), (0.22, -1.05, 0.7)], [0.06, 0.02], "stem"), *(cylinder(0.15, 0.55, (0.24, y, 0.27)) for y in (-0.18, 0.5))]
    return [*parts, *both(side), tube([(0, 0.72, 0.9), (0, 0.85, 0.55)], [0.05, 0.04])]


def horse(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.25, 0.55, 0.28), (0, 0.1, 0.95), segments=16), tube([(0, -0.28, 1.05), (0, -0.55, 1.5)], [0.22, 0.15]), tube([(0, -0.48, 1.55), (0, -0.88, 1.32)], [0.16, 0.1])]
    parts += [tube([(0, -0.22, 1.25), (0, -0.36, 1.5), (0, -0.46, 1.7)], [0.08, 0.11, 0.07], "mane"), tube([(0, 0.6, 1.05), (0, 0.8, 0.9), (0, 0.82, 0.45)], [0.08, 0.1, 0.04], "mane")]
    side = [tube([(0.15, y, 0.85), (0.16, y + d, 0.45), (0.16, y, 0.06)], [0.12, 0.08, 0.07]) for y, d in ((-0.28, 0.0), (0.45, 0.06))]
    hoofs = [cylinder(0.09, 0.1, (0.16, y, 0.05), "dark") for y in (-0.28, 0.45)]
    return [*parts, *both([*side, *hoofs, lathe([(0.06, 0), (0, 0.16)], "main", 6).moved(0.08, -0.45, 1.66), ball(0.04, (0.13, -0.62, 1.52), "eye", 6)])]


def dinosaur(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.33, 0.45, 0.45), (0, 0.1, 0.8), segments=16), ellipsoid((0.24, 0.25, 0.36), (0, -0.22, 0.74), "light", 12), tube([(0, -0.1, 1.05), (0, -0.3, 1.45)], [0.24, 0.2])]
    parts += [ellipsoid((0.24, 0.36, 0.22), (0, -0.48, 1.52), "main", 14), tube([(0, 0.35, 0.75), (0, 0.75, 0.45), (0, 1.15, 0.25)], [0.3, 0.18, 0.03])]
    spine = [(0.02, 1.75), (0.2, 1.42), (0.42, 1.15), (0.62, 0.85), (0.85, 0.6)]
    parts += [lathe([(0.09, 0), (0, 0.2)], "accent", 4).turned("x", -35).moved(0, y, z - 0.08) for y, z in spine]
    side = [ellipsoid((0.16, 0.22, 0.32), (0.27, 0.15, 0.42), "main", 12), ellipsoid((0.14, 0.24, 0.1), (0.28, -0.02, 0.1), "main", 10), tube([(0.22, -0.25, 0.95), (0.3, -0.45, 0.85)], [0.085, 0.06]), ball(0.055, (0.2, -0.6, 1.62), "eye", 8)]
    return [*parts, *both(side)]


def bird(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.32, 0.45, 0.34), (0, 0.05, 0.55), segments=16), ellipsoid((0.24, 0.25, 0.24), (0, -0.2, 0.48), "light", 12), ball(0.26, (0, -0.3, 0.98), segments=14), lathe([(0.09, 0), (0, 0.26)], "beak", 8).turned("x", 95).moved(0, -0.53, 0.97)]
    tail = tube([(0, 0.4, 0.58), (0, 0.85, 0.75)], [0.14, 0.08], "deep")
    return [*parts, tail, *both([ellipsoid((0.08, 0.36, 0.22), (0.3, 0.12, 0.6), "deep", 12), ball(0.05, (0.15, -0.48, 1.05), "eye", 8), strut((0.1, 0, 0.25), (0.12, -0.04, 0.0), 0.04, "beak"), ellipsoid((0.09, 0.14, 0.04), (0.12, -0.1, 0.0), "beak", 8)])]


def snail(u: Uniform) -> list[Part]:
    a = np.linspace(0, 5 * np.pi, 44)
    q = 0.08 + 0.42 * (a / a[-1])
    spiral = tube(np.stack([0.06 * np.sin(a), q * np.cos(a + 1) + 0.15, 0.68 + q * np.sin(a + 1)], -1), 0.07 + 0.12 * a / a[-1], "main", 8)
    foot = tube([(0, 0.95, 0.08), (0, 0.4, 0.12), (0, -0.5, 0.12), (0, -0.75, 0.3), (0, -0.85, 0.6)], [0.04, 0.15, 0.18, 0.15, 0.13], "skin")
    return [spiral, foot, *both([strut((0.06, -0.85, 0.65), (0.13, -0.95, 0.98), 0.035, "skin"), ball(0.06, (0.13, -0.95, 1.0), "eye", 8)])]


def bee(u: Uniform) -> list[Part]:
    parts = []
    for k in range(5):
        y = -0.3 + 0.22 * k
        r = 0.38 * np.sqrt(max(0.1, 1 - ((y - 0.1) / 0.68) ** 2))
        parts.append(ellipsoid((r, 0.16, r), (0, y, 0.5), "main" if k % 2 == 0 else "black", 14))
    parts += [ball(0.29, (0, -0.55, 0.55), "black", 14), lathe([(0.07, 0), (0, 0.22)], "black", 6).turned("x", -90).moved(0, 0.68, 0.5)]
    return [*parts, *both([ellipsoid((0.42, 0.22, 0.04), slot="glass", segments=12).turned("y", -30).moved(0.38, 0.05, 0.98), ball(0.09, (0.14, -0.78, 0.62), "white", 8), strut((0.08, -0.65, 0.78), (0.16, -0.78, 1.02), 0.03, "black")])]


def ladybug(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.62, 0.7, 0.5), (0, 0, 0.1), segments=20, cut=0.0), ellipsoid((0.36, 0.26, 0.26), (0, -0.66, 0.18), "black", 14)]
    spots = [(0.3, -0.2), (0.36, 0.25), (0.15, 0.48), (-0.3, -0.2), (-0.36, 0.25), (-0.15, 0.48)]
    parts += [ellipsoid((0.12, 0.12, 0.09), (x, y, 0.1 + 0.5 * np.sqrt(1 - (x / 0.62) ** 2 - (y / 0.7) ** 2)), "black", 8) for x, y in spots]
    y = np.linspace(-0.55, 0.66, 8)
    parts.append(tube(np.stack([0 * y, y, 0.1 + 0.5 * np.sqrt(1 - (y / 0.7) ** 2)], -1), 0.03, "black", 6))
    return [*parts, *both([ball(0.08, (0.18, -0.86, 0.28), "white", 8), *(strut((0.5, t, 0.12), (0.78, t * 1.1, 0.0), 0.045, "black") for t in (-0.35, 0.0, 0.35))])]


CERAMIC = ("ceramic",)
KINDS = {
    "cat": Kind(cat, ("toy cat", "cat figurine", "kitten"), CERAMIC, ("orange", "black", "grey", "white"), 0.9, whole=True),
    "dog": Kind(dog, ("toy dog", "dog figurine", "puppy"), CERAMIC, ("brown", "beige", "white", "black"), 0.9, whole=True),
    "rabbit": Kind(rabbit, ("bunny", "toy rabbit", "hare"), CERAMIC, ("white", "beige", "brown", "grey"), 0.8, whole=True),
    "pig": Kind(pig, ("toy pig",), CERAMIC, ("pink",), 0.5, whole=True),
    "piggy bank": Kind(piggy_bank, ("money box",), CERAMIC, ("pink",), 0.7, whole=True),
    "penguin": Kind(penguin, ("toy penguin",), CERAMIC, ("black", "navy"), 0.9, whole=True),
    "owl": Kind(owl, ("owl figurine",), CERAMIC, ("brown", "grey"), 0.8, whole=True),
    "fish": Kind(fish, ("goldfish", "toy fish"), CERAMIC, ("orange", "blue"), 0.9, whole=True),
    "turtle": Kind(turtle, ("tortoise",), CERAMIC, ("green",), 0.6, whole=True),
    "elephant": Kind(elephant, ("toy elephant",), CERAMIC, ("grey",), 0.7, whole=True),
    "horse": Kind(horse, ("pony",), CERAMIC, ("brown", "white", "black"), 0.7, whole=True),
    "dinosaur": Kind(dinosaur, ("toy dinosaur", "dino"), CERAMIC, ("green",), 0.7, whole=True, trim=("accent", "with {} spikes")),
    "bird": Kind(bird, ("toy bird", "sparrow"), CERAMIC, ("blue", "red", "yellow"), 0.6, whole=True),
    "snail": Kind(snail, (), CERAMIC, ("brown", "orange"), 0.5, whole=True),
    "bee": Kind(bee, ("bumblebee", "honey bee"), CERAMIC, ("yellow",), 0.4, whole=True),
    "ladybug": Kind(ladybug, ("ladybird",), CERAMIC, ("red",), 0.4, whole=True),
}  # fmt: skip
