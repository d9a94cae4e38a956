import bpy

panel = bpy.context.scene.propsmith
panel.style = "mossy stone, old"
panel.negative = "shiny, plastic"
