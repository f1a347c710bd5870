"""What happens if I move this?

Each widget is thin: its state in, a picture out. Three rules hold for all of them.

    pictures    go to the browser as PNG bytes; pyplot is never used, as JupyterLab may run a
                slider's callback on another thread while a cell is busy
    lock        one per widget: two fast moves never draw into each other
    static      a saved notebook shows `picture()`, and the caption stands in for it as text

Every control has a name that screen readers say, and each widget announces its caption.
"""

from helpers.widgets.autoencoders import CloudTurner, NoiseBench, UnitWalker
from helpers.widgets.base import Caption, Lab, Pad, beside, enlarge
from helpers.widgets.codes import BetaSwitcher, Interpolator, LatentExplorer
from helpers.widgets.faces import FaceStudio
from helpers.widgets.painting import Scrubber, StyleMixer, StyleStudio, Upload
from helpers.widgets.quiz import Quiz
from helpers.widgets.stepper import GanStepper
from helpers.widgets.training import TrainingPanel

__all__ = [
    "BetaSwitcher",
    "Caption",
    "CloudTurner",
    "FaceStudio",
    "GanStepper",
    "Interpolator",
    "Lab",
    "LatentExplorer",
    "NoiseBench",
    "Pad",
    "Quiz",
    "Scrubber",
    "StyleMixer",
    "StyleStudio",
    "TrainingPanel",
    "UnitWalker",
    "Upload",
    "beside",
    "enlarge",
]
