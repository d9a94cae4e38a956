import bpy

panel = bpy.context.scene.propsmith
panel.style = "wooden"
panel.negative = "metal, plastic"
