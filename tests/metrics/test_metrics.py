"""The measures against closed forms and scikit-learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import small_vae
from scipy.linalg import hadamard, sqrtm
from scipy.stats import chi2, entropy, norm
from sklearn.metrics import mean_squared_error

from helpers import losses, metrics, vae
from helpers.data import toys


class Linear:
    """A model whose log p(x) is known: x = (z1, z2) seen through two Bernoulli pixels."""

    def __init__(self, weights):
        self.weights = weights

    def encode(self, x):
        return np.zeros((len(x), 2), "float32"), np.full((len(x), 2), 0.5, "float32")

    def logits(self, z):
        return (z @ self.weights).reshape(-1, 1, 2, 1).astype("float32")

    def nats_per_image(self, x, logits):
        return losses.bernoulli_per_image(x, logits)


def exact_nats(weights, x):
    """-log p(x) by numerical integration over a fine grid of z."""
    axis = np.linspace(-7, 7, 301)
    z = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    prior = np.prod(norm.pdf(z), axis=1) * (axis[1] - axis[0]) ** 2
    p_white = 1 / (1 + np.exp(-(z @ weights)))
    likelihood = np.prod(np.where(x.reshape(1, 2) > 0.5, p_white, 1 - p_white), axis=1)
    return -np.log(np.sum(prior * likelihood))


def test_iwae_approaches_the_exact_likelihood_from_above():
    model, x = Linear(np.array([[2.0, -1.0], [0.5, 3.0]])), np.array([[[[1.0], [0.0]]]])
    exact = exact_nats(model.weights, x)
    many = np.repeat(x, 400, axis=0).astype("float32")
    loose, tight = (metrics.iwae_bound(model, many, samples=k) for k in (1, 200))
    assert loose > tight
    assert tight == pytest.approx(exact, abs=0.01)


def test_evidence_bound_adds_its_parts_whatever_beta_is(images):
    result = metrics.evidence_bound(small_vae(beta=9.0), images)
    assert result["total"] == pytest.approx(result["reconstruction"] + result["kl"])
    assert result == metrics.evidence_bound(small_vae(beta=9.0), images)


def test_active_units_are_those_that_move():
    z_mean = np.random.default_rng(0).normal(size=(1000, 4)) * [1.0, 0.2, 0.05, 0.0]
    assert metrics.active_units(z_mean).tolist() == [True, True, False, False]


def test_kl_per_dimension_sums_to_the_kl():
    rng = np.random.default_rng(0)
    z_mean, z_log_var = rng.normal(size=(2, 100, 6)).astype("float32")
    per_dimension = metrics.kl_per_dimension(z_mean, z_log_var)
    assert per_dimension.shape == (6,)
    np.testing.assert_allclose(per_dimension.sum(), losses.kl_divergence(z_mean, z_log_var), 1e-5)


def test_binarise_keeps_the_mean_and_repeats():
    grey = np.full((200, 8, 8, 1), 0.3, "float32")
    first = metrics.binarise(grey)
    assert set(np.unique(first)) == {0, 1} and first.mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(first, metrics.binarise(grey))


def test_knn_accuracy_on_two_clear_clouds():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    codes = rng.normal(size=(100, 2)) + 8 * labels[:, None]
    assert metrics.knn_accuracy(codes[::2], labels[::2], codes[1::2], labels[1::2]) == 1.0
    other = rng.permutation(labels)
    assert metrics.knn_accuracy(codes[::2], other[::2], codes[1::2], other[1::2]) < 0.75


def test_radial_power_peaks_at_the_frequency_of_a_wave():
    x = np.arange(64)
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * x * 16 / 64)
    image = np.broadcast_to(wave, (64, 64))[..., np.newaxis]
    frequencies, power = metrics.radial_power(image)
    assert frequencies[0] == 1 / 64 and frequencies[-1] == 0.5
    assert frequencies[np.argmax(power)] == pytest.approx(16 / 64, abs=1 / 64)


def test_radial_power_of_white_noise_is_flat_and_its_variance():
    noise = np.random.default_rng(0).normal(0.5, 0.2, (256, 256, 1))
    _, power = metrics.radial_power(noise)
    np.testing.assert_allclose(power[40:].reshape(-1, 8).mean(axis=1), 0.04, rtol=0.15)


def test_busiest_channels_come_most_first():
    features = np.random.default_rng(0).random((4, 5, 6)) * np.array([3, 1, 9, 2, 7, 5])
    first, second = metrics.busiest_channels(features, 2)
    np.testing.assert_array_equal(first[..., 0], features[..., 2])
    np.testing.assert_array_equal(second[..., 0], features[..., 4])


def pictures(count=20, side=16, channels=1, seed=0):
    return np.random.default_rng(seed).random((count, side, side, channels)).astype("float32")


def test_squared_error_is_scikit_learns():
    first, second = pictures(seed=0), pictures(seed=1)
    computed = metrics.squared_error(first, second)
    whole = mean_squared_error(first.reshape(20, -1).T, second.reshape(20, -1).T,
                               multioutput="raw_values")  # fmt: skip
    np.testing.assert_allclose(computed, whole, rtol=1e-5)
    with pytest.raises(ValueError, match=r"shapes are .*: compare images one to one"):
        metrics.squared_error(first, second[:3])


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_is_tensorflows(channels):
    first, second = pictures(channels=channels), pictures(channels=channels, seed=1)
    expected = float(tf.reduce_mean(tf.image.psnr(first, second, max_val=1.0)))
    assert metrics.psnr(first, second) == pytest.approx(expected, abs=1e-4)


def test_ssim_is_one_for_equals_and_falls_with_noise():
    clean = np.clip(pictures(side=32) * 0.2 + np.linspace(0, 0.8, 32)[:, None], 0, 1)
    noise = pictures(side=32, seed=1) - 0.5
    values = [
        metrics.ssim(clean, (clean + level * noise).astype("float32")) for level in (0, 0.3, 1)
    ]
    assert values[0] == pytest.approx(1) and values[0] > values[1] > values[2]


def test_pca_is_the_truncated_singular_value_decomposition():
    train, test = pictures(60, 6), pictures(10, 6, seed=1)
    flat, mean = train.reshape(60, -1), train.reshape(60, -1).mean(axis=0)
    rows = np.linalg.svd(flat - mean, full_matrices=False)[2][:5]
    expected = mean + (test.reshape(10, -1) - mean) @ rows.T @ rows
    computed = metrics.pca_reconstruct(train, test, 5)
    np.testing.assert_allclose(computed.reshape(10, -1), expected, atol=1e-4)


def test_pca_errors_are_those_of_each_reconstruction():
    train, test = pictures(60, 6), pictures(10, 6, seed=1) + 0.2
    computed = metrics.pca_errors(train, test)
    assert computed.shape == (test[0].size + 1,) and np.all(np.diff(computed) <= 0)
    mean_alone = mean_squared_error(
        test.reshape(10, -1), np.tile(train.reshape(60, -1).mean(axis=0), (10, 1))
    )
    assert computed[0] == pytest.approx(mean_alone, rel=1e-4)
    for size in (1, 5, 20):
        rebuilt = metrics.pca_reconstruct(train, test, size)
        expected = metrics.squared_error(test, rebuilt).mean()
        assert computed[size] == pytest.approx(expected, rel=1e-3)
    assert computed[-1] == pytest.approx(0, abs=1e-6)


def nested(transposed):
    """A model of models: convolution, pooling, transposed convolution or resizing, dense."""
    layers = keras.layers
    inner = [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, 2, "same"), layers.MaxPool2D()]
    grow = layers.Conv2DTranspose(5, 4, 2, "same") if transposed else layers.UpSampling2D()
    outer = [keras.Input((8, 8, 3)), keras.Sequential(inner), grow, layers.Flatten()]
    return keras.Sequential([*outer, layers.Dense(7)])


@pytest.mark.parametrize("transposed", [True, False])
def test_multiply_adds_by_hand(transposed):
    convolution, grow = 4 * 4 * (3 * 3 * 3 * 4), 2 * 2 * (4 * 4 * 4 * 5) * transposed
    dense = 4 * 4 * (5 if transposed else 4) * 7
    assert metrics.multiply_adds(nested(transposed)) == convolution + grow + dense


def test_multiply_adds_are_half_of_the_profilers_operations():
    layers = keras.layers
    inside = [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, 2, "same", use_bias=False)]
    model = keras.Sequential([*inside, layers.Flatten(), layers.Dense(7, use_bias=False)])
    call = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, 8, 8, 3)))
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    counted = profiler.profile(call.graph, options=options.with_empty_output().build())
    assert counted.total_float_ops == 2 * metrics.multiply_adds(model)


def test_power_spectrum_keeps_the_variance_of_noise():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (300, 32, 32, 1))
    assert metrics.power_spectrum(noise).mean() == pytest.approx(0.01, rel=0.05)


def test_chequerboard_is_all_of_a_board_and_none_of_a_slope():
    rows, columns = np.mgrid[:16, :16]
    board = ((rows + columns) % 2)[None, ..., None].astype(float)
    slope = (rows / 16)[None, ..., None]
    stripes = (rows % 2)[None, ..., None].astype(float)
    assert metrics.chequerboard(board) > 0.6 and metrics.chequerboard(stripes) > 0.6
    assert metrics.chequerboard(slope) < 1e-3


def test_scores_of_an_autoencoder_are_those_of_its_reconstruction(images):
    class Halves:
        code_size = 5

        def reconstruct(self, x):
            return x / 2

    score = metrics.score_autoencoder(Halves(), images)
    assert score == {"code_size": 5, "test_mse": pytest.approx(np.mean(images**2) / 4)}
    denoised = metrics.score_denoiser(Halves(), images[:5] / 2, images[:5])
    assert denoised["psnr_noisy"] == pytest.approx(10 * np.mean(
        [np.log10(4 / np.mean(image**2)) for image in images[:5]]
    ), rel=1e-4)  # fmt: skip
    assert denoised["ssim"] == pytest.approx(1) and denoised["psnr"] == np.inf


def test_evidence_bound_of_a_gaussian_model_uses_its_noise(images):
    model = small_vae(kind=vae.GaussianVAE, noise_std=0.3)
    computed = metrics.evidence_bound(model, images)
    z_mean, z_log_var = model.encode(images)
    noise = np.random.default_rng(0).standard_normal(z_mean.shape, "float32")
    pictures = model.decode(z_mean + np.exp(0.5 * z_log_var) * noise)
    expected = -norm.logpdf(images, pictures, 0.3).sum(axis=(1, 2, 3)).mean()
    assert computed["reconstruction"] == pytest.approx(expected, rel=1e-4)


def factors(count=4000):
    """Four independent factors of 2, 4, 5 and 3 values."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, k, count) for name, k in {"a": 2, "b": 4, "c": 5, "d": 3}.items()}


