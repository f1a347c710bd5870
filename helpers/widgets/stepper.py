"""Play a GAN's game by hand, one step at a time."""

import io
import time
from collections.abc import Callable

import ipywidgets
import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image

from helpers import losses, metrics, runtime
from helpers.data import toys
from helpers.divergence import check_finite
from helpers.gan import GAN
from helpers.widgets.base import Lab
from helpers.widgets.controls import make_menu
from helpers.widgets.jobs import Job, complaint
from helpers.widgets.stepper_drawing import ACROSS, LEGEND, REACH, SIDE, draw_curves, draw_plane


class GanStepper(Lab):
    """A GAN on the plane, one phase at a time: points, D's opinion, and where G is pulled.

    The heat map is D's probability that a point is real: white where it is undecided. An arrow is
    minus the gradient of G's loss in a fake, so it shows where D would like that fake to go; longer
    is stronger. The points are those of G itself, not of an averaged G. Same seed, same phases:
    `reset` starts the same game again.

    Args:
        build: called once, without arguments; returns a compiled :class:`helpers.gan.GAN` of
            2-D points.
        seed: of the batches and z, and of the first weights where the layers have no seed of
            their own; no global generator is touched or asked.

    Raises:
        ValueError: the model draws something else than 2-D points, takes conditions or is not
            compiled.
    """

    title = "GAN stepper: real and generated points, D's opinion, both losses and modes covered"
    BATCH_SIZE, POINTS, SHOWN, ARROWS, CELLS = 128, 1000, 250, 40, 40
    FRAME_SECONDS, SLOW_SECONDS = 0.05, 0.6
    FILM, MOST_FRAMES = 0.2, 60

    def __init__(self, build: Callable[[], GAN], seed: int = 0) -> None:
        self.seed = runtime.check_seed(seed)
        with runtime.layers_draw_from(seed):
            self.model = build()
        _check_points(self.model)
        optimizers = (self.model.generator_optimizer, self.model.discriminator_optimizer)
        parts = (self.model, *optimizers)
        self.variables = [variable for part in parts for variable in part.variables]
        self.first = [ops.copy(variable) for variable in self.variables]
        self.job, self.steps = Job(), None
        self._trace()
        self.menu = make_menu("cloud", list(toys.TOYS))
        self._arrange()
        self.reset()

    def _trace(self) -> None:
        """Compile both phases and the look at D, and run them once: no later step waits for it."""
        pairs = tf.TensorSpec((self.BATCH_SIZE, 2)), tf.TensorSpec((self.POINTS, 2))
        z, kept = (
            tf.TensorSpec((n, self.model.latent_dim)) for n in (self.BATCH_SIZE, self.POINTS)
        )
        model, places = self.model, np.linspace(-REACH, REACH, self.CELLS, dtype="float32")
        self.plane = np.stack(np.meshgrid(places, -places), axis=-1).reshape(-1, 2)

        def trace(function: Callable, *specs: tf.TensorSpec) -> Callable:
            return tf.function(function, jit_compile=False).get_concrete_function(*specs)

        self.phases = {
            "D": trace(lambda real, z: model.discriminator_step(real, z)[0], pairs[0], z),
            "G": trace(lambda z: model.generator_step(z)[0], z),
        }
        self.generate = trace(lambda z: model.generator(z, training=False), kept)
        self.opinion = trace(self._opinion, pairs[1])
        blank = tf.zeros((self.BATCH_SIZE, 2)), tf.zeros(z.shape)
        self.phases["D"](*blank), self.phases["G"](blank[1])

    def _opinion(self, fakes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D's probability over the plane, and minus the gradient of G's loss in each fake."""
        with tf.GradientTape() as tape:
            tape.watch(fakes)
            logits = self.model.discriminate(fakes, (), training=False)
            loss = losses.generator_loss(self.model.settings["objective"], logits)
        pull = -tape.gradient(loss, fakes) * self.POINTS
        surplus = self.model.discriminate(self.plane, (), training=False)
        surplus -= losses.undecided_logit(self.model.settings["objective"])
        return ops.sigmoid(surplus), pull

    def _arrange(self) -> None:
        def button(text: str, icon: str, action: Callable[[], None]) -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, icon=icon)
            made.on_click(lambda _: self._attempt(action))
            return made

        self.step_d = button("step D", "step-forward", self.step_discriminator)
        self.step_g = button("step G", "step-forward", self.step_generator)
        self.toggle = button("play", "play", self._play_or_pause)
        self.slow = ipywidgets.ToggleButton(description="slow", icon="hourglass")
        self.restart = button("reset", "undo", self.reset)
        self.menu.observe(lambda _: self._attempt(self.reset), "value")
        self.image = ipywidgets.Image(width=SIDE + ACROSS, height=SIDE + LEGEND)
        row = ipywidgets.HBox([self.step_d, self.step_g, self.toggle, self.slow, self.restart])
        alternative = "plane with real and generated points and D's opinion; curves beside it"
        super().__init__([self.menu, row, self.image], [alternative])

    @property
    def playing(self) -> bool:
        """Whether the game goes on by itself."""
        return self.job.working

    @property
    def empty(self) -> bool:
        """Whether no phase was played yet."""
        return self.done == 0

    def reset(self) -> None:
        """Begin the same game again, on the cloud that the menu says."""
        self.pause()
        with self.lock:
            self.job.error = None
            for variable, value in zip(self.variables, self.first, strict=True):
                variable.assign(value)
            self.cloud = toys.TOYS[self.menu.value]()
            self.real = self.cloud.points(20_000, self.seed)
            self.random = np.random.default_rng(self.seed)
            self.kept = self._draw_z(self.POINTS)
            self.done, self.history = 0, {"D": [], "G": [], "modes": []}
            self.kept_frames, self.looks, self.stride = [], 0, 1
            self._measure()
            self.show()

    def _draw_z(self, count: int) -> np.ndarray:
        return self.random.normal(size=(count, self.model.latent_dim)).astype("float32")

    def step_discriminator(self) -> None:
        """One step of D; the button does the same."""
        with self.lock:
            self._step("D")
            self.show()

    def step_generator(self) -> None:
        """One step of G; the button does the same."""
        with self.lock:
            self._step("G")
            self.show()

    def _step(self, phase: str) -> None:
        z = tf.constant(self._draw_z(self.BATCH_SIZE))
        if phase == "D":
            chosen = self.random.integers(len(self.real), size=self.BATCH_SIZE)
            loss = self.phases["D"](tf.constant(self.real[chosen]), z)
        else:
            loss = self.phases["G"](z)
        where = f"in phase {self.done + 1}"
        hint = "press reset, and build the networks with smaller learning rates"
        check_finite({f"loss of {phase}": float(loss)}, where, hint)
        self.done += 1
        self.history[phase].append((self.done, float(loss)))
        if phase == "G":
            self._measure()

    def _measure(self) -> None:
        self.fakes = self.generate(tf.constant(self.kept))
        self.modes, self.near = metrics.mode_coverage(self.fakes.numpy(), self.cloud)
        self.history["modes"].append((self.done, self.modes))

    def play(self, steps: int | None = None) -> None:
        """Step D and G in turn, without end or `steps` phases in all, until paused.

        Raises:
            ValueError: steps is no whole number of 1 or more.
        """
        if steps is not None and not runtime.is_count(steps):
            raise ValueError(f"steps is {steps}: use a whole number of 1 or more, or None.")
        self.job.start(lambda: self._rounds(steps), lambda on: self._show_playing(on, steps))

    def pause(self) -> None:
        """Stop playing after the step under way; the game stays where it is."""
        self.job.halt()

    def join(self) -> None:
        """Wait until `play(steps)` has made its steps; interrupting the kernel pauses.

        Raises:
            RuntimeError: nothing was played yet, or it is played without end.
            Exception: whatever ended the game, if an error did.
        """
        if self.job.thread is None:
            raise RuntimeError("Nothing was played yet: call play(steps=…) first.")
        if self.playing and self.steps is None:
            raise RuntimeError("It plays without end: press pause first, or use play(steps=…).")
        self.job.join()

    def _play_or_pause(self) -> None:
        self.pause() if self.playing else self.play()

    def _show_playing(self, playing: bool, steps: int | None) -> None:
        self.steps = steps
        self.toggle.description = self.toggle.icon = "pause" if playing else "play"

    def _rounds(self, steps: int | None) -> None:
        """Phases in turn; several may pass between two frames, unless it is slow."""
        shown, count = 0.0, 0
        try:
            while not self.job.stop_asked.is_set() and count != steps:
                with self.lock:
                    self._step("DG"[count % 2])
                    count += 1
                    if self.slow.value or time.perf_counter() - shown > self.FRAME_SECONDS:
                        self.show()
                        shown = time.perf_counter()
                if self.slow.value:
                    self.job.stop_asked.wait(self.SLOW_SECONDS)
            self.show()
        except Exception as error:
            self.caption.text = complaint(error)
            raise

    def _attempt(self, action: Callable[[], None]) -> None:
        """What a button does: an error is shown, as a raised one would be seen by nobody."""
        try:
            action()
        except Exception as error:
            self.caption.text = complaint(error)

    def show(self) -> None:
        """Draw the game as it is now, in a few milliseconds."""
        with self.lock:
            opinion, pull = self.opinion(self.fakes)
            heat = opinion.numpy().reshape(self.CELLS, self.CELLS)
            canvas = Image.new("RGB", (2 * (SIDE + ACROSS), 2 * (SIDE + LEGEND)), "white")
            fakes, real = self.fakes.numpy(), self.real[: self.SHOWN]
            draw_plane(canvas, heat, real, fakes[: self.SHOWN], pull.numpy()[: self.ARROWS])
            losses_seen = {"loss of D": self.history["D"], "loss of G": self.history["G"]}
            draw_curves(canvas, losses_seen, 0, None)
            modes = {"modes covered": self.history["modes"]}
            draw_curves(canvas, modes, SIDE + LEGEND, len(self.cloud.centres))
            self.drawn = canvas.reduce(2)
            stream = io.BytesIO()
            self.drawn.save(stream, "PNG", compress_level=1)
            self.image.value, self.caption.text = stream.getvalue(), self.said()
            self._keep_frame()

    def _keep_frame(self) -> None:
        """Keep what is shown for the film; of a long game every second look, then every fourth."""
        if self.looks % self.stride == 0:
            self.kept_frames.append(self.image.value)
        self.looks += 1
        if len(self.kept_frames) == self.MOST_FRAMES:
            self.kept_frames, self.stride = self.kept_frames[::2], 2 * self.stride

    def frames(self) -> list[np.ndarray]:
        """The game since its beginning, as it was shown; the last frame is what is shown now."""
        shown = dict.fromkeys([*self.kept_frames, self.image.value])
        pictures = [Image.open(io.BytesIO(content)) for content in shown]
        return [np.asarray(picture, "float32") / 255 for picture in pictures]

    def said(self) -> str:
        """The caption: how far, both losses, modes covered, points near one."""
        last = {name: self.history[name][-1][1] for name in "DG" if self.history[name]}
        parts = [f"loss of {name} {value:.3f}" for name, value in last.items()]
        parts.append(f"{self.modes} of {len(self.cloud.centres)} modes covered")
        parts.append(f"{self.near:.0%} of the fakes within 3 std of one")
        return f"Phase {self.done}: " + ", ".join(parts)

    def picture(self) -> np.ndarray:
        """The plane with its legend, and the curves."""
        return np.asarray(self.drawn, "float32") / 255


def _check_points(model: GAN) -> None:
    if model.generator.output_shape != (None, 2):
        drawn = model.generator.output_shape
        raise ValueError(f"The generator draws {drawn}: the stepper needs 2-D points, (None, 2).")
    if model.conditional:
        raise ValueError("The networks take conditions: the stepper needs networks without.")
    if not hasattr(model, "generator_optimizer"):
        raise ValueError("The model is not compiled: call its compile(…) in `build`.")
