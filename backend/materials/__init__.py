"""Albedo, roughness and metallic: shading, lights, the field that is optimised, baking."""