def test_information_gap_of_one_dimension_per_factor():
    truth = factors()
    codes = np.column_stack([values + 0.01 * np.sin(np.arange(4000)) for values in truth.values()])
    shares = metrics.mutual_information(codes, truth)
    assert np.all(np.diag(shares) > 0.9) and np.all(shares[~np.eye(4, dtype=bool)] < 0.02)
    assert metrics.information_gap(shares) > 0.9


def test_information_gap_falls_when_codes_are_turned():
    truth = factors()
    codes = np.column_stack([(v - v.mean()) / v.std() for v in truth.values()])
    for smeared in (codes @ hadamard(4) / 2, np.concatenate([codes, codes], axis=1)):
        assert metrics.information_gap(metrics.mutual_information(smeared, truth)) < 0.1


def test_a_drowned_dimension_tells_nothing():
    truth = factors()
    noise = np.random.default_rng(3).normal(size=4000)
    shares = metrics.mutual_information((1e-3 * truth["c"] + noise)[:, np.newaxis], truth)
    assert shares.max() < 0.02


def test_mutual_information_of_two_values_is_the_closed_form():
    """A bit seen through a channel that flips it with probability 0.1 keeps 1 - H(0.1) of it."""
    rng = np.random.default_rng(2)
    bit = rng.integers(0, 2, 50_000)
    seen = np.where(rng.random(50_000) < 0.1, 1 - bit, bit) + 1e-3 * rng.random(50_000)
    kept = 1 + 0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)
    computed = metrics.mutual_information(seen[:, np.newaxis], {"bit": bit}, bins=2)
    assert computed[0, 0] == pytest.approx(kept, abs=0.02)


