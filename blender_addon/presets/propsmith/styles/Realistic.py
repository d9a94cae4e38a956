import bpy

panel = bpy.context.scene.propsmith
panel.style = "realistic, photograph, detailed materials"
panel.negative = "cartoon, painting, blurry, low quality"
