"""A learner's hands: JupyterLab as `make lab` opens it, driven in Chromium.

Runs the cells of notebooks up to each widget, then drags the pad, moves sliders by key, presses
Train and Stop, uploads a picture, plays a GAN, and looks at what changes. Saves the pictures of the
README to `tests/browser/screenshots/`.
"""

import inspect
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
import skimage.data
from conftest import encoded, load
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
EVERY = ROOT / "build" / "screens"  # each widget in wide and narrow windows, light and dark
GET_CHROMIUM = "no Chromium: on Debian or Ubuntu run `sudo apt-get install chromium`"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running JupyterLab with its token, started by the Makefile's own command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("lab")
    log = (folder / "log").open("w+")
    settings = folder / "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"autosave": false}')  # the saved notebooks stay as they are
    own = dict.fromkeys(("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"), str(folder))
    environment = {**os.environ, **own}
    options = ["BROWSER=none", f"PORT={port}", "LAB_OPTIONS=--LabApp.expose_app_in_browser=True"]
    command = ["make", "lab", f"PYTHON={sys.executable}", *options]
    process = {"cwd": ROOT, "env": environment, "start_new_session": True}
    server = subprocess.Popen(command, stdout=log, stderr=log, **process)
    try:
        yield wait_for_address(Path(log.name), server)
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)
        log.close()


def wait_for_address(log, server, seconds=90):
    """The address that JupyterLab prints, once it answers."""
    deadline = time.time() + seconds
    while time.time() < deadline and server.poll() is None:
        address = re.search(
            r"http://(?:localhost|127\.0\.0\.1):\d+/lab\S*token=\w+", log.read_text()
        )
        if address:
            urllib.request.urlopen(address.group(), timeout=30).close()
            return address.group()
        time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def find_chromium(playwright):
    """The system's Chromium, else the one that set-up let Playwright fetch, else None."""
    own = Path(playwright.chromium.executable_path)
    return load(".ci/bootstrap.py", "bootstrap").chromium() or (str(own) if own.is_file() else None)


@pytest.fixture(scope="module")
def browser():
    """A running Chromium; without one the tests are skipped, in CI they fail."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None and os.environ.get("CI"):
            pytest.fail(GET_CHROMIUM)
        if path is None:
            pytest.skip(GET_CHROMIUM)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser, address):
    """A browser page with the lab open."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(".jp-Notebook")
    return page


def code_cells(name):
    """Sources of a notebook's cells, and their kinds."""
    cells = json.loads((ROOT / "notebooks" / name).read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells], [cell["cell_type"] for cell in cells]


def open_notebook(page, name):
    """Open a notebook and wait until its kernel is idle."""
    page.evaluate(
        """async name => {
            await jupyterapp.commands.execute('docmanager:open', {path: name});
        }""",
        name,
    )
    page.wait_for_function(
        """name => {
            const panel = jupyterapp.shell.currentWidget;
            const session = panel?.context?.path === name && panel.sessionContext;
            return session && session.session?.kernel?.status === 'idle';
        }""",
        arg=name,
        timeout=90_000,
    )


def run_cell(page, index, wait=True, seconds=240):
    """Run one cell by its index, as Shift-Enter does, and wait for its number to appear."""
    page.evaluate(
        """async index => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = index;
            notebook.scrollToItem(index, 'start');
            notebook.widgets[index].model.sharedModel.execution_count = null;
            jupyterapp.commands.execute('notebook:run-cell');
        }""",
        index,
    )
    if wait:
        page.wait_for_function(
            """index => jupyterapp.shell.currentWidget.content.widgets[index]
                        .model.executionCount > 0""",
            arg=index,
            timeout=1000 * seconds,
        )
    outputs = page.evaluate(
        """index => JSON.stringify(jupyterapp.shell.currentWidget.content.widgets[index]
                    .model.outputs?.toJSON() ?? [])""",
        index,
    )
    assert '"output_type":"error"' not in outputs, outputs[:2000]


def index_of(sources, text):
    """Index of the one code cell that holds a text."""
    (index,) = (i for i, source in enumerate(sources) if text in source)
    return index


def output_area(page, index):
    """The output area of a cell that is in view."""
    return page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea-output').last


