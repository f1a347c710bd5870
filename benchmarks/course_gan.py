"""A DCGAN trained in the shape of the course's lab, in a process of its own with default settings.

Written from a description, not from the course's code. What makes its shape: G's pictures come from
an eager call; real pictures and fakes go through D in one mixed batch; both networks are compiled
Keras models trained by `train_on_batch`, D frozen and thawed by its flag at every step; RMSprop at
its default rate; batch 128. Nothing here imports our helpers, so TensorFlow keeps its defaults.

    python course_gan.py IMAGES.npy SECONDS STEPS SEED OUT.npz

trains on float images in [0, 1] until `SECONDS` of training or `STEPS` steps are over, whichever
comes first. It writes G's pictures every two seconds, later every twentieth of the time passed,
with the seconds of training until then, and the seconds of every step. The first step, which
compiles, does not count.
"""

import sys
import time

import keras
import numpy as np

LATENT_DIM, BATCH_SIZE, EVERY, LOOK = 32, 128, 2.0, 5000


def networks():
    """G: dense, two transposed convolutions 5x5; D: two strided convolutions 5x5 with dropout."""
    layers = keras.layers
    z = h = keras.Input((LATENT_DIM,))
    h = layers.Reshape((7, 7, 128))(layers.Dense(7 * 7 * 128)(h))
    h = layers.BatchNormalization()(h)
    h = layers.Conv2DTranspose(64, 5, 2, "same", activation="selu")(h)
    h = layers.BatchNormalization()(h)
    generator = keras.Model(z, layers.Conv2DTranspose(1, 5, 2, "same", activation="tanh")(h))
    x = h = keras.Input((28, 28, 1))
    for width in (64, 128):
        h = layers.Conv2D(width, 5, 2, "same", activation=layers.LeakyReLU(0.2))(h)
        h = layers.Dropout(0.4)(h)
    return generator, keras.Model(x, layers.Dense(1)(layers.Flatten()(h)))


class CourseShaped:
    """The loop; `step` trains D, then G, on one batch."""

    def __init__(self, seed: int):
        self.generator, self.discriminator = networks()
        entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.discriminator.compile("rmsprop", entropy)
        self.discriminator.trainable = False
        z = keras.Input((LATENT_DIM,))
        self.both = keras.Model(z, self.discriminator(self.generator(z)))
        self.both.compile("rmsprop", entropy)
        self.random = np.random.default_rng(seed)

    def noise(self, count):
        """z ~ N(0, I)."""
        return self.random.normal(size=(count, LATENT_DIM)).astype("float32")

    def step(self, real) -> None:
        """Phase 1 on a mixed batch, then phase 2, with the flag set before each."""
        count = len(real)
        fakes = np.array(self.generator(self.noise(count)))
        self.discriminator.trainable = True
        labels = np.concatenate([np.ones((count, 1)), np.zeros((count, 1))])
        self.discriminator.train_on_batch(np.concatenate([real, fakes]), labels)
        self.discriminator.trainable = False
        self.both.train_on_batch(self.noise(count), np.ones((count, 1)))

    def draw(self, count: int) -> np.ndarray:
        """G's pictures in [-1, 1] for the same noise every time."""
        z = np.random.default_rng(1).normal(size=(count, LATENT_DIM)).astype("float32")
        return np.concatenate([np.array(self.generator(part)) for part in np.array_split(z, 10)])


def batches(images, seed: int):
    """Shuffled batches, epoch after epoch, without end."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(images))
        for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE):
            yield images[order[start : start + BATCH_SIZE]]


def main(images: str, seconds: float, steps: int, seed: int, out: str) -> None:
    """Train, look, write."""
    keras.utils.set_random_seed(seed)
    loop, source = CourseShaped(seed), batches(2 * np.load(images) - 1, seed)
    loop.step(next(source))
    spent, next_look, each, pictures, times = 0.0, EVERY, [], [], []
    while spent < seconds and len(each) < steps:
        real = next(source)
        start = time.perf_counter()
        loop.step(real)
        each.append(time.perf_counter() - start)
        spent += each[-1]
        if spent >= next_look:
            pictures.append(((loop.draw(LOOK) + 1) * 127.5).round().astype("uint8"))
            times.append(spent)
            next_look = spent + max(EVERY, spent / 20)
    np.savez_compressed(out, seconds=each, pictures=np.array(pictures), times=np.array(times))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
