import bpy

panel = bpy.context.scene.propsmith
panel.style = ""
panel.negative = ""
