"""The site in Chromium, from its folder, as a reader without a network opens it."""

import pytest
from conftest import load
from test_jupyterlab import SCREENSHOTS, browser  # noqa: F401  (a fixture)

BUILD = load("pages/build.py", "build")
NAMES = ["index", "readme", "contributing", "data", *(path.stem for path in BUILD.LABS)]
LOOK = """() => ({
    lost: [...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src),
    flat: [...document.querySelectorAll('math')].filter(m => m.getBoundingClientRect().height < 4)
        .length,
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site that was built anew."""
    BUILD.SITE = tmp_path_factory.mktemp("built") / "site"
    BUILD.main()
    return BUILD.SITE


@pytest.fixture(scope="module", params=[(1100, "light"), (360, "dark")], ids=["wide", "narrow"])
def page(browser, site, request):  # noqa: F811
    """A page with a list of what its console and its requests complained of."""
    width, scheme = request.param
    view = {"width": width, "height": 900}
    page = browser.new_page(viewport=view, color_scheme=scheme)
    page.complaints, page.dark = [], scheme == "dark"
    page.on("console", lambda said: page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda asked: page.complaints.append(asked.url))
    yield page
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_all_it_has_without_complaint(page, site, name):
    page.complaints.clear()
    page.goto((site / f"{name}.html").as_uri())
    seen = page.evaluate(LOOK)
    assert page.complaints == [] and seen["lost"] == [] and seen["flat"] == 0
    assert seen["over"] == 0, f"{name} is wider than the window"
    assert (seen["ground"] == "rgb(255, 255, 255)") != page.dark
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"site_{name}_{'dark' if page.dark else 'light'}.png")


def test_the_search_finds_a_section_and_leads_there(page, site):
    page.goto((site / "index.html").as_uri())
    page.fill("#search", "gram matri")
    assert "style" in page.locator("#found a").first.inner_text().lower()
    page.fill("#search", "no such word anywhere")
    assert page.locator("#found").inner_text() == "No section holds all these words."
    page.fill("#search", "posterior hole")
    link = page.locator("#found a").first
    link.click()
    page.wait_for_load_state()
    assert page.url.partition("#")[0].endswith(".html") and "index" not in page.url
    assert page.evaluate("document.querySelector(':target') !== null")
