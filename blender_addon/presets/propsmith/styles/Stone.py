import bpy

panel = bpy.context.scene.propsmith
panel.style = "stone"
panel.negative = "metal, plastic, glossy"
