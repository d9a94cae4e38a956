"""Differentiable rasterisers: tensors in, pictures out; one for each device, one signature."""