def picture_of(lab, number=0):
    return lab.locator("img.widget-image").nth(number).get_attribute("src")


def press(page, lab, name, key, times=1):
    """Press a key on the slider of a name; say whether the lab's first picture changed."""
    handle = lab.locator(f'.noUi-handle[aria-label="{name}"]')
    handle.scroll_into_view_if_needed()
    handle.focus()
    before = picture_of(lab)
    for _ in range(times):
        page.keyboard.press(key)
    return changed(page, lambda: picture_of(lab), before)


def changed(page, state, before, seconds=15):
    """Wait until a look differs from before."""
    deadline = time.time() + seconds
    while time.time() < deadline:
        if state() != before:
            return True
        page.wait_for_timeout(100)
    return False


@pytest.fixture(scope="module")
def lab07(page):
    """Notebook 07 with everything run that its widgets need; live training is left to the test."""
    sources, _ = code_cells("07_vae_mnist.ipynb")
    open_notebook(page, "notebooks/07_vae_mnist.ipynb")
    first = ("runtime.prepare(", "import keras", "train, test = data.mnist()", "def build_encoder(")
    second = ("panel = widgets.TrainingPanel", "def train_long(")
    for text in (*first, *second, "explorer = widgets.LatentExplorer(vae_2d"):
        run_cell(page, index_of(sources, text))
    return sources


def test_opens_on_start_here_and_saved_widgets_show_a_picture(page):
    page.wait_for_selector("h1:has-text('Start here')")
    sources, _ = code_cells("00_start_here.ipynb")
    index = index_of(sources, "fader = widgets")
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i)", index)
    page.wait_for_selector(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea img')
    assert page.locator("text=model not found").count() == 0


def test_drag_the_pad(page, lab07):
    index = index_of(lab07, "widgets.LatentExplorer(vae_2d")
    lab = output_area(page, index)
    pad = lab.locator(".gdl-pad")
    pad.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    before, place = picture_of(lab), lab.locator(".gdl-pad-handle").get_attribute("style")
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.58 * box["width"], box["y"] + 0.52 * box["height"], steps=8)
    page.mouse.up()
    assert changed(page, lambda: picture_of(lab), before)
    assert lab.locator(".gdl-pad-handle").get_attribute("style") != place
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(700)
    page.screenshot(path=SCREENSHOTS / "latent_explorer.png")


def test_pad_and_slider_by_keyboard(page, lab07):
    lab = output_area(page, index_of(lab07, "widgets.LatentExplorer(vae_2d"))
    before = picture_of(lab)
    lab.locator(".gdl-pad").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert changed(page, lambda: picture_of(lab), before)
    before, text = picture_of(lab), lab.locator(".gdl-caption").inner_text()
    lab.locator(".noUi-handle").first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert changed(page, lambda: picture_of(lab), before)
    assert changed(page, lambda: lab.locator(".gdl-caption").inner_text(), text)


def test_controls_have_names_for_screen_readers(page, lab07):
    lab = output_area(page, index_of(lab07, "widgets.LatentExplorer(vae_2d"))
    handles = lab.locator(".noUi-handle")
    names = [handles.nth(i).get_attribute("aria-label") for i in range(handles.count())]
    assert names == ["z1", "z2"]
    assert lab.locator(".gdl-pad").get_attribute("aria-label")
    assert lab.locator("img.widget-image").get_attribute("alt") == "picture decoded at the point"


def test_train_then_stop(page, lab07):
    index = index_of(lab07, "widgets.TrainingPanel")
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    lab = output_area(page, index)
    train, stop = (lab.locator("button", has_text=name) for name in ("Train", "Stop"))
    train.scroll_into_view_if_needed()
    said, curves = lab.locator(".widget-label", has_text="not started"), picture_of(lab, 0)
    assert said.count() == 1 and stop.is_disabled()
    train.click()
    page.wait_for_function("() => document.body.innerText.includes('s left')")
    assert train.is_disabled()
    bar = lab.locator(".progress-bar, [role=progressbar]").first
    width = bar.get_attribute("style")
    assert changed(page, lambda: bar.get_attribute("style"), width)
    assert changed(page, lambda: picture_of(lab, 0), curves, seconds=40)
    page.screenshot(path=SCREENSHOTS / "training_panel.png")
    waiting = index_of(lab07, "panel.train.click()")
    run_cell(page, waiting, wait=False)
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    stop.click()
    page.wait_for_function("() => document.body.innerText.includes('Stopped.')")
    assert changed(page, train.is_enabled, False) and changed(page, stop.is_disabled, False)


