import bpy

panel = bpy.context.scene.propsmith
panel.style = "rusty metal"
panel.negative = "clean, new"
