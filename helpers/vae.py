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

from helpers import data, layers, losses, runtime


@keras.saving.register_keras_serializable("gdl")
class VAE(keras.Model):
    """A variational autoencoder over images in [0, 1] with Bernoulli pixels.

    Args:
        encoder: model from images to `[z_mean, z_log_var]`, each of shape (batch, latent).
        decoder: model from z, shape (batch, latent), to logits in the shape of the images.
        beta: weight of the KL term; 1 is the evidence lower bound.
        seed: fixes the draws of z; None takes Keras' global seed.

    Raises:
        ValueError: beta is negative, or the encoder's and decoder's shapes do not fit.
    """

    def __init__(self, encoder, decoder, beta: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        runtime.check_settings(beta=beta)
        emitted, wanted = [output.shape for output in encoder.outputs], decoder.input_shape
        if emitted != [wanted, wanted]:
            raise ValueError(
                f"The encoder emits {emitted} and the decoder takes {wanted}: give the encoder two "
                "outputs, z_mean and z_log_var, each as wide as the decoder's input."
            )
        self.encoder, self.decoder, self.beta, self.seed = encoder, decoder, beta, seed
        self.sampling = layers.Sampling(seed)
        self.built = True
        self.reconstruction_metric = keras.metrics.Mean("reconstruction")
        self.kl_metric = keras.metrics.Mean("kl")

    @property
    def latent_dim(self) -> int:
        """Number of latent dimensions."""
        return self.decoder.input_shape[-1]

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

    def fit(self, x, batch_size: int = 128, **kwargs):
        """Keras' `fit` on images, after a look at their shape and range.

        Args:
            x: float images in [0, 1], shape (n, height, width, channels).
            batch_size: images per step, 1 or more.
            **kwargs: anything else `keras.Model.fit` takes.

        Raises:
            ValueError: wrong rank or range, or a batch size below 1.
        """
        data.check_images(x)
        runtime.check_settings(batch_size=batch_size)
        return super().fit(x, batch_size=batch_size, **kwargs)

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inference: the posterior of each image.

        Args:
            images: floats in [0, 1], shape (n, height, width, channels).

        Returns:
            `(z_mean, z_log_var)`, each of shape (n, latent).

        Raises:
            ValueError: wrong rank or range.
        """
        data.check_images(images)
        batches = [np.array(self.encoder(batch)) for batch in _batches(images)]
        return tuple(np.concatenate(batches, axis=1))

    def logits(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output for some codes, before the logistic function.

        Args:
            z: codes, shape (n, latent).

        Returns:
            Log-odds of a white pixel, shape (n, height, width, channels).

        Raises:
            ValueError: the codes have another width than the decoder's input.
        """
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"z has shape {z.shape}: use (n, {self.latent_dim}).")
        return np.concatenate([np.array(self.decoder(batch)) for batch in _batches(z)])

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Generation: the picture of each code, each pixel's mean under p(x | z).

        Args:
            z: codes, shape (n, latent).

        Returns:
            Pictures in [0, 1], shape (n, height, width, channels).
        """
        return expit(self.logits(z))

    def get_config(self):
        """Settings for the `.keras` file: both networks, beta and the seed."""
        networks = {"encoder": self.encoder, "decoder": self.decoder}
        saved = {name: keras.saving.serialize_keras_object(n) for name, n in networks.items()}
        return {**super().get_config(), **saved, "beta": self.beta, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        """Rebuild the model from :meth:`get_config`."""
        for part in ("encoder", "decoder"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


def _batches(array: np.ndarray, size: int = 500):
    return (array[start : start + size] for start in range(0, len(array), size))
