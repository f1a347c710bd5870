"""What must a network keep, if it may keep only a little and must give everything back?

    x  --encoder-->  code  --decoder-->  reconstruction,       loss = mean( (reconstruction - x)^2 )

    symbol            shape                     meaning
    x                 (batch, h, w, c)          images in [0, 1], or points
    code              (batch, code size)        all that the decoder ever sees
    reconstruction    the shape of x            what the decoder makes of it

With fewer numbers in the code than in the picture, keeping everything is impossible: what is kept
is what most pictures share. With linear layers the best code spans the principal components (Baldi
and Hornik, Neural Networks 2, 1989); Hinton and Salakhutdinov (Science 313, 2006) made it deep.

The two networks are built in the notebook and handed in, so a learner can read and change them.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import contract, data

BATCH = 500  # of one pass after training


def in_batches(network: Callable, array: np.ndarray) -> np.ndarray:
    """Apply a network to an array that is too long for one pass.

    Args:
        network: from a batch to one array, or to a list of arrays of one shape.
        array: shape (n, ...), n of 1 or more.

    Returns:
        Shape (n, ...), in float32 or wider; where the network emits a list of k arrays,
        (k, n, ...).

    Raises:
        ValueError: there are no rows.
    """
    if not len(array):
        raise ValueError("There are no rows to work on: give one or more.")
    parts = [array[start : start + BATCH] for start in range(0, len(array), BATCH)]
    outputs = [network(part) for part in parts]
    axis = 1 if isinstance(outputs[0], (list, tuple)) else 0
    kind = keras.backend.result_type("float32", keras.tree.flatten(outputs[0])[0].dtype)
    return np.concatenate([np.array(output, kind) for output in outputs], axis=axis)


@keras.saving.register_keras_serializable("gdl")
class Autoencoder(contract.CheckedModel):
    """An encoder and a decoder that learn to give back what they are given.

    `fit(x)` makes x its own target; `fit(x, y)` aims at something else, for example at clean
    pictures from noisy ones.

    Args:
        encoder: model from inputs to codes.
        decoder: model from codes to something in the shape of the inputs.
        **kwargs: name and dtype, as for every Keras model.

    Raises:
        ValueError: the encoder's and decoder's shapes do not fit.
    """

    ENCODER_EMITS = ("one output, the code,", 1)

    def __init__(self, encoder: keras.Model, decoder: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        contract.check_network("encoder", encoder)
        contract.check_network("decoder", decoder)
        emitted, wanted = [output.shape for output in encoder.outputs], self.code_shape(decoder)
        outputs, count = self.ENCODER_EMITS
        if emitted != [wanted] * count:
            raise ValueError(
                f"The encoder emits {emitted} and the decoder takes {wanted}: give the encoder "
                f"{outputs} as wide as the decoder's input."
            )
        self.encoder, self.decoder = encoder, decoder
        self.built = True

    @staticmethod
    def code_shape(decoder: keras.Model) -> tuple:
        """The shape of the codes that a decoder takes, None for the batch."""
        return decoder.input_shape

    @property
    def code_size(self) -> int:
        """How many numbers there are in a code."""
        return int(np.prod(self.code_shape(self.decoder)[1:]))

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the reconstruction of a batch."""
        return self.decoder(self.encoder(x, training=training), training=training)

    def target(self, x: tf.Tensor, y: tf.Tensor | None) -> tf.Tensor:
        """What the reconstruction of x should be: y, or x itself where there is no y."""
        return x if y is None else y

    def compute_loss(
        self,
        x: tf.Tensor = None,
        y: tf.Tensor | None = None,
        y_pred: tf.Tensor = None,
        sample_weight: tf.Tensor | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """The compiled loss between reconstruction and target, plus what the layers add."""
        y = self.target(x, y)
        if sample_weight is not None and self.loss is not None:
            loss = keras.losses.get(self.loss)
            values = getattr(loss, "call", loss)(y, y_pred)
            sample_weight = _per_sample(sample_weight, values)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(
        self,
        x: tf.Tensor,
        y: tf.Tensor | None,
        y_pred: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """The compiled metrics between reconstruction and target."""
        return super().compute_metrics(x, self.target(x, y), y_pred, sample_weight)

    def _check_batch(self, x: Any, y: Any, sample_weight: Any) -> None:
        self._check(x)
        if y is None:
            return
        wanted = self.decoder.output_shape
        if not _fits(np.shape(y), wanted):
            hint = f"give what should come out, {_named(wanted)}, and no labels"
            raise ValueError(f"The targets have shape {np.shape(y)}: {hint}.")
        try:
            _check_values(np.asarray(y), images=len(wanted) == 4)
        except ValueError as error:
            raise ValueError(f"Of the targets: {error}") from None

    def encode(self, images: np.ndarray) -> np.ndarray:
        """The code of each image.

        Args:
            images: floats in [0, 1], shape (n, height, width, channels); or points.

        Returns:
            Shape (n, code size), or whatever shape the encoder emits.

        Raises:
            ValueError: wrong rank or range.
        """
        self._check(images)
        return in_batches(self.encoder, images)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The picture of each code.

        Args:
            codes: shape (n, code size).

        Returns:
            Shape (n, height, width, channels).

        Raises:
            ValueError: the codes have another width than the decoder's input.
        """
        return in_batches(self.decoder, self._check_codes(codes))

    def _check_codes(self, codes: np.ndarray) -> np.ndarray:
        codes, shape = np.asarray(codes, "float32"), self.code_shape(self.decoder)[1:]
        if codes.shape[1:] != shape:
            wanted = ", ".join(map(str, shape))
            raise ValueError(f"The codes have shape {codes.shape}: use (n, {wanted}).")
        return codes

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Encode and decode: what is left of each image, in the shape of the images."""
        return self.decode(self.encode(images))

    def _check(self, x: Any) -> None:
        if not hasattr(x, "shape"):
            kinds = "an array, a tf.data.Dataset, a PyDataset or a generator"
            raise ValueError(f"The data are a {type(x).__name__}: give {kinds}.")
        wanted = self.encoder.input_shape
        _check_values(np.asarray(x), images=len(wanted) == 4)
        if not _fits(x.shape, wanted):
            hint = f"use {_named(wanted)}, as the encoder takes"
            raise ValueError(f"The data have shape {tuple(x.shape)}: {hint}.")

    def get_config(self) -> dict:
        """Settings for the `.keras` file: both networks."""
        networks = {"encoder": self.encoder, "decoder": self.decoder}
        saved = {name: keras.saving.serialize_keras_object(n) for name, n in networks.items()}
        return {**super().get_config(), **saved}

    @classmethod
    def from_config(cls, config: dict) -> "Autoencoder":
        """Rebuild the model from :meth:`get_config`."""
        for part in ("encoder", "decoder"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


def _check_values(array: np.ndarray, images: bool) -> None:
    """Refuse what is no number; and images that are no batch in [0, 1]."""
    low, high = (array.min(), array.max()) if array.size else (0.0, 0.0)
    if not np.isfinite([low, high]).all():
        hint = "replace what is no number, or infinite, before you scale them to [0, 1]"
        raise ValueError(f"values reach from {low:g} to {high:g}: {hint}.")
    if images:
        data.check_images(array)


def _fits(shape: tuple, wanted: tuple) -> bool:
    """Whether a shape is the one wanted, where None may be any length."""
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(side in (None, length) for length, side in pairs)


def _named(shape: tuple) -> str:
    """A shape as a sentence writes it, for example (n, 28, 28, 1)."""
    return f"({', '.join('n' if side is None else str(side) for side in shape)})"


def _per_sample(weights: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """One weight for each sample in the rank of the values that it weighs; others as they are."""
    if tuple(weights.shape[1:]) not in ((), (1,)):
        return weights
    if not len(values.shape):
        hint = "use one that keeps a number for each sample, or no sample_weight"
        raise ValueError(f"This loss is one number for the whole batch: {hint}.")
    return ops.reshape(weights, (-1, *[1] * (len(values.shape) - 1)))
