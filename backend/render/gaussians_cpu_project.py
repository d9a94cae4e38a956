"""Projection of 3D Gaussians and its gradient: numba kernels, parallel over Gaussians.

In: means, quats, scales, cameras. Out: pixel means, roots of the inverse 2D covariances, depths and
pixel standard deviations along x and y. A root is (p, q, r): at (dx, dy) pixels from the mean, the
Gaussian is exp(-(p dx + q dy)^2 - (r dy)^2), so half the inverse covariance is P^T P with
P = [[p, q], [0, r]]. EWA splatting (Zwicker et al. 2001, eq. 24-31) in the form of Kerbl et al.
2023, section 4: cov2d = J W S W^T J^T + 0.3 I, the point that J is taken at being held within 1.3
times the field of view. Arithmetic and roots are in float64, since long thin Gaussians lose
everything in float32's determinant. Each Gaussian sums its own views in order, so the result does
not depend on the threads.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

# Compiled in as constants: numba's cache would not notice values taken from elsewhere.
NEAR = 0.01
DILATION = 0.3
MARGIN = 0.3  # of half the field of view, beyond its edge


@helper
@no_type_check
def _axes(quats, n):
    """Rotation matrix (3, 3) of quaternion n, its unit quaternion and its length."""
    w, x, y, z = (
        np.float64(quats[n, 0]),
        np.float64(quats[n, 1]),
        np.float64(quats[n, 2]),
        np.float64(quats[n, 3]),
    )
    length = max(np.sqrt(w * w + x * x + y * y + z * z), 1e-12)
    w, x, y, z = w / length, x / length, y / length, z / length
    R = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return R, (w, x, y, z), length


@helper
@no_type_check
def _to_camera(means, n, view):
    """Camera-space point of mean n."""
    x, y, z = np.float64(means[n, 0]), np.float64(means[n, 1]), np.float64(means[n, 2])
    return (
        view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3],
        view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3],
        view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3],
    )


@helper
@no_type_check
def _held(slope, focal, centre, size):
    """x / z or y / z held near the picture, and whether it had to be."""
    margin = MARGIN * 0.5 * size / focal
    held = min((size - centre) / focal + margin, max(-centre / focal - margin, slope))
    return held, held != slope


@helper
@no_type_check
def _screen_axes(view, fx, fy, u, v, z, R, scales, n):
    """U = J W R S, row by row (2 x 3): cov2d = U U^T. Also A = J W."""
    A0 = (
        fx / z * (view[0, 0] - u * view[2, 0]),
        fx / z * (view[0, 1] - u * view[2, 1]),
        fx / z * (view[0, 2] - u * view[2, 2]),
    )
    A1 = (
        fy / z * (view[1, 0] - v * view[2, 0]),
        fy / z * (view[1, 1] - v * view[2, 1]),
        fy / z * (view[1, 2] - v * view[2, 2]),
    )
    s0, s1, s2 = np.float64(scales[n, 0]), np.float64(scales[n, 1]), np.float64(scales[n, 2])
    U0 = (
        (A0[0] * R[0][0] + A0[1] * R[1][0] + A0[2] * R[2][0]) * s0,
        (A0[0] * R[0][1] + A0[1] * R[1][1] + A0[2] * R[2][1]) * s1,
        (A0[0] * R[0][2] + A0[1] * R[1][2] + A0[2] * R[2][2]) * s2,
    )
    U1 = (
        (A1[0] * R[0][0] + A1[1] * R[1][0] + A1[2] * R[2][0]) * s0,
        (A1[0] * R[0][1] + A1[1] * R[1][1] + A1[2] * R[2][1]) * s1,
        (A1[0] * R[0][2] + A1[1] * R[1][2] + A1[2] * R[2][2]) * s2,
    )
    return A0, A1, U0, U1


@helper
@no_type_check
def _root(U0, U1):
    """(p, q, r) of U U^T + dilation, and the two variances."""
    xx = U0[0] * U0[0] + U0[1] * U0[1] + U0[2] * U0[2] + DILATION
    xy = U0[0] * U1[0] + U0[1] * U1[1] + U0[2] * U1[2]
    yy = U1[0] * U1[0] + U1[1] * U1[1] + U1[2] * U1[2] + DILATION
    # (xx yy - xy^2) / yy, the variance along x where y is known, is no less than the dilation.
    p = np.sqrt(0.5 * yy / (xx * yy - xy * xy))
    return p, -p * xy / yy, np.sqrt(0.5 / yy), xx, yy


def project(means, quats, scales, viewmats, Ks, width, height):
    """means2d (B, N, 2), roots (B, N, 3), depths (B, N), sigmas (B, N, 2); zeros if culled."""
    views, count = viewmats.shape[0], means.shape[0]
    means2d = np.zeros((views, count, 2), np.float32)
    roots = np.zeros((views, count, 3), np.float64)
    depths = np.zeros((views, count), np.float32)
    sigmas = np.zeros((views, count, 2), np.float32)
    arguments = (means, quats, scales, viewmats, Ks, width, height)
    outputs = (means2d, roots, depths, sigmas)
    in_parallel(_project, count, *arguments, *outputs, in_turn=False)
    return outputs


@kernel
@no_type_check
def _project(
    first, end, step, means, quats, scales, viewmats, Ks, width, height,
    means2d, roots, depths, sigmas,
):  # fmt: skip
    views = viewmats.shape[0]
    for n in range(first, end, step):
        R, _, _ = _axes(quats, n)
        for b in range(views):
            view, K = viewmats[b], Ks[b]
            x, y, z = _to_camera(means, n, view)
            if not (z > NEAR and z < 1e10):  # so that NaN is culled too
                continue
            fx, fy = np.float64(K[0, 0]), np.float64(K[1, 1])
            cx, cy = np.float64(K[0, 2]), np.float64(K[1, 2])
            u, _ = _held(x / z, fx, cx, width)
            v, _ = _held(y / z, fy, cy, height)
            _, _, U0, U1 = _screen_axes(view, fx, fy, u, v, z, R, scales, n)
            p, q, r, xx, yy = _root(U0, U1)
            if not (0 < p < np.inf and xx < 1e30 and yy < 1e30):
                continue
            means2d[b, n, 0], means2d[b, n, 1] = fx * x / z + cx, fy * y / z + cy
            roots[b, n, 0], roots[b, n, 1], roots[b, n, 2] = p, q, r
            depths[b, n] = z
            sigmas[b, n, 0], sigmas[b, n, 1] = np.sqrt(xx), np.sqrt(yy)


@helper
@no_type_check
def _covariance_gradient(root, v_root):
    """Gradient (xx, xy, yy) on the symmetric 2D covariance: 2 P^T M P, where M holds the moments
    of the whitened offsets that v_root was made of (gaussians_cpu_back.gather)."""
    p, q, r = root
    tt, st = -0.5 * r * v_root[2], -0.5 * r * v_root[1]
    ss = -0.5 * p * v_root[0] + q / r * st
    return (
        2 * p * p * ss,
        2 * p * (q * ss + r * st),
        2 * (q * q * ss + 2 * q * r * st + r * r * tt),
    )


@helper
@no_type_check
def _quaternion_gradient(G, unit, length):
    """Gradient on the raw quaternion from G (3, 3), the one on its rotation matrix."""
    w, x, y, z = unit
    vw = 2 * (-z * G[0, 1] + y * G[0, 2] + z * G[1, 0] - x * G[1, 2] - y * G[2, 0] + x * G[2, 1])
    vx = 2 * (y * (G[0, 1] + G[1, 0]) + z * (G[0, 2] + G[2, 0]) + w * (G[2, 1] - G[1, 2]))
    vx -= 4 * x * (G[1, 1] + G[2, 2])
    vy = 2 * (x * (G[0, 1] + G[1, 0]) + z * (G[1, 2] + G[2, 1]) + w * (G[0, 2] - G[2, 0]))
    vy -= 4 * y * (G[0, 0] + G[2, 2])
    vz = 2 * (x * (G[0, 2] + G[2, 0]) + y * (G[1, 2] + G[2, 1]) + w * (G[1, 0] - G[0, 1]))
    vz -= 4 * z * (G[0, 0] + G[1, 1])
    along = w * vw + x * vx + y * vy + z * vz
    return (
        (vw - w * along) / length,
        (vx - x * along) / length,
        (vy - y * along) / length,
        (vz - z * along) / length,
    )


@helper
@no_type_check
def _point_gradient(view, A, fx, fy, point, held, v_A, v_mean, v_depth, v_world):
    """Adds one view's gradient on the camera-space point, turned to the world, to `v_world`."""
    A0, A1 = A
    x, y, z = point
    u_held, v_held = held
    # A0 = fx / z (W0 - u W2) with u = x / z: d/du, and d/dz at fixed u.
    v_u, v_v, v_scale = 0.0, 0.0, 0.0
    for k in range(3):
        v_u -= fx / z * v_A[0, k] * view[2, k]
        v_v -= fy / z * v_A[1, k] * view[2, k]
        v_scale += v_A[0, k] * A0[k] + v_A[1, k] * A1[k]
    # Where a slope is held it no longer depends on the point.
    v_x = 0.0 if u_held else v_u / z
    v_y = 0.0 if v_held else v_v / z
    v_z = -v_scale / z + v_depth - v_x * x / z - v_y * y / z
    v_x += fx / z * v_mean[0]
    v_y += fy / z * v_mean[1]
    v_z -= (fx * x * v_mean[0] + fy * y * v_mean[1]) / (z * z)
    for k in range(3):
        v_world[k] += view[0, k] * v_x + view[1, k] * v_y + view[2, k] * v_z


