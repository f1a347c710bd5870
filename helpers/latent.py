"""How does one walk through a latent space?

Draws from N(0, I) in many dimensions have a norm near sqrt(d). A straight line between two of
them passes inside that shell, where the decoder was seldom trained; an arc stays on it.

    lerp(a, b, t)  = (1 - t) a + t b
    slerp(a, b, t) = r(t) * ( sin((1 - t) w) / sin w * a/|a|  +  sin(t w) / sin w * b/|b| )

    symbol    meaning
    t         from 0 (at a) to 1 (at b)
    w         angle between a and b
    r(t)      (1 - t) |a| + t |b|: the norm moves evenly, and stays where both norms agree

Where labels are known, a direction can be named. With a = 1 on the faces with glasses and a = 0
on those without, two arrows lead from the one cloud of codes to the other:

    means         mean of the codes with a = 1  -  mean of the codes with a = 0
    classifier    the normal w of the plane that separates them best, long enough to cross over

Shoemake, SIGGRAPH 1985 (slerp); White, arXiv:1609.04468 (for latent spaces, and for attribute
vectors from means); Shen, Gu, Tang and Zhou, CVPR 2020 (from a linear classifier).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from helpers import runtime


def lerp(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> np.ndarray:
    """Points on the straight line from a to b.

    >>> lerp([0.0, 0.0], [2.0, 4.0], [0.25, 0.5]).tolist()
    [[0.5, 1.0], [1.0, 2.0]]

    Args:
        a: code of shape (latent,), where t is 0.
        b: code of shape (latent,), where t is 1.
        t: number or array of shape (n,), usually in [0, 1].

    Returns:
        Shape (latent,) for a number t, (n, latent) for an array.
    """
    t = np.asarray(t, float)[..., np.newaxis]
    return (1 - t) * np.asarray(a, float) + t * np.asarray(b, float)


def slerp(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> np.ndarray:
    """Points on the arc from a to b, at constant speed (Shoemake 1985).

    The norm moves evenly from |a| to |b|. Parallel codes, or a code of zeros, leave no arc: the
    straight line is taken. Opposite codes leave infinitely many: the arc through the first axis
    that is not along them is taken.

    >>> slerp([2.0, 0.0], [0.0, 2.0], 1 / 3).round(3).tolist()  # 2 cos 30°, 2 sin 30°
    [1.732, 1.0]

    Args:
        a: code of shape (latent,), where t is 0.
        b: code of shape (latent,), where t is 1.
        t: number or array of shape (n,), usually in [0, 1].

    Returns:
        Shape (latent,) for a number t, (n, latent) for an array.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    if length_a == 0 or length_b == 0:
        return lerp(a, b, t)
    start, end = a / length_a, b / length_b
    sideways = end - (end @ start) * start
    if np.linalg.norm(sideways) < 1e-6:
        if end @ start > 0 or len(a) == 1:
            return lerp(a, b, t)
        axis = np.eye(len(a))[np.argmin(np.abs(start))]
        sideways = axis - (axis @ start) * start
    sideways /= np.linalg.norm(sideways)
    angle = np.arccos(np.clip(end @ start, -1, 1))
    t = np.asarray(t, float)[..., np.newaxis]
    radius = (1 - t) * length_a + t * length_b
    return radius * (np.cos(t * angle) * start + np.sin(t * angle) * sideways)


def quantile_grid(side: int) -> np.ndarray:
    """A square grid of 2-D codes that cuts N(0, I) into cells of equal probability.

    >>> quantile_grid(2).round(3).tolist()  # a quarter of N(0, 1) lies below -0.674
    [[-0.674, 0.674], [0.674, 0.674], [-0.674, -0.674], [0.674, -0.674]]

    Args:
        side: codes per side, 1 or more.

    Returns:
        Shape (side * side, 2), row by row from the top left (large second coordinate) to the
        bottom right, so that a tiled picture has the axes of a scatter plot.
    """
    runtime.check_count(side=side)
    quantiles = norm.ppf((np.arange(side) + 0.5) / side)
    across, up = np.meshgrid(quantiles, quantiles[::-1])
    return np.stack([across.ravel(), up.ravel()], axis=1)


def prior_codes(count: int, latent_dim: int, seed: int = 0) -> np.ndarray:
    """Draws from the prior N(0, I), the same for the same seed.

    >>> float(prior_codes(100_000, 1).std().round(2))
    1.0

    Args:
        count: how many codes.
        latent_dim: their width.
        seed: of NumPy's generator.

    Returns:
        float32 of shape (count, latent_dim).
    """
    runtime.check_count(count=count, latent_dim=latent_dim)
    rng = np.random.default_rng(runtime.check_seed(seed))
    return rng.normal(size=(int(count), int(latent_dim))).astype("float32")


