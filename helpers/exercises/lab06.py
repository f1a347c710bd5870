"""Lab 06, denoising autoencoder: PSNR, and a step of Langevin's equation from a denoiser."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.exercises.checks import Case, Exercise, Mistake


def check_psnr(function: Callable) -> None:
    """Lab 06: the mean PSNR in dB of restored pictures beside clean ones, both in [0, 1]."""
    print(PSNR.check(function))


def check_langevin(function: Callable) -> None:
    """Lab 06: where points x (n, d) are after one noisy step along the score of a denoiser."""
    print(LANGEVIN.check(function))


def _psnr(clean: np.ndarray, restored: np.ndarray) -> float:
    from skimage.metrics import peak_signal_noise_ratio

    pairs = zip(clean, restored, strict=True)
    return float(np.mean([peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in pairs]))


def _picture_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    small = np.zeros((1, 1, 2, 1)), np.array([0.1, 0.3]).reshape(1, 1, 2, 1)
    clean = rng.uniform(0, 0.6, (4, 3, 5, 1))
    uneven = clean + rng.normal(size=clean.shape) * np.reshape([0.01, 0.1, 0.5, 2.0], (4, 1, 1, 1))
    black = np.zeros((2, 4, 4, 3))
    return [
        Case("two pixels", small),
        Case("four pictures, one far worse than the others", (clean, uneven)),
        Case("black turned white", (black, black + 1)),
        Case("in colour", (rng.random((3, 2, 6, 3)), rng.random((3, 2, 6, 3)))),
    ]


def _errors(clean: np.ndarray, restored: np.ndarray) -> np.ndarray:
    return np.mean((clean - restored) ** 2, axis=(1, 2, 3))


def _peaks(clean: np.ndarray) -> np.ndarray:
    return clean.max(axis=(1, 2, 3))


def _absolute(clean: np.ndarray, restored: np.ndarray) -> np.ndarray:
    return np.mean(np.abs(clean - restored), axis=(1, 2, 3))


PSNR = Exercise(
    lab="06",
    name="psnr",
    title="PSNR",
    oracle=_psnr,
    cases=_picture_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "the PSNR of the mean error",
            lambda a, b: -10 * np.log10(np.mean((a - b) ** 2)),
            "one bad picture then outweighs all others. Decibels for each picture first, then "
            "their mean.",
        ),
        Mistake(
            "one number for each picture",
            lambda a, b: -10 * np.log10(_errors(a, b)),
            "that is the step before the last. Take their mean.",
        ),
        Mistake(
            "the natural logarithm",
            lambda a, b: np.mean(-10 * np.log(_errors(a, b))),
            "`np.log` has the base 2.718. Decibels are tenths of powers of ten: `np.log10`.",
        ),
        Mistake(
            "20 times the logarithm of a square",
            lambda a, b: np.mean(-20 * np.log10(_errors(a, b))),
            "20 belongs to the root of the error, and 10 to the squared error itself.",
        ),
        Mistake(
            "10 times the logarithm of a root",
            lambda a, b: np.mean(-10 * np.log10(np.sqrt(_errors(a, b)))),
            "half the decibels: with the root of the error the factor is 20.",
        ),
        Mistake(
            "the PSNR upside down",
            lambda a, b: np.mean(10 * np.log10(_errors(a, b))),
            "a smaller error is to have more decibels. The error stands below the line: 1 / error.",
        ),
        Mistake(
            "the PSNR of mean absolute differences",
            lambda a, b: np.mean(-10 * np.log10(_absolute(a, b))),
            "noise is measured by its power. Square the differences.",
        ),
        Mistake(
            "the PSNR for pixels up to 255",
            lambda a, b: np.mean(10 * np.log10(255**2 / _errors(a, b))),
            "48 decibels too many. These pictures span 0 to 1, so the peak is 1.",
        ),
        Mistake(
            "the PSNR below each picture's own peak",
            lambda a, b: np.mean(10 * np.log10(_peaks(a) ** 2 / _errors(a, b))),
            "a dark picture would be punished for being dark. The peak is the largest number "
            "that a pixel could have, 1.",
        ),
    ),
)


@dataclass(frozen=True)
class _GaussianDenoiser:
    """The best denoiser of points from one Gaussian, and the density of its noisy points."""

    centre: float
    spread: float
    sigma: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        whole = self.spread**2 + self.sigma**2
        return (self.spread**2 * x + self.sigma**2 * self.centre) / whole

    def log_density(self, x: np.ndarray) -> np.ndarray:
        from scipy.stats import norm

        return norm.logpdf(x, self.centre, np.hypot(self.spread, self.sigma))

    def __repr__(self) -> str:
        return f"the best denoiser of points from N({self.centre:g}, {self.spread:g}²)"


def _langevin(
    x: np.ndarray, denoise: _GaussianDenoiser, sigma: float, pace: float, noise: np.ndarray
) -> np.ndarray:
    """The score by finite differences of SciPy's log density, not by the denoiser."""
    step = 1e-4
    score = (denoise.log_density(x + step) - denoise.log_density(x - step)) / (2 * step)
    return x + pace * score + np.sqrt(2 * pace) * noise