def project_backward(
    means, quats, scales, viewmats, Ks, width, height, sigmas, v_means2d, v_roots, v_depths
):
    """Gradients on means (N, 3), quats (N, 4) and scales (N, 3)."""
    count = means.shape[0]
    outputs = tuple(np.zeros((count, size), np.float32) for size in (3, 4, 3))
    arguments = (means, quats, scales, viewmats, Ks, width, height)
    gradients = (sigmas, v_means2d, v_roots, v_depths)
    in_parallel(_project_backward, count, *arguments, *gradients, *outputs, in_turn=False)
    return outputs


@kernel
@no_type_check
def _project_backward(
    first, end, step, means, quats, scales, viewmats, Ks, width, height,
    sigmas, v_means2d, v_roots, v_depths, v_means, v_quats, v_scales,
):  # fmt: skip
    views = viewmats.shape[0]
    v_world, v_M, v_A = np.empty(3), np.empty((3, 3)), np.empty((2, 3))
    for n in range(first, end, step):
        R, unit, length = _axes(quats, n)
        for i in range(3):
            v_world[i], v_A[0, i], v_A[1, i] = 0.0, 0.0, 0.0
            for j in range(3):
                v_M[i, j] = 0.0  # M = R S
        for b in range(views):
            if sigmas[b, n, 0] == 0:
                continue
            view, K = viewmats[b], Ks[b]
            x, y, z = _to_camera(means, n, view)
            fx, fy = np.float64(K[0, 0]), np.float64(K[1, 1])
            u, u_held = _held(x / z, fx, np.float64(K[0, 2]), width)
            v, v_held = _held(y / z, fy, np.float64(K[1, 2]), height)
            A0, A1, U0, U1 = _screen_axes(view, fx, fy, u, v, z, R, scales, n)
            p, q, r, _, _ = _root(U0, U1)
            g00, g01, g11 = _covariance_gradient((p, q, r), v_roots[b, n])
            for i in range(3):
                v_A[0, i], v_A[1, i] = 0.0, 0.0
            for j in range(3):
                v_U0 = 2 * (g00 * U0[j] + g01 * U1[j])
                v_U1 = 2 * (g01 * U0[j] + g11 * U1[j])
                for i in range(3):
                    v_M[i, j] += A0[i] * v_U0 + A1[i] * v_U1
                    v_A[0, i] += v_U0 * R[i][j] * scales[n, j]
                    v_A[1, i] += v_U1 * R[i][j] * scales[n, j]
            _point_gradient(
                view,
                (A0, A1),
                fx,
                fy,
                (x, y, z),
                (u_held, v_held),
                v_A,
                v_means2d[b, n],
                v_depths[b, n],
                v_world,
            )
        for j in range(3):
            v_means[n, j] = v_world[j]
            v_scales[n, j] = v_M[0, j] * R[0][j] + v_M[1, j] * R[1][j] + v_M[2, j] * R[2][j]
            for i in range(3):
                v_M[i, j] *= scales[n, j]
        vw, vx, vy, vz = _quaternion_gradient(v_M, unit, length)
        v_quats[n, 0], v_quats[n, 1], v_quats[n, 2], v_quats[n, 3] = vw, vx, vy, vz
