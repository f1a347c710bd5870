"""How is a `.keras` file read by a Keras that is older than the one that wrote it?

Such a file is a ZIP archive: `config.json` says how the model is built, `model.weights.h5` holds
its weights. A newer Keras writes down settings that older ones do not have, also where they were
left as they are, and an older one, as in Colab, refuses words that it does not know. Left out, they
mean the same. After 3.13 came the axes of initializers, which a trained model does not need, and
batch renormalisation, which is off.
"""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras

from helpers import runtime

NEW_WORDS = {  # and what they say where nobody chose otherwise
    "input_axes": None,
    "output_axes": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}


@runtime.layers_draw_from(0)
def read(path: Path, **options: Any) -> keras.Model:
    """Load a model from its file; the weights it begins with, before its own, are drawn apart.

    Args:
        path: of a `.keras` file.
        **options: passed on to `keras.models.load_model`.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        with zipfile.ZipFile(path) as given, zipfile.ZipFile(plain, "w") as written:
            for name in given.namelist():
                content = given.read(name)
                if name == "config.json":
                    content = json.dumps(_without_new_words(json.loads(content))).encode()
                written.writestr(name, content)
        return keras.models.load_model(plain, **options)


def _without_new_words(config: Any) -> Any:
    """A configuration without new words that say nothing, at any depth."""
    if isinstance(config, list):
        return [_without_new_words(item) for item in config]
    if isinstance(config, dict):
        return {
            word: _without_new_words(value)
            for word, value in config.items()
            if word not in NEW_WORDS or value != NEW_WORDS[word]
        }
    return config