def test_scores_of_a_gaussian_vae_are_those_of_its_parts(images):
    model = small_vae(kind=vae.GaussianVAE, noise_std=0.3)
    computed, bound = (
        metrics.score_gaussian_vae(model, images),
        metrics.evidence_bound(model, images),
    )
    assert computed["psnr"] == metrics.psnr(images, model.reconstruct(images))
    assert computed["nats_per_value"] == pytest.approx(bound["total"] / 64)
    assert computed["kl"] == bound["kl"] and computed["noise_std"] == pytest.approx(0.3)


class Reader:
    """A judge that reads `low` off the first pixel, 0 to 2, and `high` off the second, 0 or 1."""

    output = {"low": np.zeros((1, 3)), "high": np.zeros((1, 2))}  # noqa: RUF012

    def __call__(self, images):
        low = np.clip(np.round(images[:, 0, 0, 0]), 0, 2).astype(int)
        return {"low": np.eye(3)[low], "high": np.eye(2)[(images[:, 0, 1, 0] > 0.5).astype(int)]}


def test_attribute_effect_counts_moves_towards_the_far_end():
    codes = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.0, 1.0]])

    def decode(z):
        return z.reshape(-1, 1, 2, 1)

    effect = metrics.attribute_effect(decode, Reader(), codes, np.array([1.0, 0.0]), "low")
    assert effect == (1.0, 1.0)
    effect = metrics.attribute_effect(decode, Reader(), codes, np.array([0.0, 0.9]), "low")
    assert effect == (0.0, 0.75)
    effect = metrics.attribute_effect(decode, Reader(), codes, np.array([1.0, 0.9]), "high")
    assert effect == (1.0, 0.5)


