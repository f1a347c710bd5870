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

import keras
import numpy as np

from helpers import data, runtime

BATCH = 500


def in_batches(network, array: np.ndarray) -> np.ndarray:
    """Apply a network to an array that is too long for one pass.

    Args:
        network: from a batch to one array, or to a list of arrays of one shape.
        array: shape (n, ...), n of 1 or more.

    Returns:
        Shape (n, ...); where the network emits a list of k arrays, (k, n, ...).
    """
    parts = [array[start : start + BATCH] for start in range(0, len(array), BATCH)]
    outputs = [network(part) for part in parts]
    axis = 1 if isinstance(outputs[0], (list, tuple)) else 0
    return np.concatenate([np.array(output) for output in outputs], axis=axis)


@keras.saving.register_keras_serializable("gdl")
class Autoencoder(keras.Model):
    """An encoder and a decoder that learn to give back what they are given.

    `fit(x)` makes x its own target; `fit(x, y)` aims at something else, for example at clean
    pictures from noisy ones.

    Args:
        encoder: model from inputs to codes.
        decoder: model from codes to something in the shape of the inputs.

    Raises:
        ValueError: the encoder's and decoder's shapes do not fit.
    """

    ENCODER_EMITS = ("one output, the code,", 1)

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
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
    def code_shape(decoder) -> tuple:
        """The shape of the codes that a decoder takes, None for the batch."""
        return decoder.input_shape

    @property
    def code_size(self) -> int:
        """How many numbers there are in a code."""
        return int(np.prod(self.code_shape(self.decoder)[1:]))

    def call(self, x, training=False):
        """Return the reconstruction of a batch."""
        return self.decoder(self.encoder(x, training=training), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The compiled loss between reconstruction and target, plus what the layers add."""
        return super().compute_loss(x, x if y is None else y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The compiled metrics between reconstruction and target."""
        return super().compute_metrics(x, x if y is None else y, y_pred, sample_weight)

    def fit(self, x, *args, batch_size: int = 128, **kwargs):
        """Keras' `fit`, after a look at the images.

        Args:
            x: float images in [0, 1], shape (n, height, width, channels); points of shape
                (n, width) may have any range.
            *args: the targets, where they are not x itself.
            batch_size: images per step, 1 or more.
            **kwargs: anything else `keras.Model.fit` takes.

        Raises:
            ValueError: wrong rank or range, or a batch size below 1.
        """
        self._check(x)
        runtime.check_count(batch_size=batch_size)
        return super().fit(x, *args, batch_size=batch_size, **kwargs)

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

    def _check_codes(self, codes) -> np.ndarray:
        codes, shape = np.asarray(codes, "float32"), self.code_shape(self.decoder)[1:]
        if codes.shape[1:] != shape:
            wanted = ", ".join(map(str, shape))
            raise ValueError(f"The codes have shape {codes.shape}: use (n, {wanted}).")
        return codes

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Encode and decode: what is left of each image, in the shape of the images."""
        return self.decode(self.encode(images))

    def _check(self, x) -> None:
        if len(self.encoder.input_shape) == 4:
            data.check_images(x)

    def get_config(self):
        """Settings for the `.keras` file: both networks."""
        networks = {"encoder": self.encoder, "decoder": self.decoder}
        saved = {name: keras.saving.serialize_keras_object(n) for name, n in networks.items()}
        return {**super().get_config(), **saved}

    @classmethod
    def from_config(cls, config):
        """Rebuild the model from :meth:`get_config`."""
        for part in ("encoder", "decoder"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)
