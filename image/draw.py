"""Draw the diagrams of labs 01, 03 to 06 and 08 to 13 as SVG: `python image/draw.py`.

Dark ink on a white card with a frame, so that they read on dark pages as on light ones.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent
INK, BACK, CONTENT, STYLE, FROZEN = "#102027", "#c62828", "#2e7d32", "#6a1b9a", "#1565c0"
PICTURE, NETWORK, CODE = ("#fff8e1", "#f9a825"), ("#e3f2fd", FROZEN), ("#f3e5f5", STYLE)
RESULT, DAMAGED, PLAIN = ("#e8f5e9", CONTENT), ("#ffebee", BACK), ("#eceff1", INK)
GENERATOR = "#fff3e0", BACK
STYLE_BLOCKS = (1, 2, 3, 4)


def text(x, y, words, size=14, colour=INK, weight="normal") -> str:
    """Centred words."""
    font = f'font-size="{size}" fill="{colour}" font-weight="{weight}" text-anchor="middle"'
    return f'<text x="{x}" y="{y}" {font}>{words}</text>'


def bold(y, words, size, colour=INK) -> tuple:
    """A bold line of a box."""
    return y, words, size, colour, "bold"


def box(x, y, width, height, colours, *lines) -> str:
    """A rounded box of a fill and a frame, and lines centred in it: `(y, words, size, ...)`."""
    place, (fill, stroke) = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="6"', colours
    frame = f'<rect {place} fill="{fill}" stroke="{stroke}" stroke-width="2"/>'
    return "\n".join([frame, *(text(x + width // 2, *line) for line in lines)])


def funnel(x, end, left, right, colours) -> str:
    """A network that narrows or widens from `left` to `right`, each a top and a bottom."""
    shape = f"M{x} {left[0]} L{end} {right[0]} V{right[1]} L{x} {left[1]} z"
    return f'<path d="{shape}" fill="{colours[0]}" stroke="{colours[1]}" stroke-width="2"/>'


def arrow(path, colour=INK, dashed=False) -> str:
    """A line with a tip; `path` is SVG path data."""
    dash = ' stroke-dasharray="7 5"' if dashed else ""
    tip = f'marker-end="url(#tip{colour[1:]})"'
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash} {tip}/>'


def compared(path) -> str:
    """A dashed line without a tip between two things that a loss compares."""
    return f'<path d="{path}" fill="none" stroke="{BACK}" stroke-width="2" stroke-dasharray="7 5"/>'


def lock(x, y) -> str:
    """A padlock, for what is not trained."""
    shackle = f'<path d="M{x - 6} {y} v-6 a6 6 0 0 1 12 0 v6" fill="none" stroke="{FROZEN}" '
    body = f'<rect x="{x - 9}" y="{y}" width="18" height="14" rx="2" fill="{FROZEN}"/>'
    return shackle + 'stroke-width="3"/>' + body


def card(name, width, height, description, parts) -> None:
    """Write one diagram on its white card."""
    tips = "".join(
        f'<marker id="tip{c[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="{c}"/></marker>'
        for c in (INK, BACK, CONTENT, STYLE)
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="Helvetica, Arial, sans-serif" role="img" '
        f'aria-label="{description}">'
    )
    frame = f'<rect x="1" y="1" width="{width - 2}" height="{height - 2}" rx="12" fill="#ffffff" '
    lines = [head, frame + 'stroke="#9aa0a6"/>', f"<defs>{tips}</defs>", *parts, "</svg>"]
    (HERE / name).write_text("\n".join(lines) + "\n")


def fast_styles() -> None:
    """Five steps from one network per painting to any painting in one pass."""
    steps = [
        ("Johnson", "2016", "one network", "per painting"),
        ("instance norm", "2016", "removes mean and", "deviation first"),
        ("conditional", "2017", "scale and shift", "stored per painting"),
        ("Ghiasi", "2017", "scale and shift", "predicted"),
        ("AdaIN", "2017", "scale and shift", "computed"),
    ]
    parts = []
    for number, (name, year, first, second) in enumerate(steps):
        x, last = 20 + 152 * number, number == len(steps) - 1
        lines = bold(68, name, 16), (88, year, 12), (116, first, 12), (134, second, 12)
        parts.append(box(x, 40, 128, 110, RESULT if last else NETWORK, *lines))
        if not last:
            parts.append(arrow(f"M{x + 130} 95 H{x + 148}"))
    parts.append(text(390, 180, "scale and shift of each channel are the style", 13, STYLE))
    card(
        "fast_styles.svg", 780, 204,
        "Five steps: one network per painting; instance norm; scale and shift stored for each "
        "painting; predicted by a second network; computed from the painting.",
        parts,
    )  # fmt: skip


def autoencoder() -> None:
    """A picture squeezed into a code and opened again."""
    loss = "loss: mean of (x&#770; - x)&#178;; its gradient trains both networks"
    parts = [
        box(28, 82, 104, 96, PICTURE, bold(124, "x", 18), (148, "many numbers", 12)),
        arrow("M134 130 H166"),
        funnel(168, 312, (72, 188), (106, 154), NETWORK),
        text(234, 136, "encoder", 16, weight="bold"),
        arrow("M314 130 H344"),
        box(346, 104, 76, 52, CODE, bold(126, "code", 15, STYLE), (145, "few numbers", 12)),
        arrow("M424 130 H454"),
        funnel(456, 600, (106, 154), (72, 188), RESULT),
        text(534, 136, "decoder", 16, weight="bold"),
        arrow("M602 130 H634"),
        box(636, 82, 104, 96, PICTURE, bold(124, "x&#770;", 18), (148, "as many", 12)),
        compared("M688 180 V228 H80 V180"),
        text(384, 220, loss, 13, BACK),
        text(384, 44, "all that passes through must fit into the code", 13, STYLE),
    ]
    card(
        "autoencoder.svg", 768, 256,
        "A point or picture goes through an encoder into a code of few numbers and through a "
        "decoder back to as many as it had; the squared difference trains both.",
        parts,
    )  # fmt: skip


def loop() -> None:
    """The frozen network and the picture that is updated."""
    content = bold(86, "content loss", 15, CONTENT), (106, "against the photograph", 12)
    style = bold(184, "style loss", 15, STYLE), (204, "against the painting", 12)
    parts = [
        box(28, 92, 96, 96, PICTURE, bold(136, "picture x", 16), (158, "the pixels train", 12)),
        arrow("M126 140 H188"),
        funnel(190, 400, (76, 204), (106, 174), NETWORK),
        text(280, 134, "VGG19", 17, weight="bold"),
        text(280, 156, "frozen: weights never change", 12),
        lock(352, 118),
        arrow("M402 128 C430 128 440 96 472 92", CONTENT),
        arrow("M402 152 C430 152 440 184 472 188", STYLE),
        box(474, 62, 150, 56, RESULT, *content),
        box(474, 160, 150, 56, CODE, *style),
        arrow("M626 92 C660 92 660 124 690 134"),
        arrow("M626 188 C660 188 660 156 690 146"),
        box(692, 112, 60, 56, PLAIN, bold(146, "sum", 15)),
        arrow("M722 170 V258 H76 V194", BACK, dashed=True),
        text(400, 250, "gradient of the sum with respect to the pixels", 13, BACK),
        arrow("M76 90 V34 H722 V108"),
        text(400, 27, "total variation: how much neighbouring pixels differ", 13),
    ]
    card(
        "style_loop.svg", 780, 280,
        "A picture passes through the frozen network VGG19; content loss, style loss and total "
        "variation are added; the gradient changes only the pixels.", parts,
    )  # fmt: skip


def layers() -> None:
    """Where along the network content and style are measured."""
    parts = [text(390, 28, "VGG19: deeper layers see more of the picture, less exactly", 14)]
    sides = {1: (256, 64), 2: (128, 128), 3: (64, 256), 4: (32, 512), 5: (16, 512)}
    for block, (side, channels) in sides.items():
        x, half = 30 + 148 * (block - 1), 58 - 6 * block
        lines = bold(147, f"block {block}", 15), (165, f"{side} × {side} × {channels}", 12)
        parts.append(box(x, 150 - half, 128, 2 * half, NETWORK, *lines))
        if block < 5:
            parts.append(arrow(f"M{x + 129} 150 H{x + 146}"))
        if block in STYLE_BLOCKS:
            parts.append(arrow(f"M{x + 24} {150 + half} V226", STYLE))
            parts.append(text(x + 44, 244, f"block{block}_conv1", 12, STYLE))
        if block == 4:
            parts.append(arrow(f"M{x + 64} {150 - half} V74", CONTENT))
            parts.append(text(x + 64, 64, "block4_conv2: features as they are", 13, CONTENT))
    low, high = min(STYLE_BLOCKS), max(STYLE_BLOCKS)
    parts.append(box(30, 256, 148 * (high - low) + 128, 34, CODE))
    words = "style: Gram matrices, which channels fire together, wherever that is"
    parts.append(text(30 + (148 * (high - low) + 128) / 2, 278, words, 14, STYLE))
    card(
        "style_layers.svg", 780, 306,
        "The five blocks of VGG19 with their sizes; style is measured by Gram matrices at the "
        "first convolution of blocks 1 to 4, content at block4_conv2 alone.", parts,
    )  # fmt: skip


def convolutional() -> None:
    """Feature maps that shrink to a code and grow back, with their sizes."""
    sizes = ["28 × 28 × 1", "14 × 14 × 16", "7 × 7 × 32", "code: 32", "7 × 7 × 32", "14 × 14 × 16"]
    numbers = [784, 3136, 1568, 32, 1568, 3136, 784]
    parts = [text(384, 30, "numbers that pass through at each stage", 14)]
    for place, (size, count) in enumerate(zip([*sizes, sizes[0]], numbers, strict=True)):
        half, x = 12 + 60 * (count / 3136) ** 0.5, 62 + 107 * place
        colours = CODE if place == 3 else NETWORK if place < 3 else RESULT
        parts.append(box(x - 28, 128 - half, 56, 2 * half, colours))
        parts.append(text(x, 133, f"{count:,}", 14, weight="bold"))
        parts.append(text(x, 222, size, 12))
        if place < 6:
            parts.append(arrow(f"M{x + 30} 128 H{x + 76}"))
    card(
        "conv_autoencoder.svg", 768, 244,
        "A picture of 784 numbers becomes 3,136, then 1,568, then a code of 32, and grows back the "
        "same way: only the code is narrower than the picture.", parts,
    )  # fmt: skip


def denoising() -> None:
    """The input is damaged, the target is not."""
    parts = [
        box(28, 86, 104, 80, PICTURE, bold(122, "x", 18), (146, "clean", 13)),
        arrow("M134 126 H206"),
        text(170, 112, "+ noise", 13, BACK),
        box(208, 86, 104, 80, DAMAGED, bold(122, "x&#771;", 18), (146, "noisy", 13)),
        arrow("M314 126 H364"),
        box(366, 78, 150, 96, NETWORK, bold(122, "network", 16), (146, "no narrow place", 12)),
        arrow("M518 126 H568"),
        box(570, 86, 120, 80, RESULT, bold(122, "r(x&#771;)", 18), (146, "restored", 13)),
        compared("M630 168 V216 H80 V172"),
        text(360, 208, "loss: restored against clean, never against noisy", 13, BACK),
        arrow("M260 84 V46 H630 V80", STYLE),
        text(445, 38, "r(x&#771;) - x&#771; points to where data are likely", 13, STYLE),
    ]
    card(
        "denoising.svg", 718, 242,
        "Noise is added to a clean picture, a network restores it, and the loss compares the "
        "result with the clean picture; restored minus noisy points to where data are likely.",
        parts,
    )  # fmt: skip


def faces() -> None:
    """A face's code, an arrow added to it, and a decoder that knows how wrong it is."""
    mean = bold(108, "mean picture", 15), (134, "± noise σ, one for all", 12)
    parts = [
        box(24, 70, 104, 84, PICTURE, bold(108, "x", 18), (134, "64 × 64 × 3", 12)),
        arrow("M130 112 H162"),
        box(164, 70, 96, 84, NETWORK, bold(117, "encoder", 15)),
        arrow("M262 112 H294"),
        box(296, 70, 112, 84, CODE, bold(108, "z", 18), (134, "32 numbers", 12)),
        arrow("M410 112 H442"),
        box(444, 70, 96, 84, NETWORK, bold(117, "decoder", 15)),
        arrow("M542 112 H574"),
        box(576, 70, 152, 84, RESULT, *mean),
        arrow("M76 156 V196 H652 V160", BACK, dashed=True),
        text(364, 188, "σ is the error that is left: it is learned, not assumed", 13, BACK),
        arrow("M352 34 V64", STYLE),
        text(352, 24, "+ t × (mean code with glasses - mean code without)", 13, STYLE),
    ]
    card(
        "vae_faces.svg", 752, 216,
        "A face is encoded to 32 numbers and decoded to a mean picture with noise sigma, which is "
        "the error that is left; an arrow added to the 32 numbers puts glasses on.", parts,
    )  # fmt: skip


