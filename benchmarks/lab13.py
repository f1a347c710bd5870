"""Lab 13: the lab's own flow on codes of digits, and how much nearer than the prior it draws.

Network, settings and measure are read from the lab's notebook. Beside ours stand draws from
N(0, I), the prior of the same VAE, decoded by the same decoder. Seconds are those of building and
training; the distance is to a random half of the test digits, another with each seed.
"""

from clocks import seconds_of
from lab_notebook import defined_in

from helpers import latent

SEEDS = 5
STARTS = ("import keras", "def velocity_network(", "train, test = data.mnist()")
STARTS += ("def code_flow(",)


def flow(seed: int) -> list[tuple]:
    """The lab's live training on codes, then 5,000 digits from it and 5,000 from the prior."""
    space, made = defined_in("13_from_noise_in_small_steps.ipynb", STARTS, seed), []
    epochs = space["EPOCHS"]
    seconds = seconds_of(lambda: made.append(space["code_flow"](epochs, seed)))
    codes = latent.prior_codes(5000, 16, seed=seed), space["follow"](made[0], seed)
    distances = [space["judged"](z, seed)[0]["cnn_fd"] for z in codes]
    return [
        (f"flow on codes, {epochs} epochs", None, seconds, "s"),
        (f"CNN-FD of N(0, I) beside the flow's after {epochs} epochs", *distances, ""),
    ]


MEASUREMENTS = (flow,)
