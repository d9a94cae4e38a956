"""Gaussians on the CPU: the numba kernels as two differentiable torch functions.

In and out as `render.gaussians.render_gaussians`, before depths are divided by alpha. The split
into projection and compositing is what lets a caller ask for the gradient on `means2d`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from backend.render import gaussians_cpu_back as back_kernels
from backend.render import gaussians_cpu_composite as composite_kernels
from backend.render import gaussians_cpu_project as project_kernels
from backend.render import gaussians_cpu_tiles as tile_kernels


def splat(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    backgrounds: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Colours (B, H, W, C) over backgrounds (B, C), None for zeros; alphas and sums of depth
    (B, H, W, 1), means2d, radii.

    colors: (N, C), or (B, N, C) where every view has its own.
    """
    if backgrounds is None:
        backgrounds = colors.new_zeros(len(viewmats), colors.shape[-1])
    sets = colors if colors.ndim == 3 else colors[None]
    means2d, roots, depths, sigmas = _Project.apply(
        means.float(), quats.float(), scales.float(), viewmats, Ks, width, height
    )
    tensors = (means2d, roots, depths, sigmas, opacities.float(), sets.float())
    painted, alphas, summed_depths, radii = _Composite.apply(
        *tensors, backgrounds.float(), width, height
    )
    return painted, alphas, summed_depths, means2d, radii


def _numpy(tensor: Tensor):
    return tensor.detach().contiguous().numpy()


def _filled(gradient: Tensor | None, like: Tensor):
    """numpy view of `gradient`, or zeros where nothing flowed back."""
    return _numpy(torch.zeros_like(like) if gradient is None else gradient.to(like.dtype))


def _or_empty(gradient: Tensor | None):
    """numpy view of `gradient` (B, H, W, 1), or an empty array where nothing flowed back."""
    return _numpy(torch.empty(0, 0, 0, 1) if gradient is None else gradient.float())


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, scales, viewmats, Ks, width, height):
        arrays = tuple(_numpy(t.float()) for t in (means, quats, scales, viewmats, Ks))
        means2d, roots, depths, sigmas = project_kernels.project(*arrays, width, height)
        outputs = tuple(torch.from_numpy(a) for a in (means2d, roots, depths, sigmas))
        ctx.arrays, ctx.size = arrays, (width, height)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(outputs[3])
        ctx.save_for_backward(*outputs)
        return outputs

    @staticmethod
    def backward(ctx, v_means2d, v_roots, v_depths, _v_sigmas):
        means2d, roots, depths, sigmas = ctx.saved_tensors
        gradients = project_kernels.project_backward(
            *ctx.arrays,
            *ctx.size,
            _numpy(sigmas),
            _filled(v_means2d, means2d),
            _filled(v_roots, roots),
            _filled(v_depths, depths),
        )
        return (*(torch.from_numpy(g) for g in gradients), None, None, None, None)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means2d, roots, depths, sigmas, opacities, colors, backgrounds, width, height):
        inputs = tuple(_numpy(t) for t in (means2d, roots, depths, opacities, colors))
        behind = _numpy(backgrounds)
        bins = tile_kernels.bin_tiles(
            inputs[0], inputs[2], _numpy(sigmas), inputs[3], width, height
        )
        extents, radii, entries, _, tile_starts, _ = bins
        painted, alphas, summed_depths, last, left = composite_kernels.composite(
            *inputs, behind, extents, entries, tile_starts, width, height
        )
        ctx.inputs, ctx.bins, ctx.state = inputs, bins, (behind, last, left)
        ctx.set_materialize_grads(False)
        outputs = tuple(torch.from_numpy(a) for a in (painted, alphas, summed_depths, radii))
        ctx.mark_non_differentiable(outputs[3])
        ctx.save_for_backward(*outputs[:2])
        return outputs

    @staticmethod
    def backward(ctx, v_painted, v_alphas, v_summed_depths, _v_radii):
        extents, _, entries, slots, tile_starts, gaussian_starts = ctx.bins
        painted, alphas = ctx.saved_tensors
        pixel_gradients = (
            _filled(v_painted, painted),
            _or_empty(v_alphas),
            _or_empty(v_summed_depths),
        )
        per_entry = back_kernels.composite_backward(
            *ctx.inputs, extents, entries, slots, tile_starts, *ctx.state, *pixel_gradients
        )
        _, roots, _, opacities, colors = ctx.inputs
        gradients = back_kernels.gather(per_entry, gaussian_starts, roots, opacities, len(colors))
        v_means2d, v_roots, v_depths, v_opacities, v_colors = map(torch.from_numpy, gradients)
        v_backgrounds = None
        if ctx.needs_input_grad[6]:
            shown = (1 - alphas) * torch.from_numpy(pixel_gradients[0])
            v_backgrounds = shown.sum((1, 2))
        return v_means2d, v_roots, v_depths, None, v_opacities, v_colors, v_backgrounds, None, None
