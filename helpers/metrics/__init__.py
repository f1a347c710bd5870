"""How good is it, in numbers that can be compared?

    test bound      -log p(x) <= reconstruction + KL, nats per image, on images never trained on
    IWAE-k          -log p(x) <= -log( 1/k sum_i p(x, z_i) / q(z_i | x) ): tighter as k grows
    active units    dimensions whose posterior mean moves with x: Var_x( z_mean ) > 0.01
    radial power    how much of a picture is fine detail, by frequency in cycles per pixel
    k-NN accuracy   do the codes of an unseen picture's neighbours carry its label?
    squared error   mean over pixels of (reconstruction - image)^2; PCA is the line to beat
    PSNR            10 log10( 1 / squared error ), in dB: 20 dB is an error of 0.1 per pixel
    SSIM            1 where local means, contrasts and structures agree (Wang and others, 2004)
    multiply-adds   how much arithmetic a network does for one picture
    information gap how far one dimension alone tells a factor (Chen and others, arXiv:1802.04942):
                    mean over factors of ( I(best dimension) - I(next best) ) / H(factor)
    mode coverage   how many known clusters a generator reaches, and the share of its points in them
    CNN-FD          Frechet distance of two sets of pictures in the features of our own classifier:
                    |m - m'|^2 + tr( S + S' - 2 (S S')^(1/2) ), m and S mean and covariance
    precision       share of drawn pictures that lie among the real ones in those features
    recall          share of real pictures that lie among the drawn ones

"BCE + KL" on grey levels is a training loss, not a likelihood: its floor on the MNIST test images
is 45.5 nats. The IWAE bound is taken on images binarised once with a fixed seed and is a proper
bound; never put the two in one column.

CNN-FD is not FID: FID takes the features of a network trained on photographs. The distance between
two sets of real pictures is its floor, which shrinks as sets grow: compare sets of one size only.

Burda, Grosse and Salakhutdinov, arXiv:1509.00519 (IWAE bound, active units); Heusel and others,
arXiv:1706.08500 (Frechet distance); Kynkaanniemi and others, arXiv:1904.06991 (precision, recall).
"""

import keras
import numpy as np
from keras import ops
from scipy.special import logsumexp
from scipy.stats import entropy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.decomposition import PCA
from sklearn.metrics import mutual_info_score, pairwise_distances
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from helpers import losses