@pytest.fixture(scope="module")
def lab02(page):
    """Notebook 02 with everything run that its mixer needs."""
    sources, _ = code_cells("02_fast_style_transfer.ipynb")
    open_notebook(page, "notebooks/02_fast_style_transfer.ipynb")
    first = ("runtime.prepare", "import keras", "SIZE = 256", "def encode(picture)")
    for text in (*first, "content, painting = encode(cat)"):
        run_cell(page, index_of(sources, text))
    run_cell(page, index_of(sources, "aligned = layers.AdaIN()"))
    for text in ("fast = style.FastTransfer()", "mixer = widgets.StyleMixer"):
        run_cell(page, index_of(sources, text))
    return sources


def test_mixer_by_keyboard(page, lab02):
    lab = output_area(page, index_of(lab02, "mixer = widgets.StyleMixer"))
    strength = lab.locator('.noUi-handle[aria-label="strength"]')
    strength.scroll_into_view_if_needed()
    strength.focus()
    before = picture_of(lab, 2)
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert changed(page, lambda: picture_of(lab, 2), before)
    before = picture_of(lab, 2)
    lab.locator("input[type=checkbox]").check()
    assert changed(page, lambda: picture_of(lab, 2), before)
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / "style_mixer.png")


def test_upload_is_shown_then_used(page, lab02):
    lab = output_area(page, index_of(lab02, "mixer = widgets.StyleMixer"))
    preview = lab.locator("img.widget-image").first
    assert not preview.is_visible()
    with page.expect_file_chooser() as chosen:
        lab.locator("button", has_text="Your picture").click()
    chosen.value.set_files(ROOT / "image" / "latent_explorer.png")
    preview.wait_for(state="visible")
    before = picture_of(lab, 2)
    lab.locator("select").first.select_option("latent_explorer.png")
    assert changed(page, lambda: picture_of(lab, 2), before)


def test_a_photograph_of_more_than_ten_megabytes_arrives(page, lab02, tmp_path):
    lab = output_area(page, index_of(lab02, "mixer = widgets.StyleMixer"))
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 2100, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 12e6
    with page.expect_file_chooser() as chosen:
        lab.locator("button", has_text="Your picture").click()
    chosen.value.set_files(tmp_path / "large.png")
    lab.locator("text=large.png: choose it in a menu above.").wait_for(timeout=30_000)
    lab.locator("select").first.select_option("large.png")
    assert page.locator("text=Connecting").count() == 0


@pytest.fixture(scope="module")
def lab04(page):
    """Notebook 04 with everything run that its walker needs; nothing is trained."""
    sources, _ = code_cells("04_mnist_autoencoders.ipynb")
    open_notebook(page, "notebooks/04_mnist_autoencoders.ipynb")
    first = ("runtime.prepare(", "import keras", "HIDDEN = (128, 64)", "def build(hidden")
    second = ("train, test = data.mnist()", "def trained(", "deep = pretrained.checkpoint")
    for text in (*first, *second, "walker = widgets.UnitWalker"):
        run_cell(page, index_of(sources, text))
    return sources


def test_walk_one_unit_by_keyboard(page, lab04):
    lab = output_area(page, index_of(lab04, "walker = widgets.UnitWalker"))
    for name, key in {"picture": "ArrowRight", "unit": "ArrowRight", "value": "ArrowLeft"}.items():
        assert press(page, lab, name, key, times=6), name
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / "unit_walker.png")


def test_turn_the_cloud_by_keyboard(page):
    sources, _ = code_cells("03_first_autoencoder.ipynb")
    open_notebook(page, "notebooks/03_first_autoencoder.ipynb")
    first = ("runtime.prepare(", "import keras", "NOISE = 0.15", "rng = np.random")
    for text in (*first, "axes = np.linalg.svd", "turner = widgets.CloudTurner"):
        run_cell(page, index_of(sources, text))
    lab = output_area(page, index_of(sources, "turner = widgets.CloudTurner"))
    for name in ("code", "turn (degrees)", "tilt (degrees)"):
        assert press(page, lab, name, "ArrowLeft"), name
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / "cloud_turner.png")


