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

from helpers import autoencoder, losses, runtime
from helpers.training.callbacks import StepCounter

CROSS_ENTROPIES = ("minimax", "non_saturating")
BATCHES = ("separate", "mixed", "inference")
ADVICE = {
    "D wins": "try one-sided labels, noise on D's inputs, a penalty, or a smaller D",
    "steep": "try a smaller learning rate, a penalty, or spectral normalisation",
    "collapse": "try MinibatchStdDev, a penalty, or a smaller learning rate for G",
}
UNITS = {
    "loss": ("d_loss", "g_loss"),
    "share D gets right": ("d_real", "d_fake"),
    "length of gradient": ("d_gradient", "g_gradient"),
}
METERS = tuple(name for names in UNITS.values() for name in names)


def to_tanh_range(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1] as images in [-1, 1], the range of G's tanh."""
    return 2 * np.asarray(images, "float32") - 1


def to_unit_range(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as images in [0, 1], for plots and judges."""
    return (np.asarray(images) + 1) / 2


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
        self,
        generator,
        discriminator,
        objective: str = "non_saturating",
        penalty: str = "none",
        penalty_weight: float = 1.0,
        discriminator_steps: int = 1,
        batches: str = "separate",
        average: float = 0.0,
        labels: tuple[float, float] = (1.0, 0.0),
        flip: float = 0.0,
        replay=None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "objective": objective,
            "penalty": penalty,
            "penalty_weight": penalty_weight,
            "discriminator_steps": discriminator_steps,
            "batches": batches,
            "average": average,
            "labels": np.atleast_1d(labels).tolist(),
            "flip": flip,
            "seed": seed,
        }
        _check_networks(generator, discriminator)
        _check_settings(self.settings)
        self.generator, self.discriminator, self.replay = generator, discriminator, replay
        self.conditional = len(generator.inputs) == 2
        if replay is not None:
            _build_replay(replay, generator)
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

    def judge(self, pictures, conditions, training=True):
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
            real_logits, fake_logits = self.judge_both(real, fake, conditions)
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
            logits = self.judge(self.draw(z, conditions), conditions)
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
        return losses.discriminator_loss(
            self.settings["objective"], real_logits, fake_logits, real, fake
        )

    def _flipped(self, logits, label, other):
        chance = keras.random.uniform(ops.shape(logits), seed=self.seed_generator)
        return ops.where(chance < self.settings["flip"], other, label)

    def judge_both(self, real, fake, conditions):
        """D's logits of real pictures and of fakes, as phase 1 takes them; see `batches`."""
        if self.settings["batches"] != "mixed":
            return self.judge(real, conditions), self.judge(fake, conditions)
        twice = [ops.concatenate([told, told]) for told in conditions]
        return ops.split(self.judge(ops.concatenate([real, fake]), twice), 2)

    def _penalty(self, real, fake, conditions):
        penalty, weight = self.settings["penalty"], self.settings["penalty_weight"]
        return weight * losses.gradient_penalty(
            penalty, lambda x: self.judge(x, conditions), real, fake, self.seed_generator
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
        pairs = zip(self.averaged.variables, self.generator.variables, strict=True)
        for slow, fast in pairs:
            decay = self.settings["average"] if fast.trainable else 0.0
            slow.assign(decay * slow + (1 - decay) * fast if decay else fast)

    def train_step(self, batch):
        """Phase 1 `discriminator_steps` times, each on its own part of the batch, then phase 2."""
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        real, *conditions = batch if self.conditional else [batch]
        steps = self.settings["discriminator_steps"]
        for number in range(steps):
            part, told = real[number::steps], [condition[number::steps] for condition in conditions]
            z = self.draw_z(ops.shape(part)[0])
            found = self.discriminator_step(part, z, told)
        generated = self.generator_step(self.draw_z(ops.shape(part)[0]), told)
        return self._report(*found, *generated)

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
        runtime.check_settings(batch_size=batch_size)
        parts = self._parts(x)
        per_step = batch_size * self.settings["discriminator_steps"]
        self._check(parts[0], per_step)
        whole = len(parts[0]) - len(parts[0]) % per_step
        parts = [part[:whole] for part in parts]
        given = parts if self.conditional else parts[0]
        return super().fit(given, batch_size=per_step, **kwargs)

    def _parts(self, x) -> list:
        """The pictures, and as many conditions where the networks take some."""
        listed = isinstance(x, (list, tuple))
        if listed != self.conditional or (listed and len(x) != 2):
            wanted = "[pictures, conditions]" if self.conditional else "one array of pictures"
            raise ValueError(f"These networks learn from {wanted}: call fit({wanted}).")
        parts = list(x) if listed else [x]
        lengths = [len(part) for part in parts]
        if len(set(lengths)) > 1:
            hint = "give one row of conditions for each picture"
            raise ValueError(f"There are {lengths[0]} pictures and {lengths[1]} rows: {hint}.")
        return parts

    def _check(self, images, per_step: int) -> None:
        wanted = self.discriminator.inputs[0].shape[1:]
        if images.shape[1:] != wanted:
            hint = f"use (n, {', '.join(map(str, wanted))}), as the discriminator takes"
            raise ValueError(f"The pictures have shape {images.shape}: {hint}.")
        if len(images) < per_step:
            hint = "use a smaller batch_size or more pictures"
            raise ValueError(
                f"A step needs {per_step} pictures and there are {len(images)}: {hint}."
            )
        low, high = float(np.min(images)), float(np.max(images))
        if not np.isfinite([low, high]).all():
            hint = "look for what is not a number, or infinite"
            raise ValueError(f"The pictures lie in [{low:g}, {high:g}]: {hint}.")
        if len(wanted) == 3 and (low < -1.001 or high > 1.001):
            hint = "bring them to [-1, 1] with gan.to_tanh_range"
            raise ValueError(f"The pictures lie in [{low:g}, {high:g}]: {hint}.")

    def sample(self, z: np.ndarray, *conditions: np.ndarray) -> np.ndarray:
        """G's pictures after training, by the averaged generator where there is one.

        Args:
            z: noise, shape (n, latent).
            *conditions: what G is told, one array of n rows, or none.

        Returns:
            Pictures in [-1, 1], shape (n, height, width, channels), or points.

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
        inputs = [z[part], *(np.asarray(told)[part] for told in conditions)]
        return generator(inputs if conditions else inputs[0], training=False)

    return autoencoder.in_batches(network, numbers)


def _check_networks(generator, discriminator) -> None:
    drawn, judged = generator.output_shape, discriminator.inputs[0].shape
    if drawn != judged or discriminator.output_shape != (None, 1):
        raise ValueError(
            f"The generator draws {drawn}, the discriminator takes {judged} and answers "
            f"{discriminator.output_shape}: the first two must agree, and the last be (None, 1)."
        )
    if len(generator.inputs) != len(discriminator.inputs) or len(generator.inputs) > 2:
        counts = f"{len(generator.inputs)} and {len(discriminator.inputs)}"
        raise ValueError(f"The networks take {counts} inputs: use one each, or two each.")
    networks = (generator, discriminator)
    widths = [[told.shape[-1] for told in network.inputs[1:]] for network in networks]
    if widths[0] != widths[1]:
        both = f"{widths[0][0]} and {widths[1][0]}"
        raise ValueError(f"The networks take {both} numbers as conditions: use as many in both.")


def _build_replay(replay, generator) -> None:
    if len(generator.inputs) == 2:
        raise ValueError("A replay buffer keeps no conditions: use it with networks without.")
    if not replay.built:
        replay.build(generator.output_shape)


def _check_settings(settings: dict) -> None:
    losses.check_game(settings["objective"], settings["penalty"])
    if settings["batches"] not in BATCHES:
        raise ValueError(f"batches is {settings['batches']!r}: use one of {', '.join(BATCHES)}.")
    runtime.check_settings(discriminator_steps=settings["discriminator_steps"])
    if not settings["penalty_weight"] >= 0:
        raise ValueError(f"penalty_weight is {settings['penalty_weight']}: use 0 or more.")
    labels = settings["labels"]
    if len(labels) != 2 or not all(0 <= label <= 1 for label in labels):
        raise ValueError(f"labels are {labels}: use two numbers from 0 to 1, real and fake.")
    changed = labels != [1.0, 0.0] or settings["flip"]
    if changed and settings["objective"] not in CROSS_ENTROPIES:
        hint = f"use one of {', '.join(CROSS_ENTROPIES)}, or leave labels and flip as they are"
        raise ValueError(f"{settings['objective']} has no labels to change: {hint}.")
    for name, value in (("average", settings["average"]), ("flip", settings["flip"])):
        if not 0 <= value < 1:
            raise ValueError(f"{name} is {value}: use a number from 0 to below 1.")


def _check_interval(steps: int) -> None:
    if steps != int(steps) or steps < 1:
        raise ValueError(f"{steps} steps are no interval: use a whole number of 1 or more.")


class Snapshots(StepCounter):
    """Draws the same z again and again while a GAN trains.

    Args:
        z: noise, shape (n, latent).
        every: steps from one look to the next; the first is before training.
        conditions: what G is told, shape (n, ...), or None.

    After training `steps` holds when, and `pictures` what, shape (n, height, width, channels) each.
    """

    def __init__(self, z: np.ndarray, every: int, conditions: np.ndarray | None = None):
        super().__init__()
        _check_interval(every)
        self.z, self.every, self.told = z, every, () if conditions is None else (conditions,)
        self.steps, self.pictures = [], []

    def look(self):
        """Keep what G draws now."""
        self.steps.append(self.done)
        self.pictures.append(self.model.sample(self.z, *self.told))

    def on_train_begin(self, logs=None):
        """The first look; a second `fit` goes on from the last one."""
        if not self.steps:
            self.look()

    def on_train_batch_end(self, batch, logs=None):
        """A look, when it is time."""
        if self.passed(self.every, self.count(batch)):
            self.look()


class Anneal(StepCounter):
    """Lets a weight fall from where it starts to 0 in a straight line, for example of noise.

    Args:
        weight: for example `InstanceNoise(0.5).std` of a built layer.
        steps: of training until it is 0.
    """

    def __init__(self, weight, steps: int):
        super().__init__()
        _check_interval(steps)
        self.weight, self.steps, self.start = weight, steps, float(weight)

    def on_train_batch_end(self, batch, logs=None):
        """One step further down, or as many as were taken."""
        self.count(batch)
        self.weight.assign(self.start * max(0.0, 1 - self.done / self.steps))


class FailureWatch(StepCounter):
    """Looks for the signs of a game that is lost, says what it saw and what to try.

    It looks at means over `every` steps, or since the epoch began if that is later. "D wins" is
    looked for under every objective but Wasserstein, whose loss has no lower end. Each sign is
    reported once, in `warnings` by name, and in print if wanted.

    Args:
        real: some real pictures or points, 2 or more, to know how much they vary, shape (n, ...).
        every: steps from one look to the next.
        conditions: what G is told, n rows, or None.
        stop: whether to end training at the first sign.
        verbose: whether to print.
    """

    LOW_LOSS, STEEP, ALIKE = 0.02, 100.0, 0.1

    def __init__(self, real, every: int = 50, conditions=None, stop=False, verbose=True):
        super().__init__()
        _check_interval(every)
        self.spread = float(np.std(real, axis=0).mean())
        if not self.spread > 0:
            raise ValueError("The real pictures do not vary: give two or more that differ.")
        self.told = () if conditions is None else (conditions[:64],)
        self.every, self.stop, self.verbose = every, stop, verbose
        self.warnings = {}

    def on_train_begin(self, logs=None):
        """Choose the noise whose pictures are compared."""
        count = len(self.told[0]) if self.told else 64
        self.z = np.random.default_rng(0).normal(size=(count, self.model.latent_dim))

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' means begin anew with every epoch."""
        super().on_epoch_begin(epoch)
        self.before, self.since = {}, 0

    def on_train_batch_end(self, batch, logs=None):
        """A look, when it is time."""
        if not self.passed(self.every, self.count(batch)):
            return
        sums = {name: float(logs[name]) * self.in_epoch for name in METERS}
        count = self.in_epoch - self.since
        recent = {name: (sums[name] - self.before.get(name, 0.0)) / count for name in METERS}
        self.before, self.since = sums, self.in_epoch
        for sign, seen in self.signs(recent).items():
            self.report(sign, seen)

    def signs(self, recent: dict) -> dict[str, str]:
        """What is wrong in the means over the last steps and in what G draws now."""
        found, settings = {}, self.model.settings
        least = losses.least_discriminator_loss(settings["objective"], *settings["labels"])
        if recent["d_loss"] < least + self.LOW_LOSS:
            found["D wins"] = (
                f"D's loss is {recent['d_loss']:.3g} and cannot fall below {least:.3g}"
            )
        steepest = float(np.max([recent["d_gradient"], recent["g_gradient"]]))
        if not steepest <= self.STEEP:
            found["steep"] = f"a gradient has length {steepest:.3g}"
        varied = float(np.std(self.model.sample(self.z, *self.told), axis=0).mean())
        if not varied >= self.ALIKE * self.spread:
            found["collapse"] = f"G's pictures vary by {varied:.3g}, real ones by {self.spread:.3g}"
        return found

    def report(self, sign: str, seen: str) -> None:
        """Say it, the first time."""
        if sign in self.warnings:
            return
        self.warnings[sign] = f"step {self.done}: {seen}; {ADVICE[sign]}."
        if self.verbose:
            print(self.warnings[sign])
        if self.stop:
            self.model.stop_training = True