def mixture_codes(codes: ArrayLike, count: int, components: int = 50, seed: int = 0) -> np.ndarray:
    """Draws from a mixture of Gaussians fitted to the codes, instead of from the prior.

    The prior only says where codes should lie. A density fitted afterwards says where they do, so
    that draws avoid the holes (Ghosh and others, arXiv:1903.12436; scikit-learn's
    `GaussianMixture`).

    >>> mixture_codes([[4.0], [6.0]] * 50, count=1000, components=1).mean().round().item()
    5.0

    Args:
        codes: posterior means of training images, shape (n, latent), n of `components` or more.
        count: how many draws.
        components: Gaussians in the mixture, each with its own covariance.
        seed: fixes the fit and the draws.

    Returns:
        float32 of shape (count, latent), in random order.
    """
    runtime.check_count(count=count, components=components)
    settings = {"max_iter": 300, "tol": 1e-2, "reg_covar": 1e-3, "random_state": seed}
    mixture = GaussianMixture(components, **settings).fit(np.asarray(codes, float))
    draws, _ = mixture.sample(count)
    return np.random.default_rng(seed).permutation(draws).astype("float32")


DIRECTIONS = ("means", "classifier")


def attribute_direction(codes: ArrayLike, values: ArrayLike, method: str = "means") -> np.ndarray:
    """The step that takes a code from an attribute's lowest value to its highest.

    >>> attribute_direction([[0.0], [1.0], [4.0]], values=[0, 0, 1]).tolist()  # 4 - 0.5
    [3.5]

    Args:
        codes: posterior means, shape (n, latent).
        values: the attribute of each picture, numbers of shape (n,); where it has more than two
            values, only the pictures with the lowest and the highest count.
        method: one of `DIRECTIONS`, see the top of this module.

    Returns:
        Shape (latent,). Added to a code in the middle of the lowest values' cloud, it arrives in
        the middle of the highest values' cloud, along the arrow.

    Raises:
        ValueError: an unknown method, all values equal, not one value per code, or a number that is
            not finite.
    """
    codes, values = np.asarray(codes, float), np.asarray(values)
    if method not in DIRECTIONS:
        raise ValueError(f"method is {method!r}: use one of {', '.join(DIRECTIONS)}.")
    if len(values) != len(codes) or len(np.unique(values)) < 2:
        counts = f"{len(codes)} codes and {len(values)} values, {len(np.unique(values))} different"
        raise ValueError(f"There are {counts}: give one value per code and two or more values.")
    if not (np.isfinite(codes).all() and np.isfinite(values).all()):
        raise ValueError("Some codes or values are not finite: look for what is NaN or infinite.")
    low, high = values == values.min(), values == values.max()
    step = codes[high].mean(axis=0) - codes[low].mean(axis=0)
    if method == "means":
        return step
    ends = low | high
    normal = LogisticRegression(max_iter=1000).fit(codes[ends], high[ends]).coef_[0]
    return normal * (step @ normal) / (normal @ normal)


def matched_directions(
    codes: ArrayLike, values: ArrayLike, groups: ArrayLike, wanted: ArrayLike
) -> np.ndarray:
    """One arrow per face, each found among faces that are alike in something else.

    A single arrow is a mean over all faces. Where the attribute looks different on different faces,
    a beard dark on one skin and pale on another, what differs cancels in that mean.

    >>> codes, beards, skins = [[0.0], [1.0], [0.0], [-1.0]], [0, 1, 0, 1], [0, 0, 1, 1]
    >>> matched_directions(codes, beards, skins, wanted=[0, 1]).tolist()
    [[1.0], [-1.0]]

    Args:
        codes: posterior means, shape (n, latent).
        values: the attribute of each picture, numbers of shape (n,).
        groups: which pictures are alike, one number each, shape (n,).
        wanted: the group of each face that wants an arrow, shape (m,).

    Returns:
        Shape (m, latent), from :func:`attribute_direction` within the group, by means; from all
        faces where the group lacks the attribute's lowest or highest value.
    """
    codes, values, groups = np.asarray(codes), np.asarray(values), np.asarray(groups)
    arrows, ends = {}, {values.min(), values.max()}
    for group in np.unique(wanted):
        here = groups == group
        if not ends <= set(values[here]):
            here = np.full(len(codes), True)
        arrows[group] = attribute_direction(codes[here], values[here])
    return np.array([arrows[group] for group in np.asarray(wanted)])
