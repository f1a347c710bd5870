"""How does one learn to draw pictures without ever being told what is wrong with them?

Two networks play a game (Goodfellow and others, arXiv:1406.2661). The generator G turns noise into
pictures, the discriminator D says how real a picture looks, and each step has two phases:

    phase 1    D learns:  real pictures up, fakes down          G is held still
    phase 2    G learns:  its fakes up, through D's gradient    D is held still

    z ~ N(0, I) --generator--> fake --discriminator--> logit          x --discriminator--> logit

    symbol    shape              meaning
    x         (batch, ...)       real pictures in [-1, 1], or points of any range
    z         (batch, latent)    noise, drawn afresh in each phase
    logit     (batch, 1)         how real D finds it, a number without bounds

Which losses they minimise, and which penalty keeps D from growing steep, stands in
:mod:`helpers.losses`. The two networks are built in the notebook and handed in, so a learner can
read and change them. Holding a network still means that the optimizer does not touch its weights;
nothing is frozen by a flag that somebody could forget to lift. What a network notes down while it
looks still moves: batch statistics, and the norms that spectral normalisation divides by.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import autoencoder, contract, divergence, gan_parts, losses

BATCHES = gan_parts.BATCHES
OPTIONS = ("run_eagerly", "steps_per_execution", "jit_compile")  # of Keras' `compile`
UNITS = {
    "loss": ("d_loss", "g_loss"),
    "share D gets right": ("d_real", "d_fake"),
    "length of gradient": ("d_gradient", "g_gradient"),
}
METERS = tuple(name for names in UNITS.values() for name in names)
Conditions: TypeAlias = Sequence[tf.Tensor]  # none or one, shape (batch, ...)
Optimizer: TypeAlias = keras.optimizers.Optimizer


@keras.saving.register_keras_serializable("gdl")
class GAN(divergence.FiniteModel):
    """A generator and a discriminator, trained in turns.

    `fit(x)` trains on pictures; `fit([x, conditions])` where both networks take a second input.

    Args:
        generator: model from z, shape (batch, latent), or from `[z, conditions]`, to pictures.
        discriminator: model from pictures, or from `[pictures, conditions]`, to one logit.
        objective: one of `losses.OBJECTIVES`.
        penalty: one of `losses.PENALTIES`.
        penalty_weight: what it is multiplied by; 10 is usual for WGAN-GP and DRAGAN.
        discriminator_steps: steps of D for each of G, every one on its own `batch_size` pictures.
        batches: how D meets a batch while training: "separate", real pictures and fakes one after
            the other; "mixed", both in one pass, so that a layer that looks at the whole batch sees
            both kinds; "inference", D in inference mode: batch norm takes its stored statistics,
            and noise and dropout in D are off.
        average: how slowly a second, averaged generator follows, for example 0.999 per step; 0
            keeps none. Where there is one, it draws the samples.
        labels: what D is told about real pictures and fakes, 0 to 1; cross-entropies only.
        flip: share of those labels that is wrong on purpose; cross-entropies only.
        replay: a :class:`helpers.layers.ReplayBuffer` that D's fakes pass through, or None; it
            keeps no conditions, so it is for networks without.
        seed: fixes the draws of z; None takes Keras' global seed.

    Raises:
        ValueError: networks that do not fit, or a setting outside its range.
    """

    def __init__(
        self, generator: keras.Model, discriminator: keras.Model,
        objective: str = "non_saturating", penalty: str = "none", penalty_weight: float = 1.0,
        discriminator_steps: int = 1, batches: str = "separate", average: float = 0.0,
        labels: tuple[float, float] = (1.0, 0.0), flip: float = 0.0,
        replay: keras.layers.Layer | None = None, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.settings = {
            "objective": objective, "penalty": penalty, "penalty_weight": penalty_weight,
            "discriminator_steps": discriminator_steps, "batches": batches, "average": average,
            "labels": np.atleast_1d(labels).tolist(), "flip": flip, "seed": seed,
        }  # fmt: skip
        gan_parts.check_networks(generator, discriminator, replay)
        gan_parts.check_settings(self.settings, discriminator)
        self.generator, self.discriminator, self.replay = generator, discriminator, replay
        self.conditional = len(generator.inputs) == 2
        if replay is not None and not replay.built:
            replay.build(generator.output_shape)
        self.seed_generator = keras.random.SeedGenerator(self.settings["seed"])
        self.averaged = gan_parts.copy(generator) if average else None
        self.meters = {name: keras.metrics.Mean(name) for name in METERS}
        self.built = True

    @property
    def latent_dim(self) -> int:
        """Width of z."""
        return self.generator.inputs[0].shape[-1]

    @property
    def mean_labels(self) -> tuple[float, float]:
        """What D is told of a real picture and of a fake on average, flipped labels included."""
        (real, fake), flip = self.settings["labels"], self.settings["flip"]
        return real + flip * (fake - real), fake + flip * (real - fake)

    def compile(
        self, generator_optimizer: str | Optimizer, discriminator_optimizer: str | Optimizer,
        run_eagerly: bool = False, steps_per_execution: int = 1, jit_compile: str | bool = "auto",
    ) -> None:  # fmt: skip
        """Keras' `compile`, with one optimizer for each network, or the name of one.

        A network that computes in float16 gets a `LossScaleOptimizer` around its own.

        Raises:
            ValueError: both are one and the same object, which can hold one network's state only.
        """
        super().compile(None, None, None, None, None, run_eagerly, steps_per_execution, jit_compile)
        shared = generator_optimizer is discriminator_optimizer
        if shared and isinstance(generator_optimizer, keras.optimizers.Optimizer):
            raise ValueError("G and D share one optimizer: make one for each.")
        self.generator_optimizer = gan_parts.built(generator_optimizer, self.generator)
        self.discriminator_optimizer = gan_parts.built(discriminator_optimizer, self.discriminator)

    def get_compile_config(self) -> dict:
        """What `compile` was given, for the `.keras` file; nothing before it was called."""
        if not self.compiled:
            return super().get_compile_config()
        kept = ("generator_optimizer", "discriminator_optimizer", *OPTIONS)
        return {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in kept}

    def compile_from_config(self, config: dict) -> None:
        """Call `compile` as :meth:`get_compile_config` says; Keras then fills the optimizers."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def call(self, z: tf.Tensor | list[tf.Tensor], training: bool = False) -> tf.Tensor:
        """Return G's pictures for z, or for `[z, conditions]`."""
        return self.generator(z, training=training)

    def draw_z(self, count: int | tf.Tensor) -> tf.Tensor:
        """Fresh noise, shape (count, latent); several replicas draw all of it and take a part."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        shape = (replicas * count, self.latent_dim)
        z = keras.random.normal(shape, seed=self.seed_generator)
        start = tf.distribute.get_replica_context().replica_id_in_sync_group * count
        return z[start : start + count]

    def discriminate(
        self, pictures: tf.Tensor, conditions: Conditions, training: bool = True
    ) -> tf.Tensor:
        """D's logits of a batch, told its conditions if there are any."""
        inputs = [pictures, *conditions] if self.conditional else pictures
        training = training and self.settings["batches"] != "inference"
        return self.discriminator(inputs, training=training)

    def draw(self, z: tf.Tensor, conditions: Conditions, training: bool = True) -> tf.Tensor:
        """G's pictures for z, told their conditions if there are any."""
        return self.generator([z, *conditions] if self.conditional else z, training=training)

    def discriminator_step(
        self, real: tf.Tensor, z: tf.Tensor, conditions: Conditions = ()
    ) -> tuple[tf.Tensor, ...]:
        """Phase 1: one step of D; the weights of G are held still.

        Args:
            real: pictures, shape (batch, ...).
            z: noise of as many fakes, shape (batch, latent).
            conditions: what both are told, a tuple of one tensor or none.

        Returns:
            D's loss, the length of its gradient, and the logits of real pictures and fakes.
        """
        fake = ops.cast(self.draw(z, conditions), real.dtype)
        if self.replay is not None:
            fake = self.replay(fake)
        with tf.GradientTape() as tape:
            real_logits, fake_logits = self.discriminate_both(real, fake, conditions)
            loss = self.discriminator_loss(real_logits, fake_logits)
            loss += self._penalty(real, fake, conditions)
            scaled = self.discriminator_optimizer.scale_loss(loss)
        length = self._apply(tape, scaled, self.discriminator, self.discriminator_optimizer)
        return loss, length, real_logits, fake_logits

    def generator_step(self, z: tf.Tensor, conditions: Conditions = ()) -> tuple[tf.Tensor, ...]:
        """Phase 2: one step of G, through D's gradient; the weights of D are held still.

        Args:
            z: noise, shape (batch, latent).
            conditions: what both are told, a tuple of one tensor or none.

        Returns:
            G's loss and the length of its gradient.
        """
        with tf.GradientTape() as tape:
            logits = self.discriminate(self.draw(z, conditions), conditions)
            loss = losses.generator_loss(self.settings["objective"], logits)
            scaled = self.generator_optimizer.scale_loss(loss)
        length = self._apply(tape, scaled, self.generator, self.generator_optimizer)
        self._follow()
        return loss, length

    def discriminator_loss(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """What D minimises, without the penalty; labels may be soft, and some wrong."""
        real, fake = self.settings["labels"]
        if self.settings["flip"]:
            real, fake = self._flip(real_logits, real, fake), self._flip(fake_logits, fake, real)
        objective = self.settings["objective"]
        return losses.discriminator_loss(objective, real_logits, fake_logits, real, fake)

    def _flip(self, logits: tf.Tensor, label: float, other: float) -> tf.Tensor:
        chance = keras.random.uniform(ops.shape(logits), seed=self.seed_generator)
        return ops.where(chance < self.settings["flip"], other, label)

    def discriminate_both(
        self, real: tf.Tensor, fake: tf.Tensor, conditions: Conditions
    ) -> Sequence[tf.Tensor]:
        """D's logits of real pictures and of fakes, as phase 1 takes them; see `batches`."""
        if self.settings["batches"] != "mixed":
            return self.discriminate(real, conditions), self.discriminate(fake, conditions)
        twice = [ops.concatenate([condition, condition]) for condition in conditions]
        return ops.split(self.discriminate(ops.concatenate([real, fake]), twice), 2)

    def _penalty(self, real: tf.Tensor, fake: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        penalty, weight = self.settings["penalty"], self.settings["penalty_weight"]
        return weight * losses.gradient_penalty(
            penalty, lambda x: self.discriminate(x, conditions), real, fake, self.seed_generator
        )

    def _apply(
        self, tape: tf.GradientTape, scaled: tf.Tensor, network: keras.Model, optimizer: Optimizer
    ) -> tf.Tensor:
        """One step, of which each replica gives its share; the length of its own gradient."""
        weights = network.trainable_variables
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        gradients = tape.gradient(scaled, weights)  # None where a weight has no part in the loss
        gradients = [g if g is None else tf.convert_to_tensor(g) / replicas for g in gradients]
        optimizer.apply(gradients, weights)
        return replicas * gan_parts.length(gradients, optimizer)

    def _follow(self) -> None:
        """Let the averaged generator follow: its weights slowly, batch statistics at once."""
        if self.averaged is None:
            return
        for slow, fast in zip(self.averaged.variables, self.generator.variables, strict=True):
            decay = self.settings["average"] if fast.trainable else 0.0
            slow.assign(decay * slow + (1 - decay) * fast if decay else fast)

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """Phase 1 `discriminator_steps` times, each on its own part of the batch, then phase 2."""
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        real, *conditions = batch if self.conditional else [batch]
        real, steps = ops.cast(real, "float32"), self.settings["discriminator_steps"]
        for number in range(steps):
            shares = (gan_parts.share(x, number, steps) for x in (real, *conditions))
            part, *part_conditions = shares
            count = ops.shape(part)[0]
            discriminated = self.discriminator_step(part, self.draw_z(count), part_conditions)
        generated = self.generator_step(self.draw_z(count), part_conditions)
        return self._report(discriminated, generated, count)

    def _report(self, discriminated: tuple, generated: tuple, count: int | tf.Tensor) -> dict:
        """Means since the epoch began, a step weighed by its number of pictures."""
        (d_loss, d_gradient, real, fake), (g_loss, g_gradient) = discriminated, generated
        border = losses.undecided_logit(self.settings["objective"])
        real_right, fake_right = ops.mean(real > border), ops.mean(fake < border)
        values = (d_loss, g_loss, real_right, fake_right, d_gradient, g_gradient)
        for meter, value in zip(self.meters.values(), values, strict=True):
            meter.update_state(value, sample_weight=count)
        return {name: meter.result() for name, meter in self.meters.items()}

    def fit(
        self, x: contract.Data, y: None = None, batch_size: int | None = None, *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:  # fmt: skip
        """Keras' `fit`, after a look at the data. The last batch of an epoch may be smaller.

        Args:
            x: pictures, shape (n, height, width, channels), in the range in which G draws, or
                points, shape (n, width); `[x, conditions]` where the networks take conditions. Or a
                `tf.data.Dataset`, `keras.utils.PyDataset` or generator of batches of pictures, or
                of `((pictures, conditions),)`; the first batch is looked at.
            y: nothing: a GAN has no targets.
            batch_size: pictures per step of D, 64 if None. The steps of D share a dataset's batch.
            *args: anything else `keras.Model.fit` takes, but for weights and validation.
            **kwargs: the same, by name.

        Raises:
            ValueError: data or an option that do not fit; says which, and what to do.
        """
        given = contract.by_name(keras.Model.fit, (batch_size, *args), kwargs)
        gan_parts.check_options(x, {"y": y, **given})
        steps = self.settings["discriminator_steps"]
        x, options = gan_parts.checked(x, batch_size, steps, self.generator, self.discriminator)
        return super().fit(x, **{**given, **options})

    def evaluate(self, *given: Any, **kwargs: Any) -> None:
        """Refused: see the message."""
        raise ValueError(f"evaluate was called: {gan_parts.UNSEEN}.")

    def sample(self, z: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
        """As :func:`sample`, after training, by the averaged generator where there is one.

        Raises:
            ValueError: z or the conditions have another shape than the generator's inputs.
        """
        z, wanted = np.asarray(z, "float32"), [given.shape[1:] for given in self.generator.inputs]
        shapes = [np.shape(given) for given in (z, *conditions)]
        if shapes != [(*z.shape[:1], *shape) for shape in wanted]:
            hint = " and ".join(f"(n, {', '.join(map(str, shape))})" for shape in wanted)
            raise ValueError(f"z and conditions have shapes {shapes}: use {hint}.")
        network = self.generator if self.averaged is None else self.averaged
        return sample(network, z, *conditions)

    def get_config(self) -> dict:
        """Settings for the `.keras` file: the networks, the buffer and every choice."""
        parts = {"generator": self.generator, "discriminator": self.discriminator}
        saved = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        replay = self.replay and keras.saving.serialize_keras_object(self.replay)
        return {**super().get_config(), **saved, **self.settings, "replay": replay}

    @classmethod
    def from_config(cls, config: dict) -> "GAN":
        """Rebuild the model from :meth:`get_config`."""
        for part in ("generator", "discriminator", "replay"):
            if config[part] is not None:
                config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


def sample(generator: keras.Model, z: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
    """A generator's pictures in inference mode, however many.

    Args:
        generator: model from z, or from `[z, conditions]`, to pictures.
        z: noise, shape (n, latent).
        *conditions: one array of n rows, or none.

    Returns:
        Shape (n, height, width, channels), or points.
    """
    numbers = np.arange(len(z))

    def network(part: np.ndarray) -> tf.Tensor:
        inputs = [z[part], *(np.asarray(condition)[part] for condition in conditions)]
        return generator(inputs if conditions else inputs[0], training=False)

    return autoencoder.in_batches(network, numbers)
