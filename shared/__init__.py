"""What the backend and the Blender add-on agree on."""