@pytest.fixture(scope="module")
def lab08(page):
    """Notebook 08 with everything run that its studio needs."""
    sources, _ = code_cells("08_vae_faces.ipynb")
    open_notebook(page, "notebooks/08_vae_faces.ipynb")
    first = ("runtime.prepare(", "import keras", "SEED = 8", "faces, small = data", "def networks(")
    second = (
        "def stored(",
        'vae = stored("08_faces"',
        "known_codes = np",
        "judge = pretrained.load(",
    )
    third = ("interpolator =", "arrows, effects =", "alike = counts", "studio = widgets")
    for text in (*first, *second, *third):
        run_cell(page, index_of(sources, text))
    return sources


def test_studio_by_keyboard_preset_and_reset(page, lab08):
    lab = output_area(page, index_of(lab08, "studio = widgets"))
    caption = lab.locator(".gdl-caption")
    for name in ("glasses", "hair length", "axis 1", "face"):
        assert press(page, lab, name, "ArrowRight", times=4), name
    before, text = picture_of(lab), caption.inner_text()
    lab.locator("select").first.select_option("long winter")
    assert changed(page, lambda: picture_of(lab), before)
    assert changed(page, caption.inner_text, text)
    page.screenshot(path=SCREENSHOTS / "face_studio.png")
    before = picture_of(lab)
    lab.locator("button", has_text="Reset").click()
    assert changed(page, lambda: picture_of(lab), before)
    assert changed(page, lambda: "nothing moved yet" in caption.inner_text(), False)
    before = picture_of(lab)
    lab.locator("button", has_text="Random face").click()
    assert changed(page, lambda: picture_of(lab), before)


def test_step_and_play_a_gan(page):
    sources, _ = code_cells("09_first_gan.ipynb")
    open_notebook(page, "notebooks/09_first_gan.ipynb")
    first = ("runtime.prepare(", "import keras", "def networks(", "ring = toys.ring()")
    for text in (*first, "stepper = widgets.GanStepper"):
        run_cell(page, index_of(sources, text))
    lab = output_area(page, index_of(sources, "stepper = widgets.GanStepper"))
    caption = lab.locator(".gdl-caption")

    def press_button(name):
        lab.locator("button", has_text=name).focus()
        page.keyboard.press("Enter")

    for name in ("step D", "step G", "play"):
        before, text = picture_of(lab), caption.inner_text()
        press_button(name)
        assert changed(page, lambda old=before: picture_of(lab) == old, True), name
        assert changed(page, caption.inner_text, text), name
    assert changed(page, lambda: lab.locator("button", has_text="pause").count(), 0)
    press_button("pause")
    assert changed(page, lambda: lab.locator("button", has_text="pause").count(), 1)
    page.wait_for_timeout(1000)
    stopped = caption.inner_text()
    page.wait_for_timeout(1000)
    assert caption.inner_text() == stopped
    page.screenshot(path=SCREENSHOTS / "gan_stepper.png")
    before = picture_of(lab)
    lab.locator("select").first.select_option("grid")
    assert changed(page, lambda: picture_of(lab), before)
    assert changed(page, lambda: "of 25 modes" in caption.inner_text(), False)