def gan() -> None:
    """Two networks, two phases: what each learns from the same judgement."""
    parts = [
        box(24, 76, 92, 72, PLAIN, bold(108, "z", 18), (132, "noise", 13)),
        arrow("M118 112 H148"),
        funnel(150, 262, (94, 130), (66, 158), GENERATOR),
        text(208, 118, "G", 20, weight="bold"),
        arrow("M264 112 H294"),
        box(296, 76, 104, 72, DAMAGED, bold(108, "G(z)", 17), (132, "fake", 13)),
        box(296, 192, 104, 72, NETWORK, bold(224, "x", 18), (248, "real", 13)),
        arrow("M402 112 C440 112 440 158 468 164"),
        arrow("M402 228 C440 228 440 182 468 176"),
        funnel(470, 582, (124, 216), (152, 188), CODE),
        text(524, 177, "D", 20, weight="bold"),
        arrow("M584 170 H620"),
        box(622, 134, 122, 72, CODE, bold(166, "logit", 17), (190, "how real it looks", 13)),
        arrow("M700 208 V290 H524 V208", STYLE, dashed=True),
        text(524, 312, "phase 1: D learns, real up and fake down; G is held still", 13, STYLE),
        arrow("M700 132 V42 H208 V72", BACK, dashed=True),
        text(454, 32, "phase 2: G learns, fake up, through D; D is held still", 13, BACK),
    ]
    card(
        "gan.svg", 768, 330,
        "The generator G turns noise into a fake; the discriminator D says of fakes and real "
        "pictures how real they look. In phase 1 this trains D, in phase 2 it trains G through D.",
        parts,
    )  # fmt: skip


