"""The layers Keras does not have.

`Sampling` answers: how can a gradient pass through a draw of random numbers? By moving the
randomness into an input (Kingma and Welling, arXiv:1312.6114, section 2.4):

    z = z_mean + exp(z_log_var / 2) * epsilon,     epsilon ~ N(0, I)

    symbol       shape               meaning
    z_mean       (batch, latent)     mean of q(z | x)
    z_log_var    (batch, latent)     logarithm of the variance of q(z | x)
    epsilon      (batch, latent)     noise, drawn afresh at every call
    z            (batch, latent)     a draw from q(z | x), differentiable in mean and log-variance

`Corruption` answers: what should be taken away, so that putting it back teaches something? Vincent
and others (ICML 2008) damage the input and keep the target clean:

    gaussian           clip( x + level * epsilon, 0, 1 )        level: standard deviation
    salt_and_pepper    a share of the values becomes 0 or 1     level: the share
    masking            a share of the values becomes 0          level: the share
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


KINDS = ("gaussian", "salt_and_pepper", "masking")


def corrupt(x, kind: str, level: float, seed):
    """Damage images; the kinds and what `level` means stand at the top of this module.

    Args:
        x: images in [0, 1], shape (batch, height, width, channels).
        kind: one of `KINDS`.
        level: 0 or more; at most 1 where it is a share.
        seed: an integer gives the same damage every time, a `keras.random.SeedGenerator` goes on.

    Returns:
        Images in [0, 1] of the same shape.

    Raises:
        ValueError: an unknown kind, or a level outside its range.
    """
    if kind not in KINDS or level < 0 or (kind != "gaussian" and level > 1):
        hint = f"use one of {', '.join(KINDS)}, and 0 or more (a share: 0 to 1)"
        raise ValueError(f"kind is {kind!r} and level {level}: {hint}.")
    x = ops.convert_to_tensor(x, "float32")
    if kind == "gaussian":
        return ops.clip(x + level * keras.random.normal(ops.shape(x), seed=seed), 0.0, 1.0)
    chance = keras.random.uniform(ops.shape(x), seed=seed)
    if kind == "masking":
        return ops.where(chance < level, 0.0, x)
    return ops.where(chance < level / 2, 0.0, ops.where(chance < level, 1.0, x))


@keras.saving.register_keras_serializable("gdl")
class Corruption(keras.layers.Layer):
    """Damages its input while training and passes it on untouched afterwards (:func:`corrupt`).

    Args:
        kind: one of `KINDS`.
        level: strength of the damage.
        seed: integer that fixes the sequence of draws; None takes Keras' global seed.
    """

    def __init__(self, kind: str, level: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.level, self.seed = kind, level, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=False):
        """Return the damaged batch while training, else the batch."""
        return corrupt(x, self.kind, self.level, self.seed_generator) if training else x

    def get_config(self):
        """Settings for the `.keras` file."""
        own = {"kind": self.kind, "level": self.level, "seed": self.seed}
        return {**super().get_config(), **own}