CELLS = {
    "first": """
        from helpers import runtime
        runtime.prepare(seed=0)
        import keras
        import numpy as np
        from helpers import data, gan, style, vae, widgets
        rng, made = np.random.default_rng(0), []
        digits, faces = rng.random((40, 28, 28, 1)), rng.random((40, 64, 64, 3))
        labels = np.arange(40) % 10
        def networks(shape):
            size = int(np.prod(shape))
            x, z = keras.Input(shape), keras.Input((2,))
            h = keras.layers.Flatten()(x)
            heads = [keras.layers.Dense(2)(h), keras.layers.Dense(2)(h)]
            out = keras.layers.Reshape(shape)(keras.layers.Dense(size)(z))
            return keras.Model(x, heads), keras.Model(z, out)
        def build(learning_rate=1e-3, steps=1):
            model = vae.VAE(*networks((28, 28, 1)), seed=0)
            model.compile("sgd", jit_compile=False)
            return model
        photographs, paintings = data.photographs(96), data.style_images(96)
        def small_gan():
            parts = [keras.Input((2,)), keras.layers.Dense(8, "relu")]
            networks = [keras.Sequential([*parts, keras.layers.Dense(n)]) for n in (2, 1)]
            model = gan.GAN(*networks, seed=0)
            model.compile("adam", "adam", jit_compile=False)
            return model
        def as_faces(codes):
            return np.asarray(codes).reshape(-1, 64, 64, 3)
        names = ["glasses", "hair length", "beard", "smile", "skin", "age"]
        groups = {}
        for n in (1, 2, 3):
            groups[f"group {n}"] = {f"{n} {name}": faces[n].ravel() for name in names}
        """,
    "panel": """
        made.append(widgets.TrainingPanel(
            build, (digits,), lambda model: digits[:36], {}, batch_size=32, epochs=100))
        made[-1]""",
    "switcher": "widgets.BetaSwitcher({0.5: build(), 4.0: build()}, digits, labels)",
    "explorer": "widgets.LatentExplorer(build().decode, rng.normal(size=(40, 2)), labels)",
    "interpolator": "widgets.Interpolator(as_faces, faces.reshape(40, -1), faces)",
    "walker": "widgets.UnitWalker(as_faces, faces.reshape(40, -1), faces)",
    "bench": "widgets.NoiseBench(digits[:16], {f'method {n}': np.copy for n in range(4)})",
    "studio": "widgets.FaceStudio(as_faces, faces.reshape(40, -1), groups, {})",
    "turner": "widgets.CloudTurner(rng.normal(size=(50, 3)), {'all': rng.normal(size=(50, 3))})",
    "scrubber": "widgets.Scrubber([faces[0], faces[1]], ['one', 'two'])",
    "quiz": "widgets.Quiz(faces[:20], faces[20:])",
    "painter": "widgets.StyleStudio(photographs, paintings)",
    "mixer": "widgets.StyleMixer(photographs, paintings, style.FastTransfer())",
    "stepper": "widgets.GanStepper(small_gan)",
    "working": "print([panel.working for panel in made])",
}


@pytest.fixture(scope="module")
def every(page):
    """A notebook of our own with a cell for each widget, all run; it is thrown away."""
    path = ROOT / "build" / "every_widget.ipynb"
    path.parent.mkdir(exist_ok=True)
    cells = [nbformat.v4.new_code_cell(inspect.cleandoc(code)) for code in CELLS.values()]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    open_notebook(page, "build/every_widget.ipynb")
    for index in range(len(CELLS)):
        run_cell(page, index)
    yield path
    path.unlink()
    shutil.rmtree(path.parent / "my_pictures", ignore_errors=True)


def index_in(name):
    return list(CELLS).index(name)


def lab_of(page, name):
    """A widget of that notebook, in view."""
    index = index_in(name)
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    lab = output_area(page, index).locator(".gdl-lab")
    lab.wait_for()
    return lab


SHOWN = [name for name in CELLS if name not in ("first", "working")]
SCREENS = [(1280, "Light"), (1280, "Dark"), (900, "Light"), (900, "Dark")]
CONTROLS = "button, input, select, [contenteditable=true], .noUi-handle, .gdl-pad"
LOOK = """lab => {
    const visible = part => part.getClientRects().length > 0;
    const all = selector => [...lab.querySelectorAll(selector)].filter(visible);
    const named = part => (part.getAttribute('aria-label') || part.title
        || [...(part.labels ?? [])].map(label => label.textContent).join(' ')
        || (part.isContentEditable ? '' : part.textContent)).trim();
    const behind = part => {
        for (let box = part; box; box = box.parentElement) {
            const colour = getComputedStyle(box).backgroundColor.match(/[\\d.]+/g).map(Number);
            if (colour[3] !== 0) return colour;
        }
        return [255, 255, 255];
    };
    const light = colour => colour.slice(0, 3).map(Number).map(value => value / 255).map(
        v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    ).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = part => {
        const text = getComputedStyle(part).color.match(/[\\d.]+/g);
        const [high, low] = [light(text), light(behind(part))].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
    };
    const controls = all(CONTROLS);
    return {
        width: lab.clientWidth,
        wide: all('img, button, select, .widget-slider, .gdl-pad, .gdl-caption').filter(
            part => part.getBoundingClientRect().right > lab.getBoundingClientRect().right + 1).map(
            part => part.outerHTML.replace(/src="[^"]*"/, '').slice(0, 200)),
        unnamed: controls.filter(part => !named(part)).map(part => part.outerHTML.slice(0, 200)),
        faint: all('.widget-label, .gdl-caption').filter(
            part => part.textContent.trim() && contrast(part) < 4.5).map(
            part => `${part.textContent} ${contrast(part)}`),
    };
}"""


