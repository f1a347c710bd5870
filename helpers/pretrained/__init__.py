"""Which weights did somebody else, or a longer run, already train?

    checkpoint, load, recorded    models and cards that full runs of the labs made
    recorded_arms                 a comparison of many runs, kept run by run
    load(path)                    a model of your own, to go on with
    vgg19, adain_decoder          the networks behind style transfer, by other people

See :mod:`helpers.pretrained.checkpoints` and :mod:`helpers.pretrained.vgg`.
"""

from helpers.pretrained.checkpoints import (
    CheckpointError,
    card,
    checkpoint,
    load,
    names,
    picture,
    recorded,
    recorded_arms,
    save,
)
from helpers.pretrained.vgg import VGG19_LAYERS, RepeatedConv2D, adain_decoder, vgg19

__all__ = [
    "VGG19_LAYERS",
    "CheckpointError",
    "RepeatedConv2D",
    "adain_decoder",
    "card",
    "checkpoint",
    "load",
    "names",
    "picture",
    "recorded",
    "recorded_arms",
    "save",
    "vgg19",
]
