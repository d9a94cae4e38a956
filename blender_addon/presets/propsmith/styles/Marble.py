import bpy

panel = bpy.context.scene.propsmith
panel.style = "marble, shiny"
panel.negative = "rusty, wooden"
