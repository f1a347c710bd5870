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

Half the squared error is s = 1, far above what separates one face from another (0.2 in lab 08).
The s that minimises the sum is the root mean squared error (Rybkin, Daniilidis and Levine,
arXiv:2006.13202).

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
a picture looks, as a number a without bounds, the logit; softplus(a) = log(1 + exp(a)):

    objective         D minimises                                G minimises
    minimax           softplus(-D(x)) + softplus(D(G(z)))        -softplus(D(G(z)))
    non_saturating    the same                                   softplus(-D(G(z)))
    least_squares     (D(x) - 1)^2 / 2 + D(G(z))^2 / 2           (D(G(z)) - 1)^2 / 2
    hinge             max(0, 1 - D(x)) + max(0, 1 + D(G(z)))     -D(G(z))
    wasserstein       D(G(z)) - D(x)                             -D(G(z))

With D's probability p = 1 / (1 + exp(-D)) the first two rows are -log p(x) - log(1 - p(G(z))), and
log(1 - p(G(z))) against -log p(G(z)). A penalty on the slope of D, weighted by the model:

    penalty    E of                              at the points
    r1         |grad D|^2 / 2                    x, real
    dragan     (|grad D| - 1)^2                  x + e std(x) / 2,         e ~ N(0, I)
    wgan_gp    (|grad D| - 1)^2                  u x + (1 - u) G(z),       u uniform in [0, 1]

