"""What must a file hold, so that training can go on as if it had never stopped?

    model.save("mine.keras")                    when you stop
    model = pretrained.load("mine.keras")       in another kernel, after `runtime.prepare`
    model.fit(...)                              goes on

    in the file                        kept by
    both networks and every setting    Keras
    weights and batch statistics       Keras
    optimizers with their steps        Keras
    where each noise stands            :class:`Resumable`, here, for a compiled model

Where a layer draws noise (z, the draws of a posterior, dropout), a counter says how often it drew;
without it the noise of the first epoch would come again. With the same global seed, batch size and
data, `fit` also takes the pictures in the same order. What is not kept belongs to `fit`, not to the
model: callbacks and the number of the epoch begin anew, and a dataset or generator of your own
begins where it always begins.
"""

import json
from pathlib import Path

import keras

FILE = "random_states.json"


class Resumable(keras.Model):
    """A model whose file, saved while compiled, also says where its random numbers stand."""

    def _random_states(self) -> list[keras.Variable]:
        """The counters of all `keras.random.SeedGenerator`s in the model, in order."""
        return [part for part in self.variables if part.name == "seed_generator_state"]

    def save_assets(self, folder: str) -> None:
        """Keras' hook for files inside a `.keras` file; a bare model has none."""
        if self.compiled:
            states = [state.numpy().tolist() for state in self._random_states()]
            Path(folder, FILE).write_text(json.dumps(states))

    def load_assets(self, folder: str | None) -> None:
        """Keras' hook: the opposite of :meth:`save_assets`."""
        if folder is not None and Path(folder, FILE).is_file():
            kept = json.loads(Path(folder, FILE).read_text())
            for state, value in zip(self._random_states(), kept, strict=True):
                state.assign(value)
