"""Sliders and menus by what they choose from, each with a name that screen readers say."""

from collections.abc import Iterator
from typing import TypeAlias

import ipywidgets

WIDE = {"description_width": "96px"}
NO_SETTINGS = (ipywidgets.FloatProgress, ipywidgets.FileUpload, ipywidgets.Text)
Slider: TypeAlias = ipywidgets.IntSlider | ipywidgets.FloatSlider


def make_slider(name: str, value: float, low: float, high: float, step: float) -> Slider:
    """A slider over whole numbers when all four are whole, else over floats."""
    whole = all(isinstance(number, int) for number in (value, low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    text = name.replace("_", " ")
    return kind(value=value, min=low, max=high, step=step, description=text, style=WIDE)


def make_log_slider(name: str, value: float, low: float, high: float) -> ipywidgets.FloatLogSlider:
    """A slider over ten to the power of low to high."""
    text = name.replace("_", " ")
    return ipywidgets.FloatLogSlider(
        value, min=low, max=high, step=0.1, description=text, style=WIDE
    )


def make_menu(name: str, options: list[str], value: str | None = None) -> ipywidgets.Dropdown:
    """A menu of words; the first is chosen where no other is named."""
    chosen, text = options[0] if value is None else value, name.replace("_", " ")
    return ipywidgets.Dropdown(options=options, value=chosen, description=text, style=WIDE)


def make_choice(name: str, options: list, value: object) -> ipywidgets.SelectionSlider:
    """A slider over a few values."""
    text = name.replace("_", " ")
    return ipywidgets.SelectionSlider(options=options, value=value, description=text, style=WIDE)


def make_control(name: str, given: tuple | list[str]) -> Slider | ipywidgets.Dropdown:
    """A menu where a list of words is given, a slider where `(value, low, high, step)` is."""
    if all(isinstance(option, str) for option in given):
        return make_menu(name, list(given))
    return make_slider(name, *given)


def parts_of(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """All widgets below one, itself included, in the order of the page."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts_of(child)


def describe(widget: ipywidgets.Widget) -> str:
    """What the controls below a widget say, each with its name; empty where there are none."""
    texts = []
    for part in parts_of(widget):
        name, value = getattr(part, "description", ""), getattr(part, "value", None)
        if name and value is not None and not isinstance(part, NO_SETTINGS):
            texts.append(f"{name} {as_text(getattr(part, 'label', None) or value)}")
    return " · ".join(texts)


def as_text(value: object) -> str:
    """A setting in words: a number without needless digits, a truth value as yes or no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
