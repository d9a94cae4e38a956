import bpy

panel = bpy.context.scene.propsmith
panel.style = "low poly, simple shapes, flat colors"
panel.negative = "noise, detailed, photograph"
panel.faces = 1500
panel.texture_size = "512"