def test_nearest_images_are_found_whatever_the_noise():
    known = np.random.default_rng(0).random((30, 8, 8, 3))
    order = np.random.default_rng(1).permutation(30)[:7]
    places, errors = metrics.nearest_images(known, known[order] + 0.01)
    np.testing.assert_array_equal(places, order)
    np.testing.assert_allclose(errors, 1e-4, rtol=1e-6)


@pytest.mark.parametrize("name", toys.TOYS)
def test_a_cloud_covers_all_its_own_modes(name):
    toy = toys.TOYS[name]()
    modes, near = metrics.mode_coverage(toy.points(10_000), toy)
    assert modes == len(toy.centres)
    within = pytest.approx(chi2.cdf(9, df=2), abs=0.005)
    assert near == within if name in ("ring", "grid") else near >= 0.98


def test_a_collapsed_generator_covers_one_mode():
    toy = toys.ring()
    alone = toy._replace(centres=toy.centres[3:4]).points(1000)
    assert metrics.mode_coverage(alone, toy) == (1, pytest.approx(0.989, abs=0.01))
    assert metrics.mode_coverage(np.zeros((1000, 2)), toy) == (0, 0.0)


@pytest.mark.parametrize(("count", "covered"), [(24, 1), (25, 2)])
def test_a_mode_counts_from_a_fifth_of_its_fair_share(count, covered):
    toy = toys.ring()
    points = np.repeat(toy.centres[:2], (1000 - count, count), axis=0)
    assert metrics.mode_coverage(points, toy) == (covered, 1.0)


def gaussian_rows(mean, covariance, count=400):
    """Rows whose mean and covariance are exactly these."""
    rows = np.random.default_rng(0).normal(size=(count, len(mean)))
    rows -= rows.mean(axis=0)
    rows = rows @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(rows.T)))).T
    return rows @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_round_gaussians_is_the_closed_form():
    first = gaussian_rows([0, 0, 0], np.diag([1.0, 4.0, 9.0]))
    second = gaussian_rows([1, 2, -2], np.diag([4.0, 4.0, 1.0]))
    expected = 9 + (2 - 1) ** 2 + 0 + (1 - 3) ** 2
    assert metrics.frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def by_matrix_root(first, second):
    """The Frechet distance with SciPy's root of a matrix."""
    covariances = [np.cov(rows.T) for rows in (first, second)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    gap = first.mean(axis=0) - second.mean(axis=0)
    return gap @ gap + np.trace(sum(covariances) - 2 * root)


def test_frechet_distance_is_that_of_the_matrix_root():
    rng = np.random.default_rng(1)
    first, second = (rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)) for _ in range(2))
    expected = by_matrix_root(first, second)
    assert metrics.frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    backwards = metrics.frechet_distance(second, first)
    assert backwards == pytest.approx(expected, rel=1e-6)


def test_measures_refuse_what_cannot_be_measured():
    rows = np.random.default_rng(0).normal(size=(50, 4))
    broken = np.where(rows > 2, np.nan, rows)
    broken[0, 0] = np.nan
    for measure in (metrics.frechet_distance, metrics.precision_recall):
        with pytest.raises(ValueError, match="Some features are not finite"):
            measure(rows, broken)
        with pytest.raises(ValueError, match=r"features have shape \(1, 4\): use \d rows or more"):
            measure(rows[:1], rows)
    with pytest.raises(ValueError, match="no points to measure"):
        metrics.mode_coverage(np.zeros((0, 2)), toys.ring())


def test_the_floor_is_the_distance_between_random_halves_by_the_matrix_root():
    rows = np.sort(np.random.default_rng(0).normal(size=(101, 3)), axis=0)  # in order: not alike
    for seed, floor in enumerate(metrics.frechet_floor(rows, count=4)):
        order = np.random.default_rng(seed).permutation(101)
        expected = by_matrix_root(rows[order[:51]], rows[order[51:]])
        assert floor == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_floor(rows).max() < metrics.frechet_distance(rows[:51], rows[51:]) / 5
    with pytest.raises(ValueError, match="2 rows or more"):
        metrics.frechet_floor(rows[:2])