def dcgan() -> None:
    """Noise to maps to a picture, and the same way back to one logit."""
    up = ((150, 34, "64"), (226, 58, "7 × 7"), (306, 88, "14 × 14"), (396, 124, "28 × 28"))
    down = ((396, 124, ""), (486, 88, "14 × 14"), (560, 58, "7 × 7"), (634, 34, "1"))
    below = {150: "noise", 226: "64 maps", 306: "32 maps", 486: "32 maps", 560: "64 maps"}
    parts = [
        text(196, 24, "G: transposed convolutions,", 13, BACK, "bold"),
        text(196, 41, "batch norm, ReLU, tanh", 13, BACK, "bold"),
        text(566, 24, "D: strided convolutions,", 13, STYLE, "bold"),
        text(566, 41, "batch norm, LeakyReLU", 13, STYLE, "bold"),
        text(634, 196, "logit", 12),
        text(396, 206, "picture in [-1, 1]", 12),
    ]
    for row, colours in ((up, GENERATOR), (down, CODE)):
        for (x, side, name), (following, next_side, _) in zip(
            row, (*row[1:], (0, 0, "")), strict=True
        ):
            parts.append(box(x - side / 4, 120 - side / 2, side / 2, side, colours))
            parts.append(text(x, 112 - side / 2 if name else 0, name, 12))
            if following:
                parts.append(arrow(f"M{x + side / 4 + 3} 120 H{following - next_side / 4 - 3}"))
    parts += [text(x, 196, words, 12) for x, words in below.items()]
    card(
        "dcgan.svg", 768, 226,
        "G turns 64 numbers of noise into 64 maps of 7 by 7, then 32 of 14 by 14, then a picture "
        "of 28 by 28; D goes the same way back, by strided convolutions, to one logit.",
        parts,
    )  # fmt: skip


