import bpy

panel = bpy.context.scene.propsmith
panel.style = "golden"
panel.negative = "matte, rusty"
