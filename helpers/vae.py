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
from keras import ops
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
        runtime.check_not_negative(beta=beta)
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
        posterior = y_pred["z_mean"], y_pred["z_log_var"]
        reconstruction = ops.mean(self.nats_per_image(x, y_pred["logits"]))
        self.reconstruction_metric.update_state(reconstruction)
        self.kl_metric.update_state(losses.kl_divergence(*posterior))
        return reconstruction + self.beta * self.regularise(*posterior)

    def nats_per_image(self, x, logits):
        """-log p(x | z) of each image, shape (batch,): here with Bernoulli pixels."""
        return losses.bernoulli_per_image(x, logits)

    def regularise(self, z_mean, z_log_var):
        """What beta weighs, a scalar: here the KL divergence."""
        return losses.kl_divergence(z_mean, z_log_var)

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

    def decode(self, z: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
        """Generation: the picture of each code, each pixel's mean under p(x | z).

        Args:
            z: codes, shape (n, latent).
            *conditions: what a :class:`ConditionalVAE` is told, one array; otherwise none.

        Returns:
            Pictures in [0, 1], shape (n, height, width, channels).
        """
        return expit(self.logits(z, *conditions))

    def reconstruct(self, images: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
        """The picture of each posterior's mean, in the shape of the images; see :meth:`decode`."""
        return self.decode(self.encode(images)[0], *conditions)

    def get_config(self):
        """Settings for the `.keras` file: both networks, beta and the seed."""
        return {**super().get_config(), "beta": self.beta, "seed": self.seed}


@keras.saving.register_keras_serializable("gdl")
class GaussianVAE(VAE):
    """A variational autoencoder over colour images with Gaussian values, one noise for all.

    Args:
        encoder: model from images to `[z_mean, z_log_var]`, each of shape (batch, latent).
        decoder: model from z to logits; the logistic function of them is the mean picture.
        beta: weight of the KL term; 1 is the evidence lower bound.
        noise_std: standard deviation of a value around the mean picture, above 0; None learns it.
        free_bits: nats that each latent dimension has for free, see :func:`losses.free_bits_kl`.
        seed: fixes the draws of z; None takes Keras' global seed.

    Raises:
        ValueError: beta or free_bits is negative, noise_std is not above 0, or the shapes of the
            encoder and decoder do not fit.
    """

    START_STD, FOLLOW = 0.2, 0.1

    def __init__(
        self, encoder, decoder, beta=1.0, noise_std=None, free_bits=0.0, seed=None, **kwargs
    ):
        super().__init__(encoder, decoder, beta, seed, **kwargs)
        runtime.check_not_negative(free_bits=free_bits)
        runtime.check_positive(noise_std=1 if noise_std is None else noise_std)
        self.noise_std, self.free_bits = noise_std, free_bits
        start = keras.initializers.Constant(float(np.log(noise_std or self.START_STD)))
        self.log_std = self.add_weight(name="log_std", initializer=start, trainable=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The bound in nats per image; the noise first moves towards the batch's own."""
        if training and self.noise_std is None:
            error = ops.mean(ops.square(x - ops.sigmoid(y_pred["logits"])))
            self.log_std.assign_add(self.FOLLOW * (0.5 * ops.log(error) - self.log_std))
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def nats_per_image(self, x, logits):
        """-log p(x | z) of each image, shape (batch,)."""
        return losses.gaussian_per_image(x, ops.sigmoid(logits), self.log_std)

    def regularise(self, z_mean, z_log_var):
        """The KL divergence beyond the free bits, a scalar."""
        return losses.free_bits_kl(z_mean, z_log_var, self.free_bits)

    def get_config(self):
        """Settings for the `.keras` file: those of a VAE, the noise and the free bits."""
        own = {"noise_std": self.noise_std, "free_bits": self.free_bits}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("gdl")
class ConditionalVAE(GaussianVAE):
    """A Gaussian VAE whose decoder is told some attributes, so that z is left with the rest.

    `fit([images, conditions])` trains it. Whatever the conditions say, z need not repeat, and the
    KL makes repeating costly (Sohn, Lee and Yan, NeurIPS 2015; there the encoder is told as well,
    here it sees the picture, which shows them).

    Args:
        encoder: model from images to `[z_mean, z_log_var]`, each of shape (batch, latent).
        decoder: model from `[z, conditions]`, of shapes (batch, latent) and (batch, width).
        **kwargs: as :class:`GaussianVAE`.
    """

    @staticmethod
    def code_shape(decoder) -> tuple:
        """The shape of the codes that a decoder takes beside the conditions."""
        if len(decoder.inputs) != 2:
            count = len(decoder.inputs)
            raise ValueError(f"The decoder has {count} inputs: give it two, z and the conditions.")
        return decoder.input_shape[0]

    def fit(self, x, *args, **kwargs):
        """Keras' `fit` on the pair `[images, conditions]`.

        Raises:
            ValueError: x is no such pair, or one of the two has a wrong shape or range.
        """
        if not isinstance(x, (list, tuple)) or len(x) != 2:
            raise ValueError("A conditional VAE trains on a pair: give fit([images, conditions]).")
        return super().fit(x, *args, **kwargs)

    def call(self, x, training=False):
        """As a VAE's, for a batch `[images, conditions]`."""
        images, conditions = x
        z_mean, z_log_var = self.encoder(images, training=training)
        z = self.sampling([z_mean, z_log_var])
        logits = self.decoder([z, conditions], training=training)
        return {"z_mean": z_mean, "z_log_var": z_log_var, "logits": logits}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The bound of the images under their conditions, in nats per image."""
        return super().compute_loss(x[0], y, y_pred, sample_weight, training)

    def logits(self, z: np.ndarray, conditions: np.ndarray) -> np.ndarray:
        """The decoder's output before the logistic function.

        Args:
            z: codes, shape (n, latent).
            conditions: shape (n, width).

        Raises:
            ValueError: z or the conditions have another width than the decoder's inputs.
        """
        z, conditions = self._check_codes(z), np.asarray(conditions, "float32")
        self._check_conditions(z, conditions)
        both = np.concatenate([z, conditions], axis=1)
        split = self.latent_dim
        return autoencoder.in_batches(lambda b: self.decoder([b[:, :split], b[:, split:]]), both)

    def _check(self, x) -> None:
        images = x[0] if isinstance(x, (list, tuple)) else x
        super()._check(images)
        if images is not x:
            self._check_conditions(images, x[1])

    def _check_conditions(self, others, conditions) -> None:
        width = self.decoder.input_shape[1][1]
        if np.shape(conditions) != (len(others), width):
            shapes = f"{np.shape(conditions)} for {len(others)} pictures"
            raise ValueError(f"The conditions have shape {shapes}: use ({len(others)}, {width}).")
