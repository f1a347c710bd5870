"""How does one train a model that can also dream up new pictures?

An autoencoder with a random code. The encoder emits a distribution q(z | x), a draw z is decoded,
and one loss trains both (Kingma and Welling, arXiv:1312.6114; Rezende, Mohamed and Wierstra,
arXiv:1401.4082):

    x --encoder--> z_mean, z_log_var --Sampling--> z --decoder--> logits --logistic--> picture

    loss = reconstruction + beta * KL,          both in nats per image (:mod:`helpers.losses`)

The two networks are built in the notebook and handed in, so a learner can read and change them.
Generation uses the decoder alone, on z drawn from N(0, I); inference, q(z | x), is the encoder's.
"""

from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import expit

from helpers import autoencoder, contract, layers, losses, runtime

Posterior: TypeAlias = dict[str, tf.Tensor]


@keras.saving.register_keras_serializable("gdl")
class VAE(autoencoder.Autoencoder):
    """A variational autoencoder over images in [0, 1] with Bernoulli pixels.

    It brings its own loss, so `compile` is given an optimizer and no loss. `fit(x)` makes x its own
    target; `fit(noisy, clean)` encodes the noisy pictures and decodes towards the clean ones.

    Args:
        encoder: model from images to `[z_mean, z_log_var]`, each of shape (batch, latent).
        decoder: model from z, shape (batch, latent), to logits in the shape of the images.
        beta: weight of the KL term; 1 is the evidence lower bound.
        seed: fixes the draws of z; None takes Keras' global seed.
        **kwargs: name and dtype, as for every Keras model.

    Raises:
        ValueError: beta is negative, or the encoder's and decoder's shapes do not fit.
    """

    ENCODER_EMITS = ("two outputs, z_mean and z_log_var, each", 2)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        beta: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        runtime.check_not_negative(beta=beta)
        super().__init__(encoder, decoder, **kwargs)
        self.sampling = layers.Sampling(seed)
        self.beta, self.seed = beta, self.sampling.seed
        self.reconstruction_metric = keras.metrics.Mean("reconstruction")
        self.kl_metric = keras.metrics.Mean("kl")

    @property
    def latent_dim(self) -> int:
        """Number of latent dimensions."""
        return self.code_size

    def call(self, x: tf.Tensor, training: bool = False) -> Posterior:
        """Return `z_mean`, `z_log_var` and the `logits` of a draw of z, in a dictionary."""
        z_mean, z_log_var = self.encoder(x, training=training)
        logits = self.decoder(self.sampling([z_mean, z_log_var]), training=training)
        return {"z_mean": z_mean, "z_log_var": z_log_var, "logits": logits}

    def compute_loss(
        self,
        x: tf.Tensor = None,
        y: tf.Tensor | None = None,
        y_pred: Any = None,
        sample_weight: tf.Tensor | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Reconstruction + beta * KL in nats per image, plus what the layers add."""
        posterior = y_pred["z_mean"], y_pred["z_log_var"]
        nats = self.nats_per_image(self.target(x, y), y_pred["logits"])
        nats = losses.weigh(nats, sample_weight)
        kl = losses.weigh(ops.sum(losses.kl_terms(*posterior), axis=-1), sample_weight)
        self.reconstruction_metric.update_state(nats)
        self.kl_metric.update_state(kl)
        loss = ops.mean(nats) + self.beta * self.regularise(*posterior, sample_weight)
        for penalty in self.losses:
            loss = loss + ops.cast(ops.sum(penalty), loss.dtype)
        return loss

    def compute_metrics(
        self,
        x: tf.Tensor,
        y: tf.Tensor | None,
        y_pred: Posterior,
        sample_weight: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """The compiled metrics between the decoded picture and the target."""
        return super().compute_metrics(x, y, ops.sigmoid(y_pred["logits"]), sample_weight)

    def nats_per_image(self, x: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """-log p(x | z) of each image, shape (batch,): here with Bernoulli pixels."""
        return losses.bernoulli_per_image(x, logits)

    def regularise(
        self, z_mean: tf.Tensor, z_log_var: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """What beta weighs, a scalar: here the KL divergence."""
        return losses.kl_divergence(z_mean, z_log_var, weights)

    def _check_batch(self, x: Any, y: Any, sample_weight: Any) -> None:
        if self.loss is not None:
            raise ValueError("A VAE brings its own loss, the bound: compile it without a loss.")
        super()._check_batch(x, y, sample_weight)
        contract.check_one_weight_each(sample_weight)

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

    def get_config(self) -> dict:
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
        **kwargs: name and dtype, as for every Keras model.

    Raises:
        ValueError: beta or free_bits is negative, noise_std is not above 0, or the shapes of the
            encoder and decoder do not fit.
    """

    START_STD, FOLLOW = 0.2, 0.1
    SMALLEST_STD = 1e-3  # less than a third of a grey level of 255

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        beta: float = 1.0,
        noise_std: float | None = None,
        free_bits: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, beta, seed, **kwargs)
        runtime.check_not_negative(free_bits=free_bits)
        runtime.check_positive(noise_std=1 if noise_std is None else noise_std)
        self.noise_std, self.free_bits = noise_std, free_bits
        start = keras.initializers.Constant(float(np.log(noise_std or self.START_STD)))
        self.log_std = self.add_weight(name="log_std", initializer=start, trainable=False)

    def compute_loss(
        self,
        x: tf.Tensor = None,
        y: tf.Tensor | None = None,
        y_pred: Any = None,
        sample_weight: tf.Tensor | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """The bound in nats per image; the noise first moves towards the batch's own."""
        if training and self.noise_std is None:
            self._follow_error(self.target(x, y), y_pred["logits"], sample_weight)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def _follow_error(
        self, x: tf.Tensor, logits: tf.Tensor, sample_weight: tf.Tensor | None
    ) -> None:
        """Move the noise a step towards the root mean squared error of a batch."""
        x, logits = losses.as_tensors(x, logits)
        squares = losses.weigh(ops.square(x - ops.sigmoid(logits)), sample_weight)
        error = ops.mean(squares)
        if sample_weight is not None:
            error = error / ops.mean(ops.cast(sample_weight, error.dtype))
        error = ops.maximum(error, self.SMALLEST_STD**2)
        self.log_std.assign_add(self.FOLLOW * (0.5 * ops.log(error) - self.log_std))

    def nats_per_image(self, x: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """-log p(x | z) of each image, shape (batch,)."""
        x, logits = losses.as_tensors(x, logits)
        return losses.gaussian_per_image(x, ops.sigmoid(logits), self.log_std)

    def regularise(
        self, z_mean: tf.Tensor, z_log_var: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The KL divergence beyond the free bits, a scalar."""
        return losses.free_bits_kl(z_mean, z_log_var, self.free_bits, weights)

    def get_config(self) -> dict:
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
    def code_shape(decoder: keras.Model) -> tuple:
        """The shape of the codes that a decoder takes beside the conditions."""
        if len(decoder.inputs) != 2:
            count = len(decoder.inputs)
            raise ValueError(f"The decoder has {count} inputs: give it two, z and the conditions.")
        return decoder.input_shape[0]

    def target(self, x: list[tf.Tensor], y: tf.Tensor | None) -> tf.Tensor:
        """What the reconstruction should be: y, or the images in x where there is no y."""
        return x[0] if y is None else y

    def call(self, x: list[tf.Tensor], training: bool = False) -> Posterior:
        """As a VAE's, for a batch `[images, conditions]`."""
        images, conditions = x
        z_mean, z_log_var = self.encoder(images, training=training)
        z = self.sampling([z_mean, z_log_var])
        logits = self.decoder([z, conditions], training=training)
        return {"z_mean": z_mean, "z_log_var": z_log_var, "logits": logits}

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

    def _check_batch(self, x: Any, y: Any, sample_weight: Any) -> None:
        if not isinstance(x, (list, tuple)) or len(x) != 2:
            hint = "give fit([images, conditions]), or a dataset of ((images, conditions),)"
            raise ValueError(f"A conditional VAE trains on a pair: {hint}.")
        super()._check_batch(x[0], y, sample_weight)
        self._check_conditions(*x)

    def _check_conditions(self, others: np.ndarray, conditions: np.ndarray) -> None:
        width = self.decoder.input_shape[1][1]
        if np.shape(conditions) != (len(others), width):
            shapes = f"{np.shape(conditions)} for {len(others)} pictures"
            raise ValueError(f"The conditions have shape {shapes}: use ({len(others)}, {width}).")
