"""Lines, their mean velocity and who follows it, against closed forms and SciPy's solver."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.integrate import solve_ivp

from helpers import flow, pretrained

RNG = np.random.default_rng(0)
MEAN, STD = np.array([2.0, -1.0]), np.array([0.5, 2.0])


def network(emit, width=2, conditions=0):
    """A velocity network that computes a formula of its inputs."""
    inputs = [keras.Input((w,)) for w in (width, 1, conditions) if w]
    return keras.Model(inputs, emit(*inputs))


def best(x, t, mean=MEAN, std=STD):
    """E[x1 - x0 | x_t] where x0 is from N(0, I) and x1 from N(mean, std^2): both are Gaussian."""
    slope = (t * std**2 - (1 - t)) / (t**2 * std**2 + (1 - t) ** 2)
    return slope * (x - t * mean) + mean


def bent(seed=0, width=2, conditions=0):
    """A small network of random weights, whose velocity changes with place and time."""
    keras.utils.set_random_seed(seed)

    def emit(*inputs):
        h = keras.layers.Dense(16, "tanh")(keras.layers.Concatenate()(inputs))
        return keras.layers.Dense(width)(h)

    return network(emit, width, conditions)


def test_a_line_begins_in_noise_ends_in_data_and_its_slope_is_its_velocity():
    x0, x1 = RNG.normal(size=(2, 5, 3))
    for t, end in ((0.0, x0), (1.0, x1)):
        np.testing.assert_allclose(flow.interpolate(x0, x1, np.full((5, 1), t))[0], end, rtol=1e-6)
    t = RNG.uniform(0.2, 0.8, (5, 1))
    after, before = (flow.interpolate(x0, x1, t + step)[0] for step in (0.1, -0.1))
    np.testing.assert_allclose((after - before) / 0.2, flow.interpolate(x0, x1, t)[1], atol=1e-5)


def lines(x1, seed=1):
    """x_t, t and u as a flow draws them: by networks that say what they are given."""
    shown = {}
    for name, emit in {"x_t": lambda x, t: x, "t": lambda x, t: t + 0 * x}.items():
        outputs = flow.Flow(network(emit), seed)(x1)
        shown[name] = np.array(outputs["velocity"])
    return shown["x_t"], shown["t"], np.array(outputs["line"])


def test_velocities_of_lines_to_gaussian_data_have_the_mean_of_the_closed_form():
    x1 = (MEAN + STD * RNG.normal(size=(200_000, 2))).astype("float32")
    x_t, t, u = lines(x1)
    x0 = x1 - u
    np.testing.assert_allclose(x_t, (1 - t) * x0 + t * x1, atol=1e-5)
    np.testing.assert_allclose(
        [x0.mean(), x0.std(), t.mean(), t.std()], [0, 1, 0.5, 12**-0.5], atol=0.01
    )
    for low in (0.0, 0.4, 0.9):
        here = (t[:, 0] > low) & (t[:, 0] < low + 0.1)
        for axis in range(2):
            expected = best(x_t[here], t[here])[:, axis]
            slope, offset = np.polyfit(expected, u[here, axis], 1)
            assert slope == pytest.approx(1, abs=0.05) and offset == pytest.approx(0, abs=0.1)


def test_the_least_loss_from_noise_to_noise_is_half_pi_for_each_number():
    """Var(x1 - x0 | x_t) = 1 / (t^2 + (1 - t)^2), whose integral from 0 to 1 is pi / 2."""
    x1 = RNG.normal(size=(200_000, 3)).astype("float32")
    for emit, expected in (
        (lambda x, t: best(x, t, mean=0.0, std=1.0), 3 * np.pi / 2),
        (lambda x, t: 0 * x, 3 * 2),
    ):
        model = flow.Flow(network(emit, width=3), seed=2)
        model.compile("sgd")
        loss = model.evaluate(x1, batch_size=20_000, verbose=0)
        assert loss == pytest.approx(expected, rel=0.005)


def test_steps_arrive_where_gaussian_data_lie_and_twice_as_many_halve_the_error():
    model, x0 = flow.Flow(network(best)), RNG.normal(size=(600, 2)).astype("float32")
    errors = [np.abs(model.sample(x0, n) - (MEAN + STD * x0)).mean() for n in (40, 80, 160)]
    assert errors[2] < 0.01
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.2)


def test_one_step_arrives_at_the_mean_of_the_data():
    x0 = RNG.normal(size=(50, 2)).astype("float32")
    np.testing.assert_allclose(
        flow.Flow(network(best)).sample(x0, 1), np.tile(MEAN, (50, 1)), atol=1e-5
    )


def test_the_path_is_that_of_scipys_solver():
    net, x0 = bent(), RNG.normal(size=(3, 2)).astype("float32")

    def slope(t, x):
        return np.array(net([x.reshape(3, 2), np.full((3, 1), t)])).ravel()

    times = np.linspace(0, 1, 201)
    solved = solve_ivp(slope, (0, 1), x0.ravel(), t_eval=times, rtol=1e-6).y.T.reshape(201, 3, 2)
    path = flow.Flow(net).path(x0, 200)
    assert path.shape == (201, 3, 2) and np.abs(solved[-1] - x0).max() > 0.3
    np.testing.assert_allclose(path, solved, atol=0.01)
    np.testing.assert_array_equal(path[0], x0)


def test_each_point_follows_its_own_condition_however_many_there_are():
    net, (x0, told) = bent(conditions=1), RNG.normal(size=(2, 1100, 2)).astype("float32")
    model, told = flow.Flow(net), told[:, :1]
    whole = model.path(x0, 3, told)
    assert whole.shape == (4, 1100, 2)
    few = [0, 499, 500, 1099]
    np.testing.assert_allclose(whole[:, few], model.path(x0[few], 3, told[few]), atol=1e-6)
    assert np.abs(whole[-1] - model.sample(x0, 3, told[::-1])).max() > 0.1


def test_training_finds_the_velocity_and_a_saved_flow_goes_the_same_way(tmp_path):
    x1 = (MEAN + 0.5 * RNG.normal(size=(5120, 2))).astype("float32")
    keras.utils.set_random_seed(0)
    model = flow.Flow(bent(), seed=0)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    model.fit(x1, epochs=6, verbose=0)
    x0 = RNG.normal(size=(500, 2)).astype("float32")
    drawn = model.sample(x0, 20)
    np.testing.assert_allclose(drawn.mean(axis=0), MEAN, atol=0.15)
    np.testing.assert_allclose(drawn.std(axis=0), 0.5, atol=0.15)
    model.save(tmp_path / "flow.keras")
    np.testing.assert_array_equal(pretrained.load(tmp_path / "flow.keras").sample(x0, 20), drawn)


POINTS, TOLD = RNG.normal(size=(8, 2)), np.ones((8, 3))


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (POINTS, POINTS + 1, r"A flow has no targets: leave y out; labels go in as fit\(\[x, c"),
        ([POINTS, TOLD], None, r"learns from x, one array: call fit\(x, one array\)"),
        (POINTS[:, :1], None, r"data have shape \(8, 1\): use \(n, 2\), n of 1 or more"),
        (POINTS[0], None, r"data have shape \(2,\): use \(n, 2\)"),
        (POINTS[:0], None, r"data have shape \(0, 2\): use \(n, 2\), n of 1 or more"),
        ("points", None, r"data have shape \(\): use \(n, 2\)"),
        (np.where(POINTS > 1, np.nan, POINTS), None, "Some numbers are not finite"),
    ],
)
def test_data_that_a_flow_cannot_train_on(x, y, sentence):
    model = flow.Flow(bent())
    model.compile("sgd")
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=sentence):
            call(x, y)


def test_what_a_flow_told_conditions_refuses():
    model = flow.Flow(bent(conditions=3))
    model.compile("sgd")
    for x, sentence in (
        (POINTS, r"learns from \[x, conditions\]: call fit\(\[x, conditions\]\)"),
        ([POINTS, TOLD[:5]], r"\(8, 2\) and \(5, 3\): use \(n, 2\) and \(n, 3\)"),
    ):
        with pytest.raises(ValueError, match=sentence):
            model.fit(x)
    with pytest.raises(ValueError, match=r"shape \(8, 2\): use \(n, 2\) and \(n, 3\)"):
        model.sample(POINTS, 2)
    with pytest.raises(ValueError, match="steps is 0: use a whole number of 1 or more"):
        model.sample(POINTS, 0, TOLD)


def test_networks_and_losses_that_do_not_fit_a_flow():
    wrong = [
        network(lambda x, t: x[:, :1]),
        network(lambda x, t: t, width=3),
        keras.Model(i := keras.Input((2,)), i),
        keras.Model([i := keras.Input((2,)), keras.Input((2,))], i),
    ]
    for net in wrong:
        with pytest.raises(ValueError, match=r"let it take \[x, t\], or \[x, t, conditions\]"):
            flow.Flow(net)
    model = flow.Flow(bent())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="A flow brings its own loss: compile it without a loss"):
        model.fit(POINTS)


def test_half_precision_is_kept_to_the_network():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = flow.Flow(bent(), seed=0)
        assert {str(part.dtype) for part in model(POINTS).values()} == {"<dtype: 'float32'>"}
        assert model.path(POINTS, 2).dtype == np.float32
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_velocity_is_asked_at_the_beginning_of_each_step():
    """Of dx/dt = t the left sum, which lacks 1 / (2 n) of the integral."""
    model = flow.Flow(network(lambda x, t: t + ops.zeros_like(x)))
    for steps in (1, 4, 10):
        arrived = model.sample(np.zeros((1, 2)), steps)
        np.testing.assert_allclose(arrived, 0.5 - 0.5 / steps, atol=1e-6)


def test_a_flow_built_again_from_its_settings_draws_the_same_lines():
    model = flow.Flow(bent(), seed=5)
    again = flow.Flow.from_config(model.get_config())
    np.testing.assert_array_equal(again(POINTS)["line"], model(POINTS)["line"])
