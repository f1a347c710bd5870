"""Sit in the discriminator's place: is this picture real, or was it generated?"""

import ipywidgets
import numpy as np

from helpers import data, plots, runtime
from helpers.widgets.base import Lab
from helpers.widgets.pictures import beside, enlarge


class Quiz(Lab):
    """Be the discriminator: one picture at a time, real or generated?

    Args:
        real: pictures in [0, 1], shape (n, side, side, channels).
        fake: pictures of the same shape in [0, 1], by a generator.
        questions: in one round.
        seed: of the order.

    Raises:
        ValueError: pictures of two shapes, not square, or outside [0, 1]; fewer than there are
            questions, or no questions.
    """

    title = "Be the discriminator: one picture, two buttons, and the score"
    RIGHT, WRONG = (0.1, 0.4, 0.8), (1.0, 0.5, 0.0)

    def __init__(
        self, real: np.ndarray, fake: np.ndarray, questions: int = 20, seed: int = 0
    ) -> None:
        _check_pictures(real, fake, questions)
        self.kinds, self.questions = (fake, real), questions
        self.random = np.random.default_rng(seed)
        self.real, self.generated, self.again = (
            ipywidgets.Button(description=text, icon=icon)
            for text, icon in (("real", "check"), ("generated", "magic"), ("again", "undo"))
        )
        self.real.on_click(lambda _: self.answer(True))
        self.generated.on_click(lambda _: self.answer(False))
        self.again.on_click(lambda _: self.restart())
        self.image, self.strip = ipywidgets.Image(), ipywidgets.Image()
        row = ipywidgets.HBox([self.real, self.generated, self.again])
        left = ipywidgets.VBox([self.image, row])
        alternatives = ["the picture to judge", "those answered: blue frame right, orange wrong"]
        super().__init__([ipywidgets.HBox([left, self.strip])], alternatives)
        self.restart()

    @property
    def empty(self) -> bool:
        """Whether no picture was judged yet."""
        return not self.answers

    def restart(self) -> None:
        """A new round, with other pictures; the button does the same."""
        with self.lock:
            self.truth = self.random.random(self.questions) < 0.5
            orders = [self.random.permutation(len(kind))[: self.questions] for kind in self.kinds]
            pairs = [kind[order] for kind, order in zip(self.kinds, orders, strict=True)]
            chosen = self.truth.reshape(-1, 1, 1, 1)
            self.pictures, self.answers = np.where(chosen, pairs[1], pairs[0]), []
            self._show("Real or generated?")

    def answer(self, real: bool) -> None:
        """Say that the picture is real, or that it is not; the buttons do the same."""
        with self.lock:
            if len(self.answers) == self.questions:
                return
            truth = bool(self.truth[len(self.answers)])
            self.answers.append(bool(real))
            verdict = "Right" if truth == real else "Wrong"
            self._show(f"{verdict}: it was {'real' if truth else 'generated'}. {self.score()}")

    def score(self) -> str:
        """How many were right, and the share of each kind, as a GAN's `d_real` and `d_fake`."""
        truth = self.truth[: len(self.answers)]
        right = truth == np.array(self.answers)
        kinds = {"real": right[truth], "generated": right[~truth]}
        shares = [f"{name} {np.mean(part):.0%}" for name, part in kinds.items() if len(part)]
        return f"{np.sum(right)} of {len(right)} right ({', '.join(shares)})"

    def _show(self, said: str) -> None:
        done = len(self.answers) == self.questions
        self.real.disabled = self.generated.disabled = done
        current = self.pictures[min(len(self.answers), self.questions - 1)]
        self.drawn = [enlarge(current, max(1, 224 // len(current))), self._answered()]
        self.image.value, self.strip.value = map(plots.png, self.drawn)
        self.caption.text = said + (" Press again for a new round." if done else "")

    def _answered(self) -> np.ndarray:
        """All pictures of the round so far, each in a frame: blue right, orange wrong."""
        scale, columns = max(1, 56 // self.pictures.shape[1]), 5
        side = scale * self.pictures.shape[1] + 8
        cells = np.full((self.questions, side, side, 3), 0.93)
        pairs = zip(self.pictures, self.truth, self.answers, strict=False)
        for cell, (picture, truth, answer) in zip(cells, pairs, strict=False):
            cell[:] = self.RIGHT if truth == answer else self.WRONG
            cell[4:-4, 4:-4] = enlarge(picture, scale)
        return plots.tile(cells, columns, gap=4)

    def picture(self) -> np.ndarray:
        """The picture to judge, and those answered."""
        return beside(*self.drawn)

    def full_size(self) -> dict[str, np.ndarray]:
        """The pictures answered, in their frames."""
        return {"answered": self.drawn[1]}


def _check_pictures(real: np.ndarray, fake: np.ndarray, questions: int) -> None:
    for pictures in (real, fake):
        data.check_images(pictures)
    if real.shape[1:] != fake.shape[1:] or real.shape[1] != real.shape[2]:
        raise ValueError(
            f"Pictures of {real.shape[1:]} and {fake.shape[1:]}: use one shape, and squares."
        )
    runtime.check_count(questions=questions)
    if min(len(real), len(fake)) < questions:
        counts = f"{len(real)} real and {len(fake)} generated pictures"
        raise ValueError(f"{counts} for {questions} questions: give at least as many of each.")