Kingma and Welling, arXiv:1312.6114 (the bound; the KL is their appendix B); Higgins and others,
ICLR 2017 (beta); Gatys, Ecker and Bethge, arXiv:1508.06576 and CVPR 2016 (style transfer);
Goodfellow and others, arXiv:1406.2661 (minimax, non-saturating); Mao and others, arXiv:1611.04076
(least squares); Lim and Ye, arXiv:1705.02894 (hinge); Arjovsky and others, arXiv:1701.07875
(Wasserstein); Gulrajani and others, arXiv:1704.00028 (WGAN-GP); Kodali and others, arXiv:1705.07215
(DRAGAN); Mescheder and others, arXiv:1801.04406 (R1).
"""

import math

import keras
import tensorflow as tf
from keras import ops
from scipy.special import entr


def bernoulli_per_image(x, logits):
    """Cross-entropy of each image under independent Bernoulli pixels, in nats.

    Written from the logits so that neither logarithm can overflow. For grey levels between 0 and
    1 this is a good loss but no likelihood: its floor is the entropy of the grey levels, 45.5
    nats on the MNIST test images, not 0.

    Args:
        x: images in [0, 1], shape (batch, height, width, channels).
        logits: log-odds of a white pixel, same shape.

    Returns:
        Shape (batch,), in nats, summed over pixels.
    """
    per_pixel = ops.maximum(logits, 0) - logits * x + ops.softplus(-ops.abs(logits))
    return ops.sum(per_pixel, axis=(-3, -2, -1))


def bernoulli_nats(x, logits):
    """Mean over the batch of :func:`bernoulli_per_image`; a scalar in nats per image."""
    return ops.mean(bernoulli_per_image(x, logits))


def gaussian_per_image(x, mean, log_std):
    """Negative log-density of each image under independent Gaussian values, in nats.

    A density, not a probability: where the standard deviation is small it goes below 0.

    Args:
        x: images in [0, 1], shape (batch, height, width, channels).
        mean: the decoder's picture, same shape.
        log_std: logarithm of the observation noise, a scalar or of a shape that broadcasts.

    Returns:
        Shape (batch,), in nats, summed over values (Rybkin and others, arXiv:2006.13202).
    """
    scaled = (x - mean) * ops.exp(-log_std)
    per_value = 0.5 * ops.square(scaled) + log_std + 0.5 * math.log(2 * math.pi)
    return ops.sum(per_value, axis=(-3, -2, -1))


def kl_terms(z_mean, z_log_var):
    """KL divergence of each posterior from N(0, 1), one number per image and dimension.

    Args:
        z_mean: mean of q(z | x), shape (batch, latent).
        z_log_var: log-variance of q(z | x), same shape.

    Returns:
        Shape (batch, latent), in nats, never negative.
    """
    return 0.5 * (ops.square(z_mean) + ops.exp(z_log_var) - 1.0 - z_log_var)


def kl_divergence(z_mean, z_log_var):
    """KL divergence from the posterior to N(0, I): summed over dimensions, mean over the batch.

    Args:
        z_mean: mean of q(z | x), shape (batch, latent).
        z_log_var: log-variance of q(z | x), same shape.

    Returns:
        A scalar in nats per image (Kingma and Welling, arXiv:1312.6114, appendix B).
    """
    return ops.mean(ops.sum(kl_terms(z_mean, z_log_var), axis=-1))


def free_bits_kl(z_mean, z_log_var, floor):
    """KL divergence in which each dimension has some nats for free, so that none is given up.

    A dimension whose mean KL over the batch is below the floor counts as the floor and feels no
    pull towards the prior.

    Args:
        z_mean: mean of q(z | x), shape (batch, latent).
        z_log_var: log-variance of q(z | x), same shape.
        floor: nats per dimension, 0 or more; 0 gives :func:`kl_divergence`.

    Returns:
        A scalar in nats per image (Kingma and others, arXiv:1606.04934, appendix C.8).
    """
    return ops.sum(ops.maximum(ops.mean(kl_terms(z_mean, z_log_var), axis=0), floor))


def gram_matrix(features, weights=None):
    """How strongly each pair of channels fires together, averaged over the picture.

    Args:
        features: activations of a layer, shape (batch, height, width, channels).
        weights: how much each position counts, 0 or more, shape (batch, height, width, 1); None
            counts all alike.

    Returns:
        Shape (batch, channels, channels), symmetric: the mean over positions of the product of two
        channels. Gatys and others (arXiv:1508.06576, equation 3) take the sum and divide later.
    """
    if weights is None:
        weights = ops.ones_like(features[..., :1])
    weighted = features * weights / ops.sum(weights, axis=(1, 2), keepdims=True)
    return ops.einsum("bhwc,bhwd->bcd", weighted, features)


def content_loss(features, target):
    """Mean squared difference of two pictures' activations at one layer, a scalar.

    Args:
        features: shape (batch, height, width, channels).
        target: the content picture's, same shape.
    """
    return ops.mean(ops.square(features - target))


def style_loss(grams, targets, weights):
    """Weighted mean over layers of the mean squared difference of Gram matrices, a scalar.

    Args:
        grams: one matrix per layer, each of shape (batch, channels, channels).
        targets: the style picture's, in the same order.
        weights: one number per layer, 0 or more and not all 0; only their ratios matter.
    """
    pairs = zip(grams, targets, weights, strict=True)
    total = sum(weight * ops.mean(ops.square(gram - target)) for gram, target, weight in pairs)
    return total / sum(weights)


def total_variation(images):
    """Mean absolute step between neighbouring pixels, horizontal plus vertical, a scalar.

    Rudin, Osher and Fatemi (Physica D 60, 1992) penalise it to remove noise and keep edges. This is
    `tf.image.total_variation` divided by the number of values.

    Args:
        images: shape (batch, height, width, channels).
    """
    down = ops.abs(images[:, 1:] - images[:, :-1])
    right = ops.abs(images[:, :, 1:] - images[:, :, :-1])
    values = ops.cast(ops.size(images), images.dtype)
    return (ops.sum(down) + ops.sum(right)) / values


OBJECTIVES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")
PENALTIES = ("none", "r1", "dragan", "wgan_gp")


def check_game(objective: str, penalty: str = "none") -> None:
    """Refuse an unknown objective or penalty.

    Raises:
        ValueError: names the unknown one and lists those that there are.
    """
    pairs = (("objective", objective, OBJECTIVES), ("penalty", penalty, PENALTIES))
    for name, value, known in pairs:
        if value not in known:
            raise ValueError(f"{name} is {value!r}: use one of {', '.join(known)}.")


def label_loss(logits, label):
    """Cross-entropy of D's logits with a label, a scalar in nats.

    Args:
        logits: D's output, any shape.
        label: 1 for real, 0 for fake, or between (Salimans and others, arXiv:1606.03498, section
            3.4); a number or a tensor of the logits' shape.
    """
    return ops.mean(ops.softplus(logits) - label * logits)


def discriminator_loss(objective: str, real_logits, fake_logits, real_label=1.0, fake_label=0.0):
    """What D minimises, without a penalty, a scalar.

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
    if objective == "least_squares":
        real, fake = ops.square(real_logits - 1), ops.square(fake_logits)
        return 0.5 * ops.mean(real) + 0.5 * ops.mean(fake)
    if objective == "hinge":
        return ops.mean(ops.relu(1 - real_logits)) + ops.mean(ops.relu(1 + fake_logits))
    if objective == "wasserstein":
        return ops.mean(fake_logits) - ops.mean(real_logits)
    return label_loss(real_logits, real_label) + label_loss(fake_logits, fake_label)