def face_gan() -> None:
    """A conditional GAN, and two menus that change only how it is trained."""
    objective = bold(62, "objective", 14, FROZEN), (84, "minimax, hinge,", 12)
    objective += ((104, "Wasserstein, …", 12),)
    penalty = bold(158, "penalty", 14, FROZEN), (180, "none, R1,", 12)
    penalty += ((200, "DRAGAN, WGAN-GP", 12),)
    parts = [
        box(24, 52, 96, 56, PLAIN, bold(76, "z", 17), (96, "noise", 12)),
        box(24, 132, 96, 56, RESULT, (156, "glasses,", 12), (174, "smile, …", 12)),
        arrow("M122 80 L158 104"),
        arrow("M122 156 L158 132"),
        funnel(160, 250, (100, 136), (76, 160), GENERATOR),
        text(206, 124, "G", 20, weight="bold"),
        arrow("M252 118 H286"),
        box(288, 76, 84, 84, PICTURE, bold(124, "face", 15)),
        arrow("M374 118 H408"),
        funnel(410, 500, (76, 160), (100, 136), CODE),
        text(454, 124, "D", 20, weight="bold"),
        arrow("M502 118 H536"),
        text(564, 123, "logit", 15, weight="bold"),
        arrow("M72 190 V216 H454 V152", CONTENT),
        text(262, 208, "the same attributes: is it this face?", 12, CONTENT),
        box(610, 40, 134, 84, NETWORK, *objective),
        box(610, 136, 134, 84, NETWORK, *penalty),
    ]
    card(
        "face_gan.svg", 768, 240,
        "Noise and attributes enter G, which draws a face. D sees the face and the same attributes "
        "and gives a logit. Two menus choose the objective and the penalty.",
        parts,
    )  # fmt: skip


