"""Guidance: a prior predicts what an image should be; a distillation makes a gradient of it.

It sees images and cameras, never Gaussians or meshes.
"""
