"""Structure in the residual: how much of what changed at edges is anatomy, not noise.

A blur takes away the Laplacian of the image, sharpening adds it, a shift adds its gradient; noise
has nothing in common with either. So the change at the strongest edges is fitted by the Laplacian
and the two derivatives of the slightly smoothed source, and what the fit explains is told in noise
levels. Whatever changes no pixel by more than noise stays below one noise level, however it works.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_STRONGEST = 0.01
_FEWEST_CELLS = 200
_REACH_PIXELS = 3


def _kernels() -> Floats:
    """Laplacian and derivatives of a binomial smoothing of variance 1 pixel, (3, 7, 7)."""
    binomial = np.array([1, 4, 6, 4, 1]) / 16
    smooth = np.convolve(binomial, [0, 1, 0])
    slope = np.convolve(binomial, [-1, 0, 1])
    bend = np.convolve(binomial, [1, -2, 1])
    kernels = [
        np.outer(bend, smooth) + np.outer(smooth, bend),
        np.outer(slope, smooth),
        np.outer(smooth, slope),
    ]
    return np.array(kernels, np.float32)


_KERNELS = _kernels()


def structured_change(
    centred: Floats,
    change: Floats,
    valid: Bools,
    mean: NDArray[np.floating],
    usable: Bools,
    step: tuple[int, ...],
) -> float | None:
    """RMS of the part of ``change`` that the source's own edges explain, in the unit of both.

    Args:
        centred: the source less its mean, 0 at padding, (rows, columns).
        change: restored less source, of the same shape.
        valid: False at padding.
        mean: block means of ``centred`` over ``step`` pixels; tells where edges are.
        usable: which blocks count, of the same shape.
        step: rows and columns of a block.

    Returns:
        ``None`` where the slice is too small or too little besides padding to have edges.
    """
    down = mean[2:, 1:-1] - mean[:-2, 1:-1]
    right = mean[1:-1, 2:] - mean[1:-1, :-2]
    slope = (down * down + right * right) * usable[1:-1, 1:-1]
    count = min(max(int(_STRONGEST * slope.size), _FEWEST_CELLS), slope.size)
    least = np.partition(slope, slope.size - count, axis=None)[slope.size - count]
    cells = np.argwhere((slope >= least) & (slope > 0)) + 1
    inside = np.indices(step).reshape(2, -1).T
    pixels = (cells[:, None] * step + inside).reshape(-1, 2)
    far = (pixels >= _REACH_PIXELS) & (pixels < np.array(centred.shape) - _REACH_PIXELS)
    pixels = pixels[far.all(axis=1)]
    corner = tuple((pixels - _REACH_PIXELS).T)
    window = _KERNELS.shape[1:]
    if not valid.all():
        clear = sliding_window_view(valid, window)[corner].all(axis=(1, 2))
        pixels, corner = pixels[clear], tuple(axis[clear] for axis in corner)
    if len(pixels) < _FEWEST_CELLS // 4:
        return None
    around = sliding_window_view(centred, window)[corner]
    explains = np.einsum("nij,kij->nk", around, _KERNELS, dtype=np.float64)
    found = change[tuple(pixels.T)].astype(np.float64)
    # Normal equations: three by three, where a solver of thousands of rows would start threads.
    gram = np.einsum("nk,nl->kl", explains, explains)
    factors, *_ = np.linalg.lstsq(gram, np.einsum("nk,n->k", explains, found), rcond=None)
    explained = np.einsum("nk,k->n", explains, factors)
    return float(np.sqrt(np.mean(explained * explained)))