@pytest.mark.parametrize("width, theme", SCREENS)
def test_every_widget_is_whole_named_and_legible(page, every, width, theme):
    page.set_viewport_size({"width": width, "height": 1000})
    page.evaluate(
        "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})",
        f"JupyterLab {theme}",
    )
    faults = {}
    for name in SHOWN:
        lab = lab_of(page, name)
        page.wait_for_timeout(600)
        seen = lab.evaluate(LOOK.replace("CONTROLS", json.dumps(CONTROLS)))
        assert width - 600 < seen.pop("width") < width - 300
        if any(seen.values()):
            faults[name] = seen
        lab.screenshot(path=EVERY / f"{name}_{width}_{theme.lower()}.png")
    assert not faults, json.dumps(faults, indent=1)


@pytest.mark.parametrize("name", SHOWN)
def test_the_tab_key_reaches_every_control(page, every, name):
    lab = lab_of(page, name)
    missed = lab.evaluate(
        """(lab, selector) => {
            window.missed = new Set([...lab.querySelectorAll(selector)].filter(
                part => !part.disabled && part.getClientRects().length > 0));
            [...window.missed][0].focus();
            return window.missed.size;
        }""",
        CONTROLS,
    )
    for _ in range(missed + 5):
        page.evaluate("() => window.missed.delete(document.activeElement)")
        page.keyboard.press("Tab")
    left = page.evaluate("() => [...window.missed].map(part => part.outerHTML.slice(0, 200))")
    assert missed and not left, left


def test_keep_a_picture_and_a_film_by_keyboard(page, every):
    """Both lie beside the notebook, and the browser takes the same bytes from a link."""
    index, folder = index_in("interpolator"), every.parent / "my_pictures"
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    lab = output_area(page, index).locator(".gdl-lab")
    for name, part in (("Save picture", "path_1.png"), ("Save WebP film", "film_1.webp")):
        lab.get_by_role("button", name=name).focus()
        page.keyboard.press("Enter")
        link = lab.get_by_role("link", name=f"Download Interpolator_{part}")
        link.focus()
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == f"Interpolator_{part}"
        kept = folder / f"Interpolator_{part}"
        assert download.value.path().read_bytes() == kept.read_bytes()
        assert "my_pictures beside the notebook: Interpolator_" in lab.inner_text()
    page.screenshot(path=SCREENSHOTS / "kept_picture.png")
    assert lab.locator("img.widget-image").last.get_attribute("alt").startswith("the path")


def brought():
    """What people bring, by the name of its file: its bytes, and the picture that they hold."""
    cat, astronaut = Image.fromarray(skimage.data.cat()), Image.fromarray(skimage.data.astronaut())
    speckled = np.random.default_rng(0).integers(0, 256, (1700, 2300, 3), "uint8")
    large = Image.blend(Image.fromarray(speckled), astronaut.resize((2300, 1700)), 0.5)
    deep = np.asarray(cat.convert("L"), "uint16") * 257
    film = {"save_all": True, "append_images": [astronaut.resize(cat.size)], "duration": 100}
    tall = astronaut.resize((600, 1600))
    return {
        "large.jpg": (encoded(large, "JPEG", quality=100, subsampling=0), large),
        "tall.png": (encoded(tall), tall),
        "deep.png": (encoded(deep), cat.convert("L").convert("RGB")),
        "print.jpg": (encoded(cat.convert("CMYK"), "JPEG"), cat),
        "film.webp": (encoded(cat, "WEBP", **film), cat),
    }


