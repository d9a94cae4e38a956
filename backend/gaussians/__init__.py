"""3D Gaussians under score distillation, and the density and colour fields they stand for."""