def test_frechet_distance_of_few_equal_rows_is_not_negative():
    rows = np.random.default_rng(0).normal(size=(5, 64))
    assert 0 <= metrics.frechet_distance(rows, rows) < 1e-6


def test_frechet_distance_of_equals_is_nothing_also_where_features_are_dead():
    rows = np.random.default_rng(0).normal(size=(300, 5)) * [1, 1, 0, 0, 1]
    assert metrics.frechet_distance(rows, rows) == pytest.approx(0, abs=1e-6)
    single = gaussian_rows([0.0], np.eye(1)), gaussian_rows([2.0], 4 * np.eye(1))
    assert metrics.frechet_distance(*single) == pytest.approx(4 + 1, rel=1e-6)


def test_precision_and_recall_of_equal_disjoint_and_narrow_sets():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 3))
    assert metrics.precision_recall(rows, rows) == (1, 1)
    assert metrics.precision_recall(rows, rows + 100) == (0, 0)
    both = np.concatenate([rows[:300], rows[300:] + 100])
    assert metrics.precision_recall(both, rows[:300]) == (1, pytest.approx(0.5, abs=0.01))
    assert metrics.precision_recall(rows[:300], both) == (pytest.approx(0.5, abs=0.01), 1)


def test_precision_by_hand_on_a_line():
    real = np.array([[0.0], [1.0], [2.0], [3.0]])
    drawn = np.array([[-2.5], [-3.5], [4.9], [5.1]])
    precision, _ = metrics.precision_recall(real, drawn, neighbours=2)
    assert precision == 0.25
    precision, recall = metrics.precision_recall(real, drawn)
    assert (precision, recall) == (0.75, 1.0)


def test_class_histogram_is_scipys_divergence_from_equal_shares():
    chances = np.random.default_rng(0).dirichlet(np.ones(4) / 2, size=500)
    counts = np.bincount(chances.argmax(axis=1), minlength=4)
    shares, kl = metrics.class_histogram(chances)
    np.testing.assert_allclose(shares, counts / 500)
    assert kl == pytest.approx(np.log(4) - entropy(counts))


def test_class_histogram_of_equal_shares_and_of_one_class():
    shares, kl = metrics.class_histogram(np.tile(np.eye(5), (20, 1)))
    assert shares.tolist() == [0.2] * 5 and kl == pytest.approx(0, abs=1e-12)
    shares, kl = metrics.class_histogram(np.tile(np.eye(5)[2], (20, 1)))
    assert shares.tolist() == [0, 0, 1, 0, 0] and kl == pytest.approx(np.log(5))


def test_heatmaps_share_one_scale_and_one_list_of_names():
    tables = {"half": np.full((3, 4), 0.5), "all": np.ones((3, 4))}
    figure = metrics.heatmaps("shares", tables, ["a", "b", "c"])
    left, right, scale = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["a", "b", "c"]
    assert not any(label.get_text() for label in right.get_yticklabels())
    assert all(axes.images[0].get_clim() == (0, 1) for axes in (left, right))
    assert scale.get_ylabel() == "share" and left.get_xlabel() == "dimension"


def test_pca_of_pictures_with_more_values_than_there_are_pictures():
    train, test = pictures(40, 12), pictures(10, 12, seed=1) + 0.2
    flat, mean = train.reshape(40, -1), train.reshape(40, -1).mean(axis=0)
    away = test.reshape(10, -1) - mean
    directions = np.linalg.svd(flat - mean, full_matrices=False)[2]
    computed = metrics.pca_errors(train, test)
    assert computed.shape == (41,) and flat.shape[1] > 41
    for size in (1, 5, 20):
        rows = directions[:size]
        expected = np.mean((away - away @ rows.T @ rows) ** 2)
        rebuilt = metrics.pca_reconstruct(train, test, size)
        assert metrics.squared_error(test, rebuilt).mean() == pytest.approx(expected, rel=1e-2)
        assert computed[size] == pytest.approx(expected, rel=1e-2)
    assert computed[0] == pytest.approx(np.mean(away**2), rel=1e-4)


def test_mutual_information_refuses_bins_and_factors_that_tell_nothing():
    codes = np.random.default_rng(0).normal(size=(40, 2))
    for bins in (0, 2.5, np.nan):
        with pytest.raises(ValueError, match=f"bins is {bins}: use a whole number of 1 or more"):
            metrics.mutual_information(codes, {"smile": np.arange(40) % 2}, bins)
    with pytest.raises(ValueError, match="All values of hat are equal: there is nothing to tell"):
        metrics.mutual_information(codes, {"smile": np.arange(40) % 2, "hat": np.ones(40, int)})