def pixels_of(picture):
    """What the page shows of an image: RGB in [0, 1]."""
    content = picture.evaluate(
        """async image => {
            const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
            return Array.from(bytes);
        }"""
    )
    return np.asarray(Image.open(io.BytesIO(bytes(content))).convert("RGB")) / 255


def bring(page, lab, path):
    """Upload a file, and wait for the sentence that is said of it."""
    with page.expect_file_chooser() as chosen:
        lab.get_by_role("button", name="Your picture").click()
    chosen.value.set_files(path)
    said = lab.locator(".widget-label", has_text=f"{path.name}: ")
    said.wait_for(timeout=30_000)
    return said.inner_text()


def test_what_people_bring_is_painted_in_its_own_shape(page, every, tmp_path):
    files = brought()
    assert len(files["large.jpg"][0]) > 12e6
    lab = lab_of(page, "mixer")
    preview, result = (lab.locator("img.widget-image").nth(number) for number in (0, 2))
    for name, (content, picture) in files.items():
        (tmp_path / name).write_bytes(content)
        assert bring(page, lab, tmp_path / name) == f"{name}: choose it in a menu above."
        thumbnail = pixels_of(preview)
        height, width = thumbnail.shape[:2]
        assert width / height == pytest.approx(picture.width / picture.height, rel=0.03), name
        expected = np.asarray(picture.resize((width, height), Image.Resampling.BOX)) / 255
        assert np.abs(thumbnail - expected).mean() < 0.03, name
        before = result.get_attribute("src")
        lab.get_by_role("combobox", name="photograph").select_option(name)
        assert changed(page, lambda old=before: result.get_attribute("src"), before, 30), name
        height, width = pixels_of(result).shape[:2]
        assert width / height == pytest.approx(picture.width / picture.height, rel=0.01), name


def test_what_cannot_be_painted_gets_a_sentence(page, every, tmp_path):
    photograph = brought()["large.jpg"][0]
    files = {
        "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>",
        "half.jpg": photograph[: len(photograph) // 2],
    }
    other = "is in a format that is not read (%s): save the picture as JPEG or PNG."
    sentences = {
        "phone.heic": other % "HEIC",
        "drawing.svg": other % "SVG drawing",
        "half.jpg": "is no picture, or is damaged (JPEG): copy or download it again.",
    }
    lab = lab_of(page, "mixer")
    result = lab.locator("img.widget-image").nth(2).get_attribute("src")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert bring(page, lab, tmp_path / name) == f"{name}: the uploaded file {sentences[name]}"
    names = lab.get_by_role("combobox", name="photograph").locator("option").all_inner_texts()
    assert "tall.png" in names and not set(files) & set(names)
    assert lab.locator("img.widget-image").nth(2).get_attribute("src") == result


def test_a_cell_that_runs_again_stops_the_training_of_its_first_run(page, every):
    index = index_in("panel")
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    output_area(page, index).locator("button", has_text="Train").click()
    page.wait_for_function("() => document.body.innerText.includes('s left')")
    run_cell(page, index)
    page.wait_for_timeout(1500)
    run_cell(page, index_in("working"))
    assert output_area(page, index_in("working")).inner_text().strip() == "[False, False]"


def test_a_saved_notebook_shows_pictures_where_there_is_no_kernel(page, every):
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(2000)
    saved = nbformat.read(every, as_version=4).cells
    kinds = {
        name: set(cell.outputs[0].data)
        for name, cell in zip(CELLS, saved, strict=True)
        if name in SHOWN
    }
    for not_used_yet in ("panel", "quiz", "painter", "stepper"):
        assert kinds.pop(not_used_yet) == {"text/plain"}
    assert all(kind & {"image/png", "image/jpeg"} and len(kind) == 2 for kind in kinds.values())
    page.evaluate(
        """async () => {
            await jupyterapp.shell.currentWidget.sessionContext.shutdown();
            await jupyterapp.commands.execute('application:close');
            await jupyterapp.commands.execute('docmanager:open',
                {path: 'build/every_widget.ipynb', kernelPreference: {shouldStart: false}});
        }"""
    )
    index = index_in("explorer")
    page.wait_for_timeout(1000)
    page.evaluate("i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    cell = page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]:visible')
    cell.locator(".jp-OutputArea img").wait_for()
    assert page.locator("text=model not found").count() == 0
