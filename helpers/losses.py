"""Every formula of the course, once.

A variational autoencoder minimises the negative evidence lower bound, in nats per image:

    loss = -log p(x | z)  +  beta * KL( q(z | x) || N(0, I) )
           reconstruction           regularisation

    KL = 1/2 * sum_j ( z_mean_j^2 + exp(z_log_var_j) - 1 - z_log_var_j )

    symbol               shape                meaning
    x                    (batch, h, w, c)     images in [0, 1]
    logits               (batch, h, w, c)     decoder's output before the logistic function
    z_mean, z_log_var    (batch, latent)      the encoder's q(z | x), mean and log-variance

Both terms are **summed** over pixels or latent dimensions and **averaged** over the batch. The
mean over dimensions instead of the sum would divide beta by the number of dimensions, unseen.

Kingma and Welling, arXiv:1312.6114 (the bound; the KL is their appendix B); Higgins and others,
ICLR 2017 (beta).
"""

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
