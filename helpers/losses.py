"""Every formula of the course, once.

A variational autoencoder minimises the negative evidence lower bound, in nats per image:

    loss = -log p(x | z)  +  beta * KL( q(z | x) || N(0, I) )
           reconstruction           regularisation

    KL = 1/2 * sum_j ( z_mean_j^2 + exp(z_log_var_j) - 1 - z_log_var_j )

    symbol               shape                meaning
    x                    (batch, h, w, c)     images in [0, 1]
    logits               (batch, h, w, c)     decoder's output before the logistic function
    z_mean, z_log_var    (batch, latent)      the encoder's q(z | x), mean and log-variance

The reconstruction of colour images is Gaussian, with one standard deviation s for all values:

    -log p(x | z) = sum over values of  (x - mean)^2 / (2 s^2) + log s + 1/2 log 2 pi

The s that minimises the sum is the root mean squared error (Rybkin, Daniilidis and Levine,
arXiv:2006.13202), 0.2 between faces in lab 08; half the squared error would be s = 1.

Both terms are **summed** over pixels or latent dimensions and **averaged** over the batch. The
mean over dimensions instead of the sum would divide beta by the number of dimensions, unseen.

Style transfer changes a picture until a frozen network sees the content of one picture and the
style of another:

    loss = content_weight   * mean( (F - F_content)^2 )            features of one deep layer
         + style_weight     * mean_l mean( (G_l - G_style_l)^2 )   Gram matrices of several layers
         + variation_weight * mean( |horizontal steps| + |vertical steps| )

    G = F^T F / positions

    symbol               shape                meaning
    F                    (batch, h, w, c)     a layer's activations, h * w positions
    G                    (batch, c, c)        which channels fire together, wherever that is

Every term is a **mean**, so the balance between them stays when the picture grows.

Two networks in a game: the generator G draws pictures from noise, the discriminator D says how real
a picture looks, as a number without bounds, the logit; softplus(a) = log(1 + exp(a)):

    objective         D minimises                                G minimises
    minimax           softplus(-D(x)) + softplus(D(G(z)))        -softplus(D(G(z)))
    non_saturating    the same                                   softplus(-D(G(z)))
    least_squares     (D(x) - 1)^2 / 2 + D(G(z))^2 / 2           (D(G(z)) - 1)^2 / 2
    hinge             max(0, 1 - D(x)) + max(0, 1 + D(G(z)))     -D(G(z))
    wasserstein       D(G(z)) - D(x)                             -D(G(z))

With D's probability p = 1 / (1 + exp(-D)) the first two rows are -log p(x) - log(1 - p(G(z))), and
log(1 - p(G(z))) against -log p(G(z)). :mod:`helpers.penalties` adds a penalty on the slope of D.

Every loss takes tensors, arrays or lists of any type and computes in float32 or wider: float16
cannot hold a sum over pixels.

Kingma and Welling, arXiv:1312.6114 (the bound; the KL is their appendix B); Higgins and others,
ICLR 2017 (beta); Gatys, Ecker and Bethge, arXiv:1508.06576 and CVPR 2016 (style transfer);
Goodfellow and others, arXiv:1406.2661 (minimax, non-saturating); Mao and others, arXiv:1611.04076
(least squares); Lim and Ye, arXiv:1705.02894 (hinge); Arjovsky and others, arXiv:1701.07875
(Wasserstein).
"""

import math
from collections.abc import Sequence

import tensorflow as tf
from keras import ops
from scipy.special import entr

from helpers.penalties import PENALTIES, as_tensors, gradient_penalty, penalty_points, slope

OBJECTIVES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")


