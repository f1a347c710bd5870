"""The layers Keras does not have.

`Sampling` answers: how can a gradient pass through a draw of random numbers? By moving the
randomness into an input (Kingma and Welling, arXiv:1312.6114, section 2.4):

    z = z_mean + exp(z_log_var / 2) * epsilon,     epsilon ~ N(0, I)

    symbol       shape               meaning
    z_mean       (batch, latent)     mean of q(z | x)
    z_log_var    (batch, latent)     logarithm of the variance of q(z | x)
    epsilon      (batch, latent)     noise, drawn afresh at every call
    z            (batch, latent)     a draw from q(z | x), differentiable in mean and log-variance
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("gdl")
class Sampling(keras.layers.Layer):
    """Draw z from q(z | x) by the reparameterisation of Kingma and Welling (arXiv:1312.6114).

    Args:
        seed: integer that fixes the sequence of draws; None takes Keras' global seed.
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        """Return z of shape (batch, latent) from the list `[z_mean, z_log_var]`."""
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(
            ops.shape(z_mean), dtype=z_mean.dtype, seed=self.seed_generator
        )
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon

    def get_config(self):
        """Settings for the `.keras` file."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("gdl")
class AdaIN(keras.layers.Layer):
    """Adaptive instance normalisation (Huang and Belongie, arXiv:1703.06868).

    Args:
        epsilon: added to both variances, so that a flat channel divides by no zero.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs):
        """Return features of the content's shape from the list `[content, style]`."""
        content, style = inputs
        mean, variance = ops.moments(content, axes=(1, 2), keepdims=True)
        style_mean, style_variance = ops.moments(style, axes=(1, 2), keepdims=True)
        normalised = (content - mean) / ops.sqrt(variance + self.epsilon)
        return normalised * ops.sqrt(style_variance + self.epsilon) + style_mean

    def get_config(self):
        """Settings for the `.keras` file."""
        return {**super().get_config(), "epsilon": self.epsilon}