def evidence_bound(
    model, images: np.ndarray, seed: int = 0, conditions: np.ndarray | None = None
) -> dict[str, float]:
    """The bound of a set of images, one draw of z per image.

    Args:
        model: a :class:`helpers.vae.VAE`.
        images: floats in [0, 1], shape (n, height, width, channels).
        conditions: what a :class:`helpers.vae.ConditionalVAE` is told, shape (n, width).
        seed: fixes the draws, so that two calls agree.

    Returns:
        `total`, `reconstruction` and `kl` in nats per image; total is their sum whatever the
        model's beta is.
    """
    z_mean, z_log_var = model.encode(images)
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
    told = [] if conditions is None else [conditions]
    logits = model.logits(z_mean + np.exp(0.5 * z_log_var) * noise, *told)
    reconstruction = float(ops.mean(model.nats_per_image(images, logits)))
    kl = float(losses.kl_divergence(z_mean, z_log_var))
    return {"total": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


def kl_per_dimension(z_mean, z_log_var) -> np.ndarray:
    """Mean over images of each dimension's KL, in nats, shape (latent,)."""
    return ops.convert_to_numpy(ops.mean(losses.kl_terms(z_mean, z_log_var), axis=0))


def active_units(z_mean: np.ndarray) -> np.ndarray:
    """Which dimensions the encoder uses: variance of `z_mean` over images above 0.01.

    Args:
        z_mean: posterior means of many images, shape (n, latent).

    Returns:
        Booleans of shape (latent,) (Burda and others, arXiv:1509.00519, section 5.2).
    """
    return np.var(z_mean, axis=0) > 0.01


def binarise(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Each pixel 1 with the probability of its grey level, else 0; same seed, same pixels."""
    return (np.random.default_rng(seed).random(images.shape) < images).astype("float32")


def iwae_bound(model, images: np.ndarray, samples: int = 100, seed: int = 0) -> float:
    """Importance-weighted bound on -log p(x), for images binarised with a fixed seed.

    Args:
        model: a :class:`helpers.vae.VAE`.
        images: grey levels in [0, 1], shape (n, height, width, channels); 1,000 is customary here.
        samples: draws of z per image, k in the paper; 1 gives the ordinary bound.
        seed: fixes both the binarisation and the draws.

    Returns:
        Nats per image; lower is better (Burda and others, arXiv:1509.00519, equation 8).
    """
    x, rng = binarise(images, seed), np.random.default_rng(seed)
    z_mean, z_log_var = model.encode(x)
    log_weights = []
    for _ in range(samples):
        noise = rng.standard_normal(z_mean.shape, "float32")
        z = z_mean + np.exp(0.5 * z_log_var) * noise
        logits = model.logits(z)
        log_likelihood = -ops.convert_to_numpy(model.nats_per_image(x, logits))
        log_prior = -0.5 * np.sum(z**2, axis=1)
        log_posterior = -0.5 * np.sum(noise**2 + z_log_var, axis=1)
        log_weights.append(log_likelihood + log_prior - log_posterior)
    return float(-np.mean(logsumexp(log_weights, axis=0) - np.log(samples)))


def knn_accuracy(train_codes, train_labels, test_codes, test_labels, neighbours: int = 5) -> float:
    """Share of test codes whose nearest training codes vote for the right label.

    Args:
        train_codes: shape (n, latent).
        train_labels: shape (n,).
        test_codes: shape (m, latent).
        test_labels: shape (m,).
        neighbours: how many vote.

    Returns:
        Between 0 and 1 (scikit-learn's `KNeighborsClassifier`).
    """
    classifier = KNeighborsClassifier(neighbours).fit(train_codes, train_labels)
    return float(classifier.score(test_codes, test_labels))


def score_vae(model, images: np.ndarray) -> dict[str, float]:
    """Everything a VAE's card holds, measured on test images.

    Returns:
        The three numbers of :func:`evidence_bound`, `active_units` (how many), and
        `iwae_100_binarised`, the IWAE-100 bound on the first 1,000 images.
    """
    active = float(active_units(model.encode(images)[0]).sum())
    iwae = iwae_bound(model, images[:1000])
    return {**evidence_bound(model, images), "active_units": active, "iwae_100_binarised": iwae}


def score_gaussian_vae(model, images, conditions=None) -> dict[str, float]:
    """What the card of a VAE of colour images holds, measured on images never trained on.

    Returns:
        `psnr` in dB, of the reconstructions; `nats_per_value`, the bound divided by the number of
        values of an image; `kl` in nats per image; `active_units`; `noise_std`, the model's own.
    """
    bound = evidence_bound(model, images, conditions=conditions)
    told = [] if conditions is None else [conditions]
    return {
        "psnr": psnr(images, model.reconstruct(images, *told)),
        "nats_per_value": bound["total"] / images[0].size,
        "kl": bound["kl"],
        "active_units": float(active_units(model.encode(images)[0]).sum()),
        "noise_std": float(ops.exp(model.log_std)),
    }


def squared_error(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared difference of each image, shape (n,); `.mean()` of it is the test error.

    Args:
        images: shape (n, ...).
        reconstructions: same shape.

    Raises:
        ValueError: the shapes differ.
    """
    if np.shape(images) != np.shape(reconstructions):
        shapes = f"{np.shape(images)} and {np.shape(reconstructions)}"
        raise ValueError(f"The shapes are {shapes}: compare images one to one.")
    squares = np.square(np.asarray(images) - np.asarray(reconstructions))
    return squares.reshape(len(squares), -1).mean(axis=1)


def psnr(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, the mean over images (scikit-image).

    Equal images give infinity.

    Args:
        images: clean, in [0, 1], shape (n, height, width, channels).
        reconstructions: same shape.
    """
    pairs = zip(images, reconstructions, strict=True)
    with np.errstate(divide="ignore"):
        return float(np.mean([peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in pairs]))


def ssim(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Structural similarity, at most 1, the mean over images (scikit-image, 7x7 windows).

    Args:
        images: clean, in [0, 1], shape (n, height, width, channels), 7 pixels a side or more.
        reconstructions: same shape.
    """
    how = {"data_range": 1.0, "channel_axis": -1}
    pairs = zip(images, reconstructions, strict=True)
    return float(np.mean([structural_similarity(a, b, **how) for a, b in pairs]))


def pca_reconstruct(train: np.ndarray, images: np.ndarray, size: int) -> np.ndarray:
    """What is left of images after principal component analysis with `size` numbers each.

    No linear code of that size has a smaller squared error on the training images: the line that a
    network has to beat (scikit-learn's `PCA`).

    Args:
        train: what the components are fitted to, shape (n, ...).
        images: what is reconstructed, shape (m, ...).
        size: numbers per image, at most the number of values of an image.

    Returns:
        Shape of `images`; may leave [0, 1] a little.
    """
    pca = PCA(size, svd_solver="covariance_eigh").fit(train.reshape(len(train), -1))
    codes = pca.transform(images.reshape(len(images), -1))
    return pca.inverse_transform(codes).reshape(images.shape).astype("float32")


def pca_errors(train: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The squared error that PCA leaves with 0, 1, 2, ... numbers per image, from one fit.

    The components are at right angles, so each takes the square of its score off the error:

        error(k) = ( |x - mean|^2 - score_1^2 - ... - score_k^2 ) / values of an image

    Args:
        train: what the components are fitted to, shape (n, ...).
        images: whose error is measured, shape (m, ...).

    Returns:
        Mean over images and values, shape (values of an image + 1,); entry k is the error of
        :func:`pca_reconstruct` with `size` k, for k of 1 or more.
    """
    pca = PCA(svd_solver="covariance_eigh").fit(train.reshape(len(train), -1))
    taken = np.mean(pca.transform(images.reshape(len(images), -1)) ** 2, axis=0)
    left = np.sum(taken) - np.cumsum([0, *taken])
    return np.maximum(left, 0) / len(taken)


def score_autoencoder(model, images: np.ndarray) -> dict[str, float]:
    """What an autoencoder's card holds: `code_size` and `test_mse`, on images never trained on."""
    error = squared_error(images, model.reconstruct(images)).mean()
    return {"code_size": model.code_size, "test_mse": float(error)}


def score_denoiser(model, clean: np.ndarray, noisy: np.ndarray) -> dict[str, float]:
    """What a denoiser's card holds.

    Args:
        model: a :class:`helpers.autoencoder.Autoencoder`.
        clean: images in [0, 1], shape (n, height, width, channels).
        noisy: the same images, damaged once and for all.

    Returns:
        `psnr_noisy` and `psnr` in dB, `ssim_noisy` and `ssim`.
    """
    restored = model.reconstruct(noisy)
    before = {"psnr_noisy": psnr(clean, noisy), "ssim_noisy": ssim(clean, noisy)}
    return {**before, "psnr": psnr(clean, restored), "ssim": ssim(clean, restored)}


def multiply_adds(model: keras.Model) -> int:
    """Multiplications that a network does for one input, each with its addition.

    Counts dense layers, convolutions and transposed convolutions, also inside models of models;
    activations, biases and pooling are left out, as they cost little.
    """
    layers, total = keras.layers, 0
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, layers.Dense | layers.Conv2D | layers.Conv2DTranspose):
            counted = layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
            places = int(np.prod(counted.shape[1:-1]))
            total += places * int(np.prod(layer.kernel.shape))
    return total


def power_spectrum(images: np.ndarray) -> np.ndarray:
    """Power of the images' brightness at each spatial frequency, the mean over images.

    Args:
        images: in [0, 1], shape (n, side, side, channels), side even.

    Returns:
        Mean squared amplitudes, shape (side, side), zero frequency in the middle; row and column 0
        hold the frequency 1/2, a period of two pixels. A Hann window keeps the pictures' edges out.
    """
    grey, side = np.mean(images, axis=-1), images.shape[1]
    window = np.outer(np.hanning(side), np.hanning(side))
    centred = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    power = np.abs(np.fft.fft2(centred)) ** 2 / np.sum(window**2)
    return np.fft.fftshift(power.mean(axis=0))


def chequerboard(images: np.ndarray) -> float:
    """Share of the power that has a period of two pixels, across, down or both; between 0 and 1.

    Args:
        images: in [0, 1], shape (n, side, side, channels), side even.
    """
    power = power_spectrum(images)
    return float((power[0].sum() + power[1:, 0].sum()) / power.sum())


def radial_power(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power of a picture's brightness at each spatial frequency, averaged over directions.

    Args:
        image: in [0, 1], shape (side, side, channels).

    Returns:
        Frequencies in cycles per pixel, from 1 / side to 1/2 (every other pixel), and the mean
        squared amplitude at each; a Hann window keeps the picture's edges out.
    """
    side, power = len(image), power_spectrum(image[np.newaxis])
    frequency = np.fft.fftshift(np.fft.fftfreq(side))
    ring = np.round(np.hypot(*np.meshgrid(frequency, frequency)) * side).astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    rings = np.arange(1, side // 2 + 1)
    return rings / side, mean[rings]


def busiest_channels(features: np.ndarray, count: int) -> list[np.ndarray]:
    """The channels of a layer that fire most on average, most first.

    Args:
        features: activations for one picture, shape (height, width, channels).
        count: how many.

    Returns:
        Maps of shape (height, width, 1).
    """
    features = np.asarray(features)
    strongest = np.argsort(-features.mean(axis=(0, 1)))[:count]
    return [features[..., [channel]] for channel in strongest]


def mutual_information(codes: np.ndarray, attributes: dict, bins: int = 20) -> np.ndarray:
    """What each dimension of a code tells about each factor, as a share of the factor's entropy.

    Args:
        codes: draws of z, shape (n, latent), not posterior means: a dimension that the noise drowns
            tells nothing. Each dimension is cut into bins that hold equally many codes.
        attributes: factor to its values, whole numbers of shape (n,), not all equal.
        bins: how many.

    Returns:
        Shape (factors, latent), from 0 (nothing) to 1 (everything); scikit-learn's
        `mutual_info_score`. With n codes even useless dimensions show about
        bins * values / (2 n) nats.
    """
    ranks = np.argsort(np.argsort(np.asarray(codes), axis=0), axis=0)
    binned = ranks * bins // len(codes)
    shares = [
        [
            mutual_info_score(values, column) / mutual_info_score(values, values)
            for column in binned.T
        ]
        for values in attributes.values()
    ]
    return np.array(shares)


def information_gap(shares: np.ndarray) -> float:
    """How far apart, on average over factors, the two dimensions that tell most about it are.

    Args:
        shares: from :func:`mutual_information`, shape (factors, latent), latent of 2 or more.

    Returns:
        1 where each factor has a dimension of its own, 0 where each is smeared over several (Chen,
        Li, Grosse and Duvenaud, arXiv:1802.04942).
    """
    ordered = np.sort(shares, axis=1)
    return float(np.mean(ordered[:, -1] - ordered[:, -2]))


def _in_parts(network: keras.Model, images: np.ndarray) -> list:
    """What a network says of images that are too many for one pass, 500 at a time."""
    return [network(images[start : start + 500]) for start in range(0, len(images), 500)]


def read_attributes(judge: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """What a judge of attributes sees: name to values, int of shape (n,)."""
    parts = _in_parts(judge, images)
    return {n: np.concatenate([np.argmax(part[n], axis=1) for part in parts]) for n in parts[0]}


def read_features(judge: keras.Model, images: np.ndarray) -> np.ndarray:
    """The layer "features" of a judge of :mod:`helpers.training.judges`, shape (n, width)."""
    network = keras.Model(judge.input, judge.get_layer("features").output)
    return np.concatenate([np.array(part) for part in _in_parts(network, images)])


def attribute_effect(decode, judge, codes: np.ndarray, step: np.ndarray, name: str):
    """What a step in the space of codes does to the pictures, in a judge's eyes.

    Each code takes the step towards the end of the attribute's values that is further away.

    Args:
        decode: from codes to images.
        judge: from :func:`helpers.training.judges.train_attribute_judge`.
        codes: shape (n, latent).
        step: towards higher values of the attribute, shape (latent,), or (n, latent).
        name: of the attribute.

    Returns:
        The share of pictures whose attribute moved the right way, by one value or more, and the
        share of all other attributes that stayed what they were.
    """
    before = read_attributes(judge, decode(codes))
    largest = judge.output[name].shape[-1] - 1
    sign = np.where(2 * before[name] > largest, -1, 1)
    after = read_attributes(judge, decode(codes + sign[:, np.newaxis] * np.asarray(step)))
    moved = np.sign(after[name] - before[name]) == sign
    stayed = [after[other] == before[other] for other in after if other != name]
    return float(np.mean(moved)), float(np.mean(stayed))


def nearest_images(known: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most similar of some known images to each of others, by squared error.

    Every second pixel in both directions is compared, which is four times as fast.

    Args:
        known: shape (n, side, side, channels), side even.
        images: shape (m, side, side, channels).

    Returns:
        Their places among the known, shape (m,), and the squared errors per value, shape (m,).
    """
    rows = [batch[:, ::2, ::2].reshape(len(batch), -1) for batch in (known, images)]
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(rows[0])
    distances, places = search.kneighbors(rows[1])
    return places[:, 0], distances[:, 0] ** 2 / rows[0].shape[1]


def confidence(judge: keras.Model, paths: np.ndarray) -> np.ndarray:
    """How sure a judge is along paths of pictures, averaged over the paths.

    Args:
        judge: from :func:`helpers.training.judges.train_judge`.
        paths: shape (paths, steps, height, width, channels).

    Returns:
        Mean of the largest probability at each step, shape (steps,).
    """
    probabilities = ops.convert_to_numpy(judge(paths.reshape(-1, *paths.shape[2:])))
    return probabilities.max(axis=1).reshape(paths.shape[:2]).mean(axis=0)


def mode_coverage(points: np.ndarray, toy) -> tuple[int, float]:
    """How many modes of a toy cloud a generator reaches, and how many of its points hit one.

    Args:
        points: drawn by the generator, shape (n, 2).
        toy: a :class:`helpers.data.toys.Toy`.

    Returns:
        The number of modes that hold at least a fifth of their fair share of the points, and the
        share of points within 3 standard deviations of a centre, 0.989 for the cloud itself (1 -
        exp(-9/2)).

    Raises:
        ValueError: no points.
    """
    if not len(points):
        raise ValueError("There are no points to measure: draw some.")
    distances = np.linalg.norm(np.asarray(points)[:, np.newaxis] - toy.centres, axis=2)
    near = distances.min(axis=1) <= 3 * toy.std
    modes = len(toy.centres)
    held = np.bincount(distances.argmin(axis=1)[near], minlength=modes)
    return int(np.sum(held >= len(points) / (5 * modes))), float(np.mean(near))


def read_pictures(judge: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and class probabilities of pictures in [0, 1], by a convolutional judge."""
    parts = _in_parts(judge, images)
    return tuple(np.concatenate([np.array(part[k]) for part in parts]) for k in (0, 1))


def _check_features(features: np.ndarray, least: int) -> np.ndarray:
    """Features as float64, at least so many rows of them, all finite."""
    features = np.asarray(features, "float64")
    if features.ndim != 2 or len(features) < least:
        raise ValueError(f"features have shape {features.shape}: use {least} rows or more.")
    if not np.isfinite(features).all():
        raise ValueError("Some features are not finite: look at the pictures they come from.")
    return features


def frechet_distance(features: np.ndarray, others: np.ndarray) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features.

    Args:
        features: shape (n, width), n well above the width.
        others: shape (m, width).

    Returns:
        0 or more, in squared units of the features (Heusel and others, arXiv:1706.08500).

    Raises:
        ValueError: fewer than two rows, or features that are not finite.
    """
    first, second = (_check_features(rows, 2) for rows in (features, others))
    difference = first.mean(axis=0) - second.mean(axis=0)
    covariances = [np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances[1] @ root), 0)).sum()
    traces = np.trace(covariances[0] + covariances[1])
    return max(0.0, float(difference @ difference + traces - 2 * shared))


def precision_recall(real: np.ndarray, drawn: np.ndarray, neighbours: int = 3):
    """Are the drawn pictures like real ones, and are all real ones among what is drawn?

    Around each point of a set stands a ball that reaches to its third neighbour; the set's region
    is the union of these balls.

    Args:
        real: features of real pictures, shape (n, width).
        drawn: features of drawn pictures, shape (m, width).
        neighbours: how far each ball reaches.

    Returns:
        The share of drawn points in the real region, and the share of real points in the drawn
        region (Kynkaanniemi and others, arXiv:1904.06991).

    Raises:
        ValueError: no more rows than neighbours, or features that are not finite.
    """
    real, drawn = (_check_features(rows, neighbours + 1) for rows in (real, drawn))
    return _share_inside(real, drawn, neighbours), _share_inside(drawn, real, neighbours)


def _share_inside(region: np.ndarray, points: np.ndarray, neighbours: int) -> float:
    search = NearestNeighbors(n_neighbors=neighbours + 1, algorithm="brute").fit(region)
    reach = search.kneighbors(region)[0][:, -1]
    inside = [
        (pairwise_distances(part, region) <= reach).any(axis=1)
        for part in np.array_split(np.asarray(points), max(1, len(points) // 500))
    ]
    return float(np.mean(np.concatenate(inside)))


def class_histogram(probabilities: np.ndarray) -> tuple[np.ndarray, float]:
    """How often each class was drawn, in a judge's eyes.

    Args:
        probabilities: from :func:`read_pictures`, shape (n, classes).

    Returns:
        Shares of the classes, shape (classes,), and their KL divergence from equal shares in nats:
        0 when all are drawn alike, log(classes) when only one is.
    """
    count = probabilities.shape[1]
    shares = np.bincount(probabilities.argmax(axis=1), minlength=count) / len(probabilities)
    return shares, float(entropy(shares, np.full(count, 1 / count)))


def score_features(real: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """`cnn_fd`, `precision` and `recall` of two sets of features, each of shape (n, width)."""
    precision, recall = precision_recall(real, drawn)
    return {"cnn_fd": frechet_distance(real, drawn), "precision": precision, "recall": recall}


def score_pictures(judge: keras.Model, real: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """What the card of a GAN holds; 5,000 pictures of each kind are customary here.

    Args:
        judge: from :func:`helpers.training.judges.train_cnn_judge`.
        real: pictures in [0, 1] that no network was trained on, shape (n, side, side, channels).
        drawn: G's pictures in [0, 1], as many.

    Returns:
        `cnn_fd`, `precision`, `recall`, `classes` (how many were drawn) and `class_kl` in nats.
    """
    (known, _), (features, chances) = (read_pictures(judge, images) for images in (real, drawn))
    shares, kl = class_histogram(chances)
    return {**score_features(known, features), "classes": float(np.sum(shares > 0)), "class_kl": kl}
