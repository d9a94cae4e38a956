import bpy

panel = bpy.context.scene.propsmith
panel.style = "sculpted in clay, matte, plain"
panel.negative = "shiny, metal, glossy, text"
