"""What happens if I move this?

Each widget is thin: its state in, a picture out. Five rules hold for all of them.

    pictures    go to the browser as PNG bytes; pyplot is never used, as JupyterLab may run a
                slider's callback on another thread while a cell is busy
    lock        one per widget: two fast moves never draw into each other
    static      a saved notebook shows `picture()` above its controls and caption in words; a widget
                that has nothing to show yet leaves no picture
    kept        a button writes what the images show, pixel for pixel, to `my_pictures/` beside the
                notebook, with the settings that made it; where something moves, its film as well
    jobs        work of minutes has a thread, which ends with its widget

Every control has a name that screen readers say, and each widget announces its caption.
"""

from helpers.divergence import Diverged
from helpers.widgets.autoencoders import CloudTurner, NoiseBench, UnitWalker
from helpers.widgets.base import Caption, Lab, Pad
from helpers.widgets.codes import BetaSwitcher, Interpolator, LatentExplorer
from helpers.widgets.faces import FaceStudio
from helpers.widgets.painting import Scrubber, StyleMixer, StyleStudio
from helpers.widgets.pictures import beside, enlarge
from helpers.widgets.quiz import Quiz
from helpers.widgets.stepper import GanStepper
from helpers.widgets.training import TrainingPanel
from helpers.widgets.uploads import Upload

__all__ = [
    "BetaSwitcher",
    "Caption",
    "CloudTurner",
    "Diverged",
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
