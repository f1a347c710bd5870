"""What does a code tell about its picture?

    active units    dimensions whose posterior mean moves with x: Var_x( z_mean ) > 0.01
    k-NN accuracy   do the codes of an unseen picture's neighbours carry its label?
    information gap how far one dimension alone tells a factor (Chen and others, arXiv:1802.04942):
                    mean over factors of ( I(best dimension) - I(next best) ) / H(factor)

Burda, Grosse and Salakhutdinov, arXiv:1509.00519 (active units).
"""

import numpy as np
from sklearn.metrics import mutual_info_score
from sklearn.neighbors import KNeighborsClassifier

from helpers import plots, runtime


def active_units(z_mean: np.ndarray) -> np.ndarray:
    """Which dimensions the encoder uses: variance of `z_mean` over images above 0.01.

    Args:
        z_mean: posterior means of many images, shape (n, latent).

    Returns:
        Booleans of shape (latent,) (Burda and others, arXiv:1509.00519, section 5.2).
    """
    return np.var(z_mean, axis=0) > 0.01


def knn_accuracy(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Share of test codes whose five nearest training codes vote for the right label.

    Args:
        train_codes: shape (n, latent).
        train_labels: shape (n,).
        test_codes: shape (m, latent).
        test_labels: shape (m,).

    Returns:
        Between 0 and 1 (scikit-learn's `KNeighborsClassifier`).
    """
    classifier = KNeighborsClassifier(5).fit(train_codes, train_labels)
    return float(classifier.score(test_codes, test_labels))


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
    runtime.check_count(bins=bins)
    if alike := [name for name, values in attributes.items() if len(np.unique(values)) < 2]:
        raise ValueError(f"All values of {', '.join(alike)} are equal: there is nothing to tell.")
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


def heatmaps(title: str, tables: dict[str, np.ndarray], factors: list[str]) -> plots.Figure:
    """What :func:`mutual_information` says of several models, from 0 (white) to 1, side by side.

    Args:
        title: above the figure.
        tables: name of the model to shares, shape (factors, latent).
        factors: their names, on the left.
    """
    size = (1.9 + 1.6 * len(tables), 1.2 + 0.26 * len(factors))
    picture, panels = plots.figure(title, 1, len(tables), size)
    for number, (axes, (name, table)) in enumerate(zip(panels, tables.items(), strict=True)):
        box = (0.5, table.shape[1] + 0.5, len(factors) - 0.5, -0.5)
        drawn = axes.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=box)
        axes.set_yticks(range(len(factors)), factors if number == 0 else [""] * len(factors))
        axes.set_xlabel("dimension")
        axes.set_title(name, fontsize=9)
    picture.colorbar(drawn, ax=panels.tolist(), label="share")
    return picture
