"""The Blender extension as files: `propsmith build-extension`.

In: the sources of `blender_addon` and `shared` beside this package, and pyzmq's wheels.
Out: one zip for each platform, and a static repository that Blender can install from.
"""
