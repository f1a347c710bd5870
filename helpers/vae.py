"""How does one train a model that can also dream up new pictures?

An autoencoder with a random code. The encoder emits a distribution q(z | x), a draw z is decoded,
and one loss trains both (Kingma and Welling, arXiv:1312.6114; Rezende, Mohamed and Wierstra,
arXiv:1401.4082):

    x --encoder--> z_mean, z_log_var --Sampling--> z --decoder--> logits --logistic--> picture

    loss = reconstruction + beta * KL,          both in nats per image (:mod:`helpers.losses`)

The two networks are built in the notebook and handed in, so a learner can read and change them.
Generation uses the decoder alone, on z drawn from N(0, I); inference, q(z | x), is the encoder's.
"""

import keras
import numpy as np
from scipy.special import expit

from helpers import autoencoder, layers, losses, runtime


@keras.saving.register_keras_serializable("gdl")
class VAE(autoencoder.Autoencoder):
    """A variational autoencoder over images in [0, 1] with Bernoulli pixels.

    Args:
        encoder: model from images to `[z_mean, z_log_var]`, each of shape (batch, latent).
        decoder: model from z, shape (batch, latent), to logits in the shape of the images.
        beta: weight of the KL term; 1 is the evidence lower bound.
        seed: fixes the draws of z; None takes Keras' global seed.

    Raises:
        ValueError: beta is negative, or the encoder's and decoder's shapes do not fit.
    """

    ENCODER_EMITS = ("two outputs, z_mean and z_log_var, each", 2)

    def __init__(self, encoder, decoder, beta: float = 1.0, seed: int | None = None, **kwargs):
        runtime.check_settings(beta=beta)
        super().__init__(encoder, decoder, **kwargs)
        self.beta, self.seed = beta, seed
        self.sampling = layers.Sampling(seed)
        self.reconstruction_metric = keras.metrics.Mean("reconstruction")
        self.kl_metric = keras.metrics.Mean("kl")

    @property
    def latent_dim(self) -> int:
        """Number of latent dimensions."""
        return self.code_size

    def call(self, x, training=False):
        """Return `z_mean`, `z_log_var` and the `logits` of a draw of z, in a dictionary."""
        z_mean, z_log_var = self.encoder(x, training=training)
        logits = self.decoder(self.sampling([z_mean, z_log_var]), training=training)
        return {"z_mean": z_mean, "z_log_var": z_log_var, "logits": logits}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Reconstruction + beta * KL in nats per image; Keras' `fit` calls this every step."""
        reconstruction = losses.bernoulli_nats(x, y_pred["logits"])
        kl = losses.kl_divergence(y_pred["z_mean"], y_pred["z_log_var"])
        self.reconstruction_metric.update_state(reconstruction)
        self.kl_metric.update_state(kl)
        return reconstruction + self.beta * kl

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inference: the posterior of each image.

        Args:
            images: floats in [0, 1], shape (n, height, width, channels).

        Returns:
            `(z_mean, z_log_var)`, each of shape (n, latent).

        Raises:
            ValueError: wrong rank or range.
        """
        return tuple(super().encode(images))

    def logits(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output for some codes, before the logistic function.

        Args:
            z: codes, shape (n, latent).

        Returns:
            Log-odds of a white pixel, shape (n, height, width, channels).

        Raises:
            ValueError: the codes have another width than the decoder's input.
        """
        return super().decode(z)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Generation: the picture of each code, each pixel's mean under p(x | z).

        Args:
            z: codes, shape (n, latent).

        Returns:
            Pictures in [0, 1], shape (n, height, width, channels).
        """
        return expit(self.logits(z))

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """The picture of each posterior's mean, in the shape of the images."""
        return self.decode(self.encode(images)[0])

    def get_config(self):
        """Settings for the `.keras` file: both networks, beta and the seed."""
        return {**super().get_config(), "beta": self.beta, "seed": self.seed}
