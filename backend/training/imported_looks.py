"""What an imported model's materials look like: names and Phong terms -> colour and PBR terms.

The catalogues have no PBR maps. Rules, first match first: what a material's name says it is made
of; else Blinn-Phong's exponent Ns turned into a roughness, (2 / (Ns + 2))^(1/4) (Walter et al.
2007: alpha = sqrt(2 / (Ns + 2)); roughness = sqrt(alpha)), dull where Ks is almost black. Glass is
drawn opaque, in the pale blue that it has before a sky.
"""

from __future__ import annotations

import colorsys
import re

import numpy as np

from backend.training.wavefront import Material

# word for captions -> (what names contain, roughness, metallic)
NAMED: dict[str, tuple[str, float, float]] = {
    "golden": (r"\bgold", 0.25, 1.0),
    "copper": (r"copper|bronze", 0.3, 1.0),
    "silver": (r"silver", 0.22, 1.0),
    "plastic": (r"plast(?!er)", 0.4, 0.0),
    "metal": (
        r"metal|chrom|cromo|steel|inox|acier|alum|iron|brass|nickel|stainless|mirror|\bzinc",
        0.3, 1.0,
    ),
    "glass": (r"glass|vidr|verre|crist|window|\bwater|lens", 0.06, 0.0),
    "wooden": (
        r"wood|madera|fusta|pine|oak|walnut|wenge|teak|cherry|birch|rattan|bamboo|bois|parquet|bark"
        r"|trunk|plank", 0.65, 0.0,
    ),
    "leather": (r"leather|cuir|\bpell", 0.5, 0.0),
    "fabric": (
        r"fabric|cloth|textil|cushion|coixi|mattress|matress|pillow|towel|carpet|velvet|cotton"
        r"|burlap|blanket|sobrecol|curtain|wool|jean|shirt|couch|sofa", 0.92, 0.0,
    ),
    "ceramic": (r"ceram|porcel|enamel|crockery|tile|pottery", 0.15, 0.0),
    "stone": (r"stone|rock|concrete|brick|granite|marble|cement|plaster", 0.85, 0.0),
    "rubber": (r"rubber|tire|tyre|pneu", 0.85, 0.0),
    "plant": (r"leaf|leaves|plant|grass|hedge|petal|stem|flower|foliage", 0.75, 0.0),
    "paper": (r"paper|cardboard|carton|book", 0.85, 0.0),
    "skin": (r"skin|(?<!c)hair|fur\b", 0.7, 0.0),
}  # fmt: skip
PAINTED = re.compile(r"paint|lacquer|black|white|(?<!tu)(?<!ve)red|blue|green|yellow|orange|blanc")
GLASS = np.array([0.70, 0.80, 0.85])
NEUTRAL_METAL = np.array([0.60, 0.61, 0.63])
SAID = ("golden", "copper", "silver", "metal", "wooden", "leather", "fabric", "ceramic", "stone",
        "plastic")  # fmt: skip


def kind_of_material(material: Material) -> str:
    """The key of NAMED that a material's name says; "" where it says none."""
    name = re.sub(r"[_\-.0-9]+", " ", material.name.lower())
    found = [word for word, (pattern, _, _) in NAMED.items() if re.search(pattern, name)]
    if found and found[0] in ("metal", "silver") and PAINTED.search(name):
        return "painted"
    return found[0] if found else ""


def surface_terms(material: Material) -> tuple[float, float]:
    """Roughness and metallic of a material."""
    said = kind_of_material(material)
    if said == "painted":
        return 0.4, 0.0
    if said:
        return NAMED[said][1:]
    if material.opacity < 0.6:
        return NAMED["glass"][1:]
    if max(material.specular) < 0.05 or material.shininess <= 0:
        return 0.85, 0.0
    return float(np.clip((2 / (material.shininess + 2)) ** 0.25, 0.15, 0.9)), 0.0


def plain_colour(material: Material) -> np.ndarray:
    """The sRGB colour (3,) of a material without a texture."""
    colour = np.clip(np.array(material.colour), 0.02, 0.97)
    metallic = surface_terms(material)[1]
    if metallic and colour.mean() < 0.3:  # exporters leave Kd of metals black and put all in Ks
        specular = np.clip(np.array(material.specular), 0, 0.95)
        colour = specular if specular.mean() > 0.4 else NEUTRAL_METAL
    if material.opacity < 1:
        colour = colour * material.opacity + GLASS * (1 - material.opacity)
    return colour


def colour_word(rgb) -> str | None:
    """The colour word that surely fits an sRGB colour; None between two words."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(c) for c in rgb))
    hue *= 360
    if value < 0.17:
        return "black"
    if saturation < 0.1:
        return "white" if value > 0.82 else "grey" if 0.33 < value < 0.68 else None
    if 12 < hue < 40 and saturation > 0.35 and 0.2 < value < 0.58:
        return "brown"
    if saturation < 0.45 or value < 0.3:
        return "pink" if 325 < hue < 356 and saturation > 0.25 and value > 0.75 else None
    ranges = {
        "red": (352, 368), "orange": (20, 36), "yellow": (44, 60), "green": (85, 150),
        "teal": (168, 188), "blue": (205, 245), "purple": (265, 295), "pink": (322, 346),
    }  # fmt: skip
    for word, (low, high) in ranges.items():
        if low <= hue <= high or low <= hue + 360 <= high:
            return None if word == "orange" and value < 0.75 else word
    return None