def _step_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    seven = rng.normal(size=(7, 2))
    return [
        Case("one point", _step(np.array([[1.0, 0.0]]), (0.0, 0.5, 0.5), 0.1, rng)),
        Case("seven points, little noise", _step(seven, (1.0, 0.2, 0.1), 0.001, rng)),
        Case("a noise level above 1", _step(rng.normal(size=(5, 3)), (-2.0, 1.0, 2.0), 0.5, rng)),
        Case("points far away", _step(rng.normal(30, 10, (4, 1)), (0.0, 1.0, 0.3), 0.02, rng)),
    ]


def _step(x: np.ndarray, blob: tuple, pace: float, rng: np.random.Generator) -> tuple:
    """The arguments of one step; blob is centre, spread and level of noise."""
    return x, _GaussianDenoiser(*blob), blob[-1], pace, rng.normal(size=x.shape)


def _walk(drift: Callable, stir: Callable) -> Callable:
    """A step that adds drift(move, sigma, pace) and noise times stir(sigma, pace)."""
    return lambda x, denoise, sigma, pace, noise: (
        x + drift(denoise(x) - x, sigma, pace) + stir(sigma, pace) * noise
    )


def _drift(move: np.ndarray, sigma: float, pace: float) -> np.ndarray:
    return pace * move / sigma**2


def _stir(sigma: float, pace: float) -> float:
    return np.sqrt(2 * pace)


LANGEVIN = Exercise(
    lab="06",
    name="langevin",
    title="A step of Langevin's equation",
    oracle=_langevin,
    cases=_step_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "a step along restored minus noisy",
            _walk(lambda move, sigma, pace: pace * move, _stir),
            "that is the score times sigma squared. Divide by sigma squared.",
        ),
        Mistake(
            "a step that divides by sigma",
            _walk(lambda move, sigma, pace: pace * move / sigma, _stir),
            "Tweedie's law has the variance of the noise. Square sigma.",
        ),
        Mistake(
            "a step down the density",
            _walk(lambda move, sigma, pace: -_drift(move, sigma, pace), _stir),
            "noisy minus restored points away from the data. Turn the difference round.",
        ),
        Mistake(
            "a step without noise",
            _walk(_drift, lambda sigma, pace: 0.0),
            "every point would climb to the very top. Add sqrt(2 · pace) times the noise.",
        ),
        Mistake(
            "a step with the noise of half the pace",
            _walk(_drift, lambda sigma, pace: np.sqrt(pace)),
            "the samples would come out too narrow. The noise is weighed by sqrt(2 · pace).",
        ),
        Mistake(
            "a step with noise in proportion to the pace",
            _walk(_drift, lambda sigma, pace: 2 * pace),
            "variances add up from step to step, and deviations do not. Take the root of 2 · pace.",
        ),
        Mistake(
            "a step with noise as strong as the data's",
            _walk(_drift, lambda sigma, pace: np.sqrt(2 * pace) * sigma),
            "sigma belongs to the score alone. The noise here has deviation 1 before it is weighed "
            "by sqrt(2 · pace).",
        ),
        Mistake(
            "a jump to what the denoiser says",
            lambda x, denoise, sigma, pace, noise: denoise(x) + np.sqrt(2 * pace) * noise,
            "one step is short: only the share pace / sigma² of the way is gone.",
        ),
        Mistake(
            "a step along the restored point",
            lambda x, denoise, sigma, pace, noise: (
                x + pace * denoise(x) / sigma**2 + np.sqrt(2 * pace) * noise
            ),
            "a denoiser returns a place, and a score is a way. Take x away from it.",
        ),
        Mistake(
            "a step that denoises after the noise was added",
            lambda x, denoise, sigma, pace, noise: (
                (y := x + np.sqrt(2 * pace) * noise) + pace * (denoise(y) - y) / sigma**2
            ),
            "the score is asked at x, where the point stands before this step.",
        ),
    ),
)

EXERCISES = (PSNR, LANGEVIN)