def tricks() -> None:
    """A switch, both positions from several seeds, and the dots on one axis."""
    parts = [
        box(28, 84, 128, 72, PLAIN, bold(114, "one trick", 17), (138, "a switch", 13)),
        text(589, 108, "apart?", 13),
        arrow("M589 120 H616"),
        arrow("M589 120 H562"),
        arrow("M478 216 H742"),
        text(610, 233, "distance to real pictures, smaller is better", 12),
    ]
    rows = (
        (62, "off", FROZEN, "#e3f2fd", (630, 646, 664, 683, 710)),
        (178, "on", "#e65100", "#fff3e0", (504, 517, 528, 539, 556)),
    )
    for y, name, colour, fill, dots in rows:
        low, high, mean = min(dots), max(dots), sum(dots) / len(dots)
        parts += [
            arrow(f"M158 {120 + (y - 120) * 0.28:g} L212 {120 + (y - 120) * 0.93:g}"),
            box(214, y - 28, 96, 56, (fill, colour), bold(y + 6, name, 17, colour)),
            arrow(f"M312 {y} H336"),
            box(338, y - 20, 100, 40, ("#ffffff", colour), (y + 5, "seeds 0 to 4", 13)),
            arrow(f"M440 {y} H468"),
            f'<rect x="{low}" y="{y - 16}" width="{high - low}" height="32" fill="{colour}" '
            'opacity="0.2"/>',
            f'<path d="M{mean:g} {y - 16} v32" stroke="{colour}" stroke-width="3"/>',
            *(f'<circle cx="{x}" cy="{y}" r="6" fill="{colour}"/>' for x in dots),
        ]
    card(
        "gan_tricks.svg", 768, 240,
        "A switch has two positions. Each is trained from five seeds. The dots of both stand on "
        "one axis: do they lie apart?",
        parts,
    )  # fmt: skip


def flow() -> None:
    """Crossing lines train a network; small steps along what it says do not cross."""
    heights = (60, 100, 140, 180)
    parts = [
        text(143, 30, "training", 15, weight="bold"),
        text(143, 224, "straight lines, paired by chance", 12),
        arrow("M262 120 H300"),
        box(302, 80, 164, 80, NETWORK, bold(112, "v(x, t)", 18), (138, "their mean velocity", 13)),
        arrow("M468 120 H506"),
        text(625, 30, "drawing", 15, weight="bold"),
        text(625, 224, "small steps: no two ever meet", 12),
        *(text(x, 204, words, 12) for x, words in ((46, "noise"), (528, "noise"))),
        *(text(x, 204, words, 12, CONTENT) for x, words in ((240, "data"), (722, "data"))),
    ]
    for start, end in zip(heights, (140, 60, 180, 100), strict=True):
        parts.append(arrow(f"M52 {start} L232 {end}", BACK))
    for y in heights:
        bend = 120 + (y - 120) * 0.62
        steps = [(534, y), (574, (y + bend) / 2), (620, bend), (668, (y + bend) / 2), (714, y)]
        parts.append(arrow("M" + " L".join(f"{x} {place:g}" for x, place in steps), BACK))
        parts += [f'<circle cx="{x}" cy="{place:g}" r="3" fill="{BACK}"/>' for x, place in steps]
        parts += [f'<circle cx="{x}" cy="{y}" r="6" fill="#78909c"/>' for x in (46, 528)]
        parts += [f'<circle cx="{x}" cy="{y}" r="6" fill="{CONTENT}"/>' for x in (240, 722)]
    card(
        "flow.svg", 768, 240,
        "Straight lines lead from noise to data, paired by chance, and cross. A network learns "
        "their mean velocity. Of those who take small steps along it, no two ever meet.",
        parts,
    )  # fmt: skip


if __name__ == "__main__":
    loop()
    layers()
    fast_styles()
    autoencoder()
    convolutional()
    denoising()
    faces()
    gan()
    dcgan()
    face_gan()
    tricks()
    flow()
