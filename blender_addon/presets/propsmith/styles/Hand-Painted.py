import bpy

panel = bpy.context.scene.propsmith
panel.style = "stylized game asset, hand-painted texture"
panel.negative = "photograph, noise, blurry"
