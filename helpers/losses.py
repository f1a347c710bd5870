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

Kingma and Welling, arXiv:1312.6114 (the bound; the KL is their appendix B); Higgins and others,
ICLR 2017 (beta); Gatys, Ecker and Bethge, arXiv:1508.06576 and CVPR 2016 (style transfer).
"""

import math

from keras import ops


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
