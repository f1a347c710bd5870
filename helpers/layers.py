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

Five layers belong to GANs. `MinibatchStdDev` lets D see how alike a batch is; `InstanceNoise` and
`DiffAugment`, first in D, treat real pictures and fakes alike and pass the gradient on to G;
`KeptGaussianDropout` gives G noise also after training; `ReplayBuffer` shows D older pictures.
"""

from typing import Any, TypeAlias

import keras
import tensorflow as tf
from keras import ops

from helpers import runtime

Seed: TypeAlias = int | keras.random.SeedGenerator


class RandomLayer(keras.layers.Layer):
    """What layers that draw random numbers share: a seed, and the shape of their input.

    The seed, an integer, fixes the sequence of draws; None takes Keras' global seed.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed if seed is None else runtime.check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def normal(self, x: tf.Tensor) -> tf.Tensor:
        """A fresh draw from N(0, 1) for each value of x, in its type."""
        return keras.random.normal(ops.shape(x), dtype=x.dtype, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape of the input, unless a layer says otherwise."""
        return input_shape

    def get_config(self) -> dict:
        """Settings for the `.keras` file."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("gdl")
class Sampling(RandomLayer):
    """Draw z from q(z | x) by the reparameterisation of Kingma and Welling (arXiv:1312.6114).

    >>> z = Sampling(seed=0)([ops.array([[3.0]]), ops.array([[-300.0]])])  # exp(-150) is nothing
    >>> float(z[0, 0])
    3.0
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return z of shape (batch, latent) from the list `[z_mean, z_log_var]`."""
        z_mean, z_log_var = inputs
        return z_mean + ops.exp(0.5 * z_log_var) * self.normal(z_mean)

    def compute_output_shape(self, input_shape: list[tuple]) -> tuple:
        """The shape of `z_mean`."""
        return input_shape[0]


@keras.saving.register_keras_serializable("gdl")
class AdaIN(keras.layers.Layer):
    """Adaptive instance normalisation (Huang and Belongie, arXiv:1703.06868).

    >>> content, style = ops.array([[[[0.0], [2.0]]]]), ops.array([[[[10.0], [30.0]]]])
    >>> AdaIN(epsilon=0.0)([content, style]).numpy().ravel().tolist()  # mean 20, deviation 10
    [10.0, 30.0]

    Args:
        epsilon: added to both variances, so that a flat channel divides by no zero.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return features of the content's shape from the list `[content, style]`."""
        content, style = inputs
        mean, variance = ops.moments(content, axes=(1, 2), keepdims=True)
        style_mean, style_variance = ops.moments(style, axes=(1, 2), keepdims=True)
        normalised = (content - mean) / ops.sqrt(variance + self.epsilon)
        return normalised * ops.sqrt(style_variance + self.epsilon) + style_mean

    def compute_output_shape(self, input_shape: list[tuple]) -> tuple:
        """The shape of the content."""
        return input_shape[0]

    def get_config(self) -> dict:
        """Settings for the `.keras` file."""
        return {**super().get_config(), "epsilon": self.epsilon}


KINDS = ("gaussian", "salt_and_pepper", "masking")


def _check_damage(kind: str, level: float) -> None:
    """Refuse an unknown kind of damage, or a level outside its range, with a ValueError."""
    fits = runtime.is_number(level) and level >= 0 and (level <= 1 or kind == "gaussian")
    if kind not in KINDS or not fits:
        hint = f"use one of {', '.join(KINDS)}, and 0 or more (a share: 0 to 1)"
        raise ValueError(f"kind is {kind!r} and level {level}: {hint}.")


def corrupt(x: tf.Tensor, kind: str, level: float, seed: Seed) -> tf.Tensor:
    """Damage images; the kinds and what `level` means stand at the top of this module.

    >>> corrupt([[0.2, 0.4]], "masking", level=1.0, seed=0).numpy().tolist()  # every value
    [[0.0, 0.0]]

    Args:
        x: images in [0, 1], shape (batch, height, width, channels).
        kind: one of `KINDS`.
        level: 0 or more; at most 1 where it is a share.
        seed: an integer gives the same damage every time, a `keras.random.SeedGenerator` goes on.

    Returns:
        float32 images in [0, 1] of the same shape; ValueError for other kinds or levels.
    """
    _check_damage(kind, level)
    x = ops.convert_to_tensor(x, "float32")
    if kind == "gaussian":
        return ops.clip(x + level * keras.random.normal(ops.shape(x), seed=seed), 0.0, 1.0)
    chance = keras.random.uniform(ops.shape(x), seed=seed)
    if kind == "masking":
        return ops.where(chance < level, 0.0, x)
    return ops.where(chance < level / 2, 0.0, ops.where(chance < level, 1.0, x))


@keras.saving.register_keras_serializable("gdl")
class Corruption(RandomLayer):
    """Damages its input while training and passes it on untouched afterwards (:func:`corrupt`).

    Args:
        kind: one of `KINDS`.
        level: strength of the damage.
        seed: as for every :class:`RandomLayer`.
    """

    def __init__(self, kind: str, level: float, seed: int | None = None, **kwargs: Any) -> None:
        _check_damage(kind, level)
        super().__init__(seed, **kwargs)
        self.kind, self.level = kind, level

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the damaged batch while training, else the batch."""
        if not training:
            return x
        return ops.cast(corrupt(x, self.kind, self.level, self.seed_generator), x.dtype)

    def get_config(self) -> dict:
        """Settings for the `.keras` file."""
        return {**super().get_config(), "kind": self.kind, "level": self.level}


@keras.saving.register_keras_serializable("gdl")
class MinibatchStdDev(keras.layers.Layer):
    """Tells D how much a batch varies: one more channel that holds a single number.

    The number is the standard deviation over the batch, averaged over all places and channels; a
    generator that always draws the same makes it 0 (Karras and others, arXiv:1710.10196). It is
    computed in float32, since float16 cannot hold the tiny number under the root.

    >>> MinibatchStdDev()(ops.array([[0.0], [2.0]])).numpy().tolist()
    [[0.0, 1.0], [2.0, 1.0]]
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return x of shape (batch, ..., channels) with one channel more."""
        variance = ops.var(ops.cast(x, "float32"), axis=0)
        number = ops.cast(ops.mean(ops.sqrt(variance + 1e-8)), x.dtype)
        return ops.concatenate([x, ops.zeros_like(x[..., :1]) + number], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """One channel more."""
        return (*input_shape[:-1], input_shape[-1] + 1)


@keras.saving.register_keras_serializable("gdl")
class InstanceNoise(RandomLayer):
    """Adds Gaussian noise to D's inputs while training, real and fake alike.

    Noise makes the two clouds overlap, so that D cannot be sure and its gradient means something
    (Soenderby and others, arXiv:1610.04490). `std` is a weight: a callback may let it fall.

    Args:
        std: standard deviation of the noise, in the units of the inputs, 0 or more.
        seed: as for every :class:`RandomLayer`.
    """

    def __init__(self, std: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        runtime.check_not_negative(std=std)
        self.start = std

    def build(self, input_shape: tuple) -> None:
        """Make the weight that holds the standard deviation."""
        constant = keras.initializers.Constant(self.start)
        self.std = self.add_weight(shape=(), initializer=constant, trainable=False, name="std")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return x, with noise while training."""
        return x + self.std * self.normal(x) if training else x

    def get_config(self) -> dict:
        """Settings for the `.keras` file."""
        return {**super().get_config(), "std": self.start}


@keras.saving.register_keras_serializable("gdl")
class KeptGaussianDropout(keras.layers.GaussianDropout):
    """Gaussian dropout that also acts after training, the noise of pix2pix (arXiv:1611.07004).

    Each value is multiplied by a draw from N(1, rate / (1 - rate)).
    """

    def call(self, inputs: tf.Tensor, training: bool = True) -> tf.Tensor:
        """Return the inputs times noise, whatever `training` says."""
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable("gdl")
class DiffAugment(RandomLayer):
    """Changes colours, shifts and covers a part of each picture, while training.

    Put first in D, it keeps a D that sees few real pictures from learning them by heart, and as the
    gradient passes through it, G does not learn to draw the changes (Zhao and others,
    arXiv:2006.10738). Brightness moves by up to a half, saturation is multiplied by 0 to 2 and
    contrast by 0.5 to 1.5; the shift is up to an eighth of the side, the square half a side wide.
    """

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return pictures of shape (batch, height, width, channels), changed while training."""
        return self.cover(self.shift(self.colour(x))) if training else x

    def draw(self, x: tf.Tensor, low: float, high: float) -> tf.Tensor:
        """One uniform float32 number for each picture, shape (batch, 1, 1, 1)."""
        shape = (ops.shape(x)[0], 1, 1, 1)
        return keras.random.uniform(shape, low, high, dtype="float32", seed=self.seed_generator)

    def colour(self, x: tf.Tensor) -> tf.Tensor:
        """Change brightness, saturation and contrast."""
        x = x + ops.cast(self.draw(x, -0.5, 0.5), x.dtype)
        grey = ops.mean(x, axis=-1, keepdims=True)
        x = grey + (x - grey) * ops.cast(self.draw(x, 0.0, 2.0), x.dtype)
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        return mean + (x - mean) * ops.cast(self.draw(x, 0.5, 1.5), x.dtype)

    def shift(self, x: tf.Tensor) -> tf.Tensor:
        """Move each picture across and down; zeros come in from outside."""
        for axis in (1, 2):
            side = x.shape[axis]
            steps = ops.floor(self.draw(x, -(side // 8), side // 8 + 1))
            source = _places(side, axis) - steps
            inside = ops.cast((source >= 0) & (source < side), x.dtype)
            places = ops.cast(ops.clip(source, 0, side - 1), "int32")
            x = inside * ops.take_along_axis(x, places, axis=axis)
        return x

    def cover(self, x: tf.Tensor) -> tf.Tensor:
        """Set a square of each picture to 0; it may hang over the edge."""
        covered = ops.ones((1, 1, 1, 1), x.dtype)
        for axis in (1, 2):
            side = x.shape[axis]
            distance = _places(side, axis) - ops.floor(self.draw(x, 0, side))
            near = (distance >= -(side // 4)) & (distance < side // 4)
            covered = covered * ops.cast(near, x.dtype)
        return x * (1 - covered)


def _places(side: int, axis: int) -> tf.Tensor:
    """0 to side - 1 along an axis of a batch of pictures."""
    shape = (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1)
    return ops.reshape(ops.arange(side, dtype="float32"), shape)


@keras.saving.register_keras_serializable("gdl")
class ReplayBuffer(RandomLayer):
    """Keeps some of G's older pictures and hands them out again in place of new ones.

    D then still sees what G drew a while ago, and G gains nothing by going in circles (Shrivastava
    and others, arXiv:1612.07828, section 2.3). Each call replaces the first `share` of the batch by
    pictures from the buffer, and writes as many new ones over random old ones. Until the buffer is
    full, the new pictures pass.

    >>> buffer = ReplayBuffer(capacity=1, share=1.0, seed=0)
    >>> [float(buffer(ops.array([[number]]))[0, 0]) for number in (1.0, 2.0, 3.0)]
    [1.0, 1.0, 2.0]

    Args:
        capacity: pictures to keep, 1 or more.
        share: how much of a batch comes from the buffer, 0 to 1.

    Raises:
        ValueError: a capacity below 1, or a share outside 0 to 1.
    """

    def __init__(
        self, capacity: int, share: float = 0.5, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        if not runtime.is_count(capacity) or not (runtime.is_number(share) and 0 <= share <= 1):
            allowed = "a capacity of 1 or more and a share from 0 to 1"
            raise ValueError(f"capacity is {capacity} and share {share}: use {allowed}.")
        self.capacity, self.share = int(capacity), share

    def build(self, input_shape: tuple) -> None:
        """Make room for the pictures."""
        held = {"initializer": "zeros", "trainable": False}
        self.kept = self.add_weight(shape=(self.capacity, *input_shape[1:]), name="kept", **held)
        self.seen = self.add_weight(shape=(), dtype="int32", name="seen", **held)

    def call(self, fakes: tf.Tensor) -> tf.Tensor:
        """Return a batch of the same shape, some of it from earlier calls."""
        if not self.share:
            return fakes
        share = self.share * ops.cast(ops.shape(fakes)[0], "float32")
        count = ops.maximum(1, ops.cast(share, "int32"))
        new = fakes[:count]
        full = self.seen >= self.capacity
        drawn = keras.random.randint((count,), 0, self.capacity, seed=self.seed_generator)
        next_free = (self.seen + ops.arange(count)) % self.capacity
        places = ops.where(full, drawn, next_free)
        old = ops.where(full, ops.take(self.kept, places, axis=0), new)
        self.kept.assign(ops.scatter_update(self.kept, places[:, None], new))
        self.seen.assign(self.seen + count)
        return ops.concatenate([old, fakes[count:]], axis=0)

    def get_config(self) -> dict:
        """Settings for the `.keras` file."""
        return {**super().get_config(), "capacity": self.capacity, "share": self.share}
