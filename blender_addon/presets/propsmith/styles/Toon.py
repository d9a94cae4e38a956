import bpy

panel = bpy.context.scene.propsmith
panel.style = "cartoon, cel shaded, flat colors"
panel.negative = "photograph, noise, dirt, gradient"
