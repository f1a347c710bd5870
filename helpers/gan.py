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

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import autoencoder, data, losses, runtime

CROSS_ENTROPIES = ("minimax", "non_saturating")
BATCHES = ("separate", "mixed", "inference")
UNITS = {
    "loss": ("d_loss", "g_loss"),
    "share D gets right": ("d_real", "d_fake"),
    "length of gradient": ("d_gradient", "g_gradient"),
}
METERS = tuple(name for names in UNITS.values() for name in names)


@keras.saving.register_keras_serializable("gdl")
class GAN(keras.Model):
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
        self, generator, discriminator, objective: str = "non_saturating", penalty: str = "none",
        penalty_weight: float = 1.0, discriminator_steps: int = 1, batches: str = "separate",
        average: float = 0.0, labels: tuple[float, float] = (1.0, 0.0), flip: float = 0.0,
        replay=None, seed: int | None = None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.settings = {
            "objective": objective, "penalty": penalty, "penalty_weight": penalty_weight,
            "discriminator_steps": discriminator_steps, "batches": batches, "average": average,
            "labels": np.atleast_1d(labels).tolist(), "flip": flip, "seed": seed,
        }  # fmt: skip
        _check_networks(generator, discriminator, replay)
        _check_settings(self.settings)
        self.generator, self.discriminator, self.replay = generator, discriminator, replay
        self.conditional = len(generator.inputs) == 2
        if replay is not None and not replay.built:
            replay.build(generator.output_shape)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.averaged = keras.models.clone_model(generator) if average else None
        if average:
            self.averaged.set_weights(generator.get_weights())
        self.meters = {name: keras.metrics.Mean(name) for name in METERS}
        self.built = True

    @property
    def latent_dim(self) -> int:
        """Width of z."""
        return self.generator.inputs[0].shape[-1]

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Keras' `compile`, with one optimizer for each network, or the name of one.

        Raises:
            ValueError: both are one and the same object, which can hold one network's state only.
        """
        super().compile(**kwargs)
        self.generator_optimizer = keras.optimizers.get(generator_optimizer)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        if self.generator_optimizer is self.discriminator_optimizer:
            raise ValueError("G and D share one optimizer: make one for each.")
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, z, training=False):
        """Return G's pictures for z, or for `[z, conditions]`."""
        return self.generator(z, training=training)

    def draw_z(self, count):
        """Fresh noise, shape (count, latent); several replicas draw all of it and take a part."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        shape = (replicas * count, self.latent_dim)
        z = keras.random.normal(shape, seed=self.seed_generator)
        start = tf.distribute.get_replica_context().replica_id_in_sync_group * count
        return z[start : start + count]

    def discriminate(self, pictures, conditions, training=True):
        """D's logits of a batch, told its conditions if there are any."""
        inputs = [pictures, *conditions] if self.conditional else pictures
        training = training and self.settings["batches"] != "inference"
        return self.discriminator(inputs, training=training)

    def draw(self, z, conditions, training=True):
        """G's pictures for z, told their conditions if there are any."""
        return self.generator([z, *conditions] if self.conditional else z, training=training)

    def discriminator_step(self, real, z, conditions=()):
        """Phase 1: one step of D; the weights of G are held still.

        Args:
            real: pictures, shape (batch, ...).
            z: noise of as many fakes, shape (batch, latent).
            conditions: what both are told, a tuple of one tensor or none.

        Returns:
            D's loss, the length of its gradient, and the logits of real pictures and fakes.
        """
        fake = self.draw(z, conditions)
        if self.replay is not None:
            fake = self.replay(fake)
        with tf.GradientTape() as tape:
            real_logits, fake_logits = self.discriminate_both(real, fake, conditions)
            loss = self.discriminator_loss(real_logits, fake_logits)
            loss += self._penalty(real, fake, conditions)
        length = self._apply(tape, loss, self.discriminator, self.discriminator_optimizer)
        return loss, length, real_logits, fake_logits

    def generator_step(self, z, conditions=()):
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
        length = self._apply(tape, loss, self.generator, self.generator_optimizer)
        self._follow()
        return loss, length

    def discriminator_loss(self, real_logits, fake_logits):
        """What D minimises, without the penalty; labels may be soft, and some wrong."""
        real, fake = self.settings["labels"]
        if self.settings["flip"]:
            real, fake = (
                self._flipped(real_logits, real, fake),
                self._flipped(fake_logits, fake, real),
            )
        objective = self.settings["objective"]
        return losses.discriminator_loss(objective, real_logits, fake_logits, real, fake)

    def _flipped(self, logits, label, other):
        chance = keras.random.uniform(ops.shape(logits), seed=self.seed_generator)
        return ops.where(chance < self.settings["flip"], other, label)

    def discriminate_both(self, real, fake, conditions):
        """D's logits of real pictures and of fakes, as phase 1 takes them; see `batches`."""
        if self.settings["batches"] != "mixed":
            return self.discriminate(real, conditions), self.discriminate(fake, conditions)
        twice = [ops.concatenate([condition, condition]) for condition in conditions]
        return ops.split(self.discriminate(ops.concatenate([real, fake]), twice), 2)

    def _penalty(self, real, fake, conditions):
        penalty, weight = self.settings["penalty"], self.settings["penalty_weight"]
        return weight * losses.gradient_penalty(
            penalty, lambda x: self.discriminate(x, conditions), real, fake, self.seed_generator
        )

    def _apply(self, tape, loss, network, optimizer):
        """One optimizer step; replicas add their gradients, so each gives its share.

        Returns the length of this replica's own gradient.
        """
        weights = network.trainable_variables
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        gradients = [gradient / replicas for gradient in tape.gradient(loss, weights)]
        optimizer.apply(gradients, weights)
        return replicas * tf.linalg.global_norm(gradients)

    def _follow(self):
        """Let the averaged generator follow: its weights slowly, batch statistics at once."""
        if self.averaged is None:
            return
        for slow, fast in zip(self.averaged.variables, self.generator.variables, strict=True):
            decay = self.settings["average"] if fast.trainable else 0.0
            slow.assign(decay * slow + (1 - decay) * fast if decay else fast)

    def train_step(self, batch):
        """Phase 1 `discriminator_steps` times, each on its own part of the batch, then phase 2."""
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        real, *conditions = batch if self.conditional else [batch]
        steps = self.settings["discriminator_steps"]
        for number in range(steps):
            part = real[number::steps]
            part_conditions = [condition[number::steps] for condition in conditions]
            z = self.draw_z(ops.shape(part)[0])
            discriminated = self.discriminator_step(part, z, part_conditions)
        generated = self.generator_step(self.draw_z(ops.shape(part)[0]), part_conditions)
        return self._report(*discriminated, *generated)

    def _report(self, d_loss, d_gradient, real_logits, fake_logits, g_loss, g_gradient):
        border = losses.undecided_logit(self.settings["objective"])
        real_right, fake_right = ops.mean(real_logits > border), ops.mean(fake_logits < border)
        values = (d_loss, g_loss, real_right, fake_right, d_gradient, g_gradient)
        for meter, value in zip(self.meters.values(), values, strict=True):
            meter.update_state(value)
        return {name: meter.result() for name, meter in self.meters.items()}

    def fit(self, x, *, batch_size: int = 64, **kwargs):
        """Keras' `fit`, on whole batches only: what is left over at the end is not used.

        Args:
            x: pictures in [-1, 1], shape (n, height, width, channels), or points, shape (n, width);
                a list of them and their conditions where the networks take conditions.
            batch_size: pictures per step of D.
            **kwargs: anything else `keras.Model.fit` takes.

        Raises:
            ValueError: another shape or range, numbers that are not finite, not as many conditions
                as pictures, or fewer pictures than a step needs.
        """
        runtime.check_count(batch_size=batch_size)
        parts = data.split_conditions(x, self.conditional)
        per_step = batch_size * self.settings["discriminator_steps"]
        data.check_real(parts[0], self.discriminator.inputs[0].shape[1:], per_step)
        whole = len(parts[0]) - len(parts[0]) % per_step
        parts = [part[:whole] for part in parts]
        return super().fit(parts if self.conditional else parts[0], batch_size=per_step, **kwargs)

    def sample(self, z: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
        """G's pictures after training, by the averaged generator where there is one.

        Arguments and result as in :func:`sample`.

        Raises:
            ValueError: z or the conditions have another shape than the generator's inputs.
        """
        z = np.asarray(z, "float32")
        widths = [given.shape[-1] for given in self.generator.inputs]
        shapes = [np.shape(given) for given in (z, *conditions)]
        if shapes != [(len(z), width) for width in widths]:
            wanted = " and ".join(f"(n, {width})" for width in widths)
            raise ValueError(f"z and conditions have shapes {shapes}: use {wanted}.")
        network = self.generator if self.averaged is None else self.averaged
        return sample(network, z, *conditions)

    def get_config(self):
        """Settings for the `.keras` file: the networks, the buffer and every choice.

        The state of the random numbers is not kept, as in Keras' own layers: a model that is loaded
        draws from its seed again.
        """
        parts = {"generator": self.generator, "discriminator": self.discriminator}
        saved = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        replay = self.replay and keras.saving.serialize_keras_object(self.replay)
        return {**super().get_config(), **saved, **self.settings, "replay": replay}

    @classmethod
    def from_config(cls, config):
        """Rebuild the model from :meth:`get_config`."""
        for part in ("generator", "discriminator", "replay"):
            if config[part] is not None:
                config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


def sample(generator, z: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
    """A generator's pictures in inference mode, however many.

    Args:
        generator: model from z, or from `[z, conditions]`, to pictures.
        z: noise, shape (n, latent).
        *conditions: one array of n rows, or none.

    Returns:
        Shape (n, height, width, channels), or points.
    """
    numbers = np.arange(len(z))

    def network(part):
        inputs = [z[part], *(np.asarray(condition)[part] for condition in conditions)]
        return generator(inputs if conditions else inputs[0], training=False)

    return autoencoder.in_batches(network, numbers)


def _check_networks(generator, discriminator, replay) -> None:
    drawn, taken = generator.output_shape, discriminator.inputs[0].shape
    if drawn != taken or discriminator.output_shape != (None, 1):
        raise ValueError(
            f"The generator draws {drawn}, the discriminator takes {taken} and answers "
            f"{discriminator.output_shape}: the first two must agree, and the last be (None, 1)."
        )
    if len(generator.inputs) != len(discriminator.inputs) or len(generator.inputs) > 2:
        counts = f"{len(generator.inputs)} and {len(discriminator.inputs)}"
        raise ValueError(f"The networks take {counts} inputs: use one each, or two each.")
    widths = [[c.shape[-1] for c in network.inputs[1:]] for network in (generator, discriminator)]
    if widths[0] != widths[1]:
        both = f"{widths[0][0]} and {widths[1][0]}"
        raise ValueError(f"The networks take {both} numbers as conditions: use as many in both.")
    if replay is not None and len(generator.inputs) == 2:
        raise ValueError("A replay buffer keeps no conditions: use it with networks without.")


def _check_settings(settings: dict) -> None:
    losses.check_game(settings["objective"], settings["penalty"])
    if settings["batches"] not in BATCHES:
        raise ValueError(f"batches is {settings['batches']!r}: use one of {', '.join(BATCHES)}.")
    runtime.check_count(discriminator_steps=settings["discriminator_steps"])
    runtime.check_not_negative(penalty_weight=settings["penalty_weight"])
    runtime.check_share(average=settings["average"], flip=settings["flip"])
    labels = settings["labels"]
    if len(labels) != 2 or not all(0 <= label <= 1 for label in labels):
        raise ValueError(f"labels are {labels}: use two numbers from 0 to 1, real and fake.")
    changed = labels != [1.0, 0.0] or settings["flip"]
    if changed and settings["objective"] not in CROSS_ENTROPIES:
        hint = f"use one of {', '.join(CROSS_ENTROPIES)}, or leave labels and flip as they are"
        raise ValueError(f"{settings['objective']} has no labels to change: {hint}.")