def undecided_logit(objective: str) -> float:
    """The logit of a D that cannot tell: half way between what it aims at for real and for fake.

    Least squares aims at 1 and 0. For Wasserstein there is no such logit, as only differences
    count; it gets 0 like the others.
    """
    return 0.5 if objective == "least_squares" else 0.0


def least_discriminator_loss(objective: str, real_label=1.0, fake_label=0.0) -> float:
    """What D's loss, without a penalty, cannot fall below: 0, or -infinity for Wasserstein.

    Under cross-entropy with soft labels it is the entropy of the labels, in nats.
    """
    if objective == "wasserstein":
        return -math.inf
    if objective in ("least_squares", "hinge"):
        return 0.0
    return float(sum(entr(p) + entr(1 - p) for p in (real_label, fake_label)))


def generator_loss(objective: str, fake_logits):
    """What G minimises, a scalar.

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
    if objective == "least_squares":
        return 0.5 * ops.mean(ops.square(fake_logits - 1))
    return -ops.mean(fake_logits)


def slope(critic, x):
    """Length of the gradient of D at each point, shape (batch,).

    A tiny number under the root keeps the gradient of this length finite where D is flat.

    Args:
        critic: from a batch to logits of shape (batch, 1).
        x: points or pictures, shape (batch, ...).
    """
    x = ops.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = ops.sum(critic(x))
    gradient = tape.gradient(total, x)
    squares = ops.sum(ops.square(gradient), axis=tuple(range(1, len(x.shape))))
    return ops.sqrt(squares + 1e-12)


def penalty_points(penalty: str, real, fake, seed):
    """Where a penalty looks at the slope of D; see the table at the top of this module.

    Args:
        penalty: one of `PENALTIES` but "none".
        real: real points or pictures, shape (batch, ...).
        fake: as many of G's.
        seed: an integer, or a `keras.random.SeedGenerator`; one uniform number for each pair in
            "wgan_gp", one normal number for each value in "dragan".

    Returns:
        Shape (batch, ...).
    """
    if penalty == "r1":
        return real
    if penalty == "dragan":
        noise = keras.random.normal(ops.shape(real), seed=seed)
        return real + 0.5 * ops.std(real) * noise
    shape = (ops.shape(real)[0], *[1] * (len(real.shape) - 1))
    share = keras.random.uniform(shape, seed=seed)
    return share * real + (1 - share) * fake


def gradient_penalty(penalty: str, critic, real, fake, seed):
    """How far the slope of D is from what it should be, a scalar, 0 or more.

    Args:
        penalty: one of `PENALTIES`; "none" gives 0.
        critic: from a batch to logits of shape (batch, 1).
        real: real points or pictures, shape (batch, ...).
        fake: as many of G's.
        seed: an integer, or a `keras.random.SeedGenerator`.

    Raises:
        ValueError: an unknown penalty.
    """
    check_game(OBJECTIVES[0], penalty)
    if penalty == "none":
        return ops.zeros(())
    lengths = slope(critic, penalty_points(penalty, real, fake, seed))
    if penalty == "r1":
        return 0.5 * ops.mean(ops.square(lengths))
    return ops.mean(ops.square(lengths - 1))