def bernoulli_per_image(x: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of each image under independent Bernoulli pixels, in nats, shape (batch,).

    For grey levels between 0 and 1 it is the mean of -log p over images binarised at random with
    those levels as chances: its floor is their entropy, 45.5 nats on the MNIST test images, not 0.

    >>> round(float(bernoulli_per_image([[[[1.0, 0.0]]]], [[[[0.0, 0.0]]]])[0]), 4)  # 2 log 2
    1.3863

    Args:
        x: images in [0, 1], shape (batch, height, width, channels).
        logits: log-odds of a white pixel, same shape or one that broadcasts to it.
    """
    x, logits = as_tensors(x, logits)
    per_pixel = ops.binary_crossentropy(x, logits + ops.zeros_like(x), from_logits=True)
    return ops.sum(per_pixel, axis=(-3, -2, -1))


def bernoulli_nats(x: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean over the batch of :func:`bernoulli_per_image`; a scalar in nats per image."""
    return ops.mean(bernoulli_per_image(x, logits))


def gaussian_per_image(x: tf.Tensor, mean: tf.Tensor, log_std: float | tf.Tensor) -> tf.Tensor:
    """Negative log-density of each image under independent Gaussian values, in nats.

    A density, not a probability: where the standard deviation is small it goes below 0.

    >>> round(float(gaussian_per_image([[[[1.0]]]], [[[[0.0]]]], 0.0)[0]), 4)  # 1/2 + 1/2 log 2 pi
    1.4189

    Args:
        x: images in [0, 1], shape (batch, height, width, channels).
        mean: the decoder's picture, same shape.
        log_std: logarithm of the observation noise, a scalar or of a shape that broadcasts.

    Returns:
        Shape (batch,), in nats, summed over values (Rybkin and others, arXiv:2006.13202).
    """
    x, mean, log_std = as_tensors(x, mean, log_std)
    scaled = (x - mean) * ops.exp(-log_std)
    per_value = 0.5 * ops.square(scaled) + log_std + 0.5 * math.log(2 * math.pi)
    return ops.sum(per_value, axis=(-3, -2, -1))


def kl_terms(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tf.Tensor:
    """KL divergence of each posterior from N(0, 1), in nats: one number per image and dimension.

    >>> kl_terms([1.0, 2.0], [0.0, 0.0]).numpy().tolist()  # half the squares
    [0.5, 2.0]

    Args:
        z_mean: mean of q(z | x), shape (batch, latent).
        z_log_var: log-variance of q(z | x), same shape; from 89 on the KL is infinite in float32.
    """
    z_mean, z_log_var = as_tensors(z_mean, z_log_var)
    return 0.5 * (ops.square(z_mean) + ops.exp(z_log_var) - 1.0 - z_log_var)


def weigh(values: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """Values of shape (batch, ...) times one weight for each image; None changes nothing."""
    if weights is None:
        return values
    rows = ops.reshape(weights, (-1, *[1] * (len(values.shape) - 1)))
    return values * ops.cast(rows, values.dtype)


def kl_divergence(
    z_mean: tf.Tensor, z_log_var: tf.Tensor, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """KL divergence from the posterior to N(0, I): summed over dimensions, mean over the batch.

    Arguments as for :func:`kl_terms` and :func:`weigh`; a scalar in nats per image.

    >>> float(kl_divergence([[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]))  # (2.5 + 0) / 2
    1.25
    """
    return ops.mean(weigh(ops.sum(kl_terms(z_mean, z_log_var), axis=-1), weights))


def free_bits_kl(
    z_mean: tf.Tensor, z_log_var: tf.Tensor, floor: float, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """KL divergence in which each dimension has some nats for free, so that none is given up.

    A dimension whose mean KL over the batch is below the floor counts as the floor and feels no
    pull towards the prior.

    >>> float(free_bits_kl([[1.0, 4.0]], [[0.0, 0.0]], floor=2.0))  # 2 for 0.5, and 8
    10.0

    Args:
        z_mean: mean of q(z | x), shape (batch, latent).
        z_log_var: log-variance of q(z | x), same shape.
        floor: nats per dimension, 0 or more; 0 gives :func:`kl_divergence`.
        weights: how much each image counts, shape (batch,); None counts all alike.

    Returns:
        A scalar in nats per image (Kingma and others, arXiv:1606.04934, appendix C.8).
    """
    terms = weigh(kl_terms(z_mean, z_log_var), weights)
    return ops.sum(ops.maximum(ops.mean(terms, axis=0), floor))


def gram_matrix(features: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """How strongly each pair of channels fires together, averaged over the picture.

    >>> gram_matrix([[[[1.0, 0.0], [1.0, 2.0]]]]).numpy().tolist()  # two positions, two channels
    [[[1.0, 1.0], [1.0, 2.0]]]

    Args:
        features: activations of a layer, shape (batch, height, width, channels).
        weights: how much each position counts, 0 or more, shape (batch, height, width, 1); None
            counts all alike.

    Returns:
        Shape (batch, channels, channels), symmetric: the mean over positions of the product of two
        channels. Gatys and others (arXiv:1508.06576, equation 3) take the sum and divide later.
    """
    (features,) = as_tensors(features)
    weights = ops.ones_like(features[..., :1]) if weights is None else weights
    features, weights = as_tensors(features, weights)
    weighted = features * weights / ops.sum(weights, axis=(1, 2), keepdims=True)
    return ops.einsum("bhwc,bhwd->bcd", weighted, features)


def content_loss(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of two pictures' activations at one layer, a scalar.

    >>> float(content_loss([[[[1.0, 2.0]]]], [[[[1.0, 4.0]]]]))  # (0 + 2^2) / 2
    2.0

    Args:
        features: shape (batch, height, width, channels).
        target: the content picture's, same shape.
    """
    features, target = as_tensors(features, target)
    return ops.mean(ops.square(features - target))


def style_loss(
    grams: Sequence[tf.Tensor], targets: Sequence[tf.Tensor], weights: Sequence[float]
) -> tf.Tensor:
    """Weighted mean over layers of the mean squared difference of Gram matrices, a scalar.

    >>> float(style_loss([[[[2.0]]], [[[3.0]]]], [[[[0.0]]], [[[0.0]]]], [3, 1]))  # (3*4 + 9) / 4
    5.25

    Args:
        grams: one matrix per layer, each of shape (batch, channels, channels).
        targets: the style picture's, in the same order.
        weights: one number per layer, 0 or more and not all 0; only their ratios matter.
    """
    pairs = zip(grams, targets, weights, strict=True)
    return sum(weight * content_loss(gram, target) for gram, target, weight in pairs) / sum(weights)


def total_variation(images: tf.Tensor) -> tf.Tensor:
    """Mean absolute step between neighbouring pixels, horizontal plus vertical, a scalar.

    Rudin, Osher and Fatemi (Physica D 60, 1992) penalise it to remove noise and keep edges.

    >>> float(total_variation([[[[0.0], [1.0]], [[0.0], [1.0]]]]))  # two steps of 1, four pixels
    0.5

    Args:
        images: shape (batch, height, width, channels).
    """
    (images,) = as_tensors(images)
    return ops.sum(tf.image.total_variation(images)) / ops.cast(ops.size(images), images.dtype)


def check_game(objective: str, penalty: str = "none") -> None:
    """Refuse an unknown objective or penalty with a ValueError that lists those that there are."""
    pairs = (("objective", objective, OBJECTIVES), ("penalty", penalty, PENALTIES))
    for name, value, known in pairs:
        if value not in known:
            raise ValueError(f"{name} is {value!r}: use one of {', '.join(known)}.")


def label_loss(logits: tf.Tensor, label: float | tf.Tensor) -> tf.Tensor:
    """Cross-entropy of D's logits with a label, a scalar in nats.

    >>> round(float(label_loss([[0.0]], 1.0)), 4)  # -log 1/2
    0.6931

    Args:
        logits: D's output, any shape.
        label: 1 for real, 0 for fake, or between (Salimans and others, arXiv:1606.03498, section
            3.4); a number or a tensor of the logits' shape.
    """
    logits, label = as_tensors(logits, label)
    labels = label + ops.zeros_like(logits)
    return ops.mean(ops.binary_crossentropy(labels, logits, from_logits=True))


def discriminator_loss(
    objective: str,
    real_logits: tf.Tensor,
    fake_logits: tf.Tensor,
    real_label: float | tf.Tensor = 1.0,
    fake_label: float | tf.Tensor = 0.0,
) -> tf.Tensor:
    """What D minimises, without a penalty, a scalar.

    >>> float(discriminator_loss("hinge", [[0.5]], [[-3.0]]))  # 1 - 0.5 for real, 0 for fake
    0.5

    Args:
        objective: one of `OBJECTIVES`, see the top of this module.
        real_logits: D's output for real pictures, shape (batch, 1).
        fake_logits: D's output for G's pictures, shape (batch, 1).
        real_label: what D is told about real pictures; only the cross-entropies ask.
        fake_label: what D is told about fakes; only the cross-entropies ask.

    Raises:
        ValueError: an unknown objective.
    """
    check_game(objective)
    real, fake = as_tensors(real_logits, fake_logits)
    if objective == "least_squares":
        return 0.5 * ops.mean(ops.square(real - 1)) + 0.5 * ops.mean(ops.square(fake))
    if objective == "hinge":
        return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))
    if objective == "wasserstein":
        return ops.mean(fake) - ops.mean(real)
    return label_loss(real, real_label) + label_loss(fake, fake_label)


def undecided_logit(objective: str) -> float:
    """The logit of a D that cannot tell: half way between what it aims at for real and for fake.

    Least squares aims at 1 and 0. For Wasserstein there is no such logit, as only differences
    count; it gets 0 like the others.
    """
    return 0.5 if objective == "least_squares" else 0.0


def least_discriminator_loss(
    objective: str, real_label: float = 1.0, fake_label: float = 0.0
) -> float:
    """What D's loss, without a penalty, cannot fall below: 0, or -infinity for Wasserstein.

    Under cross-entropy with soft labels it is the entropy of the labels, in nats.

    >>> round(least_discriminator_loss("minimax", real_label=0.5), 4)  # log 2
    0.6931
    """
    if objective == "wasserstein":
        return -math.inf
    if objective in ("least_squares", "hinge"):
        return 0.0
    return float(sum(entr(p) + entr(1 - p) for p in (real_label, fake_label)))


def generator_loss(objective: str, fake_logits: tf.Tensor) -> tf.Tensor:
    """What G minimises, a scalar.

    >>> float(generator_loss("least_squares", [[0.0], [1.0]]))  # ((0 - 1)^2 / 2 + 0) / 2
    0.25

    Args:
        objective: one of `OBJECTIVES`, see the top of this module.
        fake_logits: D's output for G's pictures, shape (batch, 1).

    Raises:
        ValueError: an unknown objective.
    """
    check_game(objective)
    if objective == "minimax":
        return -label_loss(fake_logits, 0.0)
    if objective == "non_saturating":
        return label_loss(fake_logits, 1.0)
    (fake,) = as_tensors(fake_logits)
    return 0.5 * ops.mean(ops.square(fake - 1)) if objective == "least_squares" else -ops.mean(fake)
