"""How good is it, in numbers that can be compared?

    bounds        nats per picture: test bound, IWAE bound
    codes         what a code tells: active units, k-NN accuracy, mutual information
    pictures      squared error, PSNR, SSIM, spectra; PCA, the line to beat
    networks      how much a network computes, and what a layer looks at
    generators    modes covered, CNN-FD, precision and recall, in the eyes of a judge
    filters       classical denoisers, a network's rivals

All but the filters are called from here: ``metrics.psnr(images, reconstructions)``.
"""

from helpers.metrics.bounds import (
    binarise,
    evidence_bound,
    iwae_bound,
    kl_per_dimension,
    score_gaussian_vae,
    score_vae,
)
from helpers.metrics.codes import (
    active_units,
    heatmaps,
    information_gap,
    knn_accuracy,
    mutual_information,
)
from helpers.metrics.generators import (
    attribute_effect,
    class_histogram,
    confidence,
    frechet_distance,
    frechet_floor,
    inside_region,
    mode_coverage,
    precision_recall,
    read_attributes,
    read_features,
    read_pictures,
    score_features,
    score_pictures,
)
from helpers.metrics.networks import (
    busiest_channels,
    multiply_adds,
)
from helpers.metrics.pictures import (
    chequerboard,
    nearest_images,
    pca_errors,
    pca_reconstruct,
    power_spectrum,
    psnr,
    radial_power,
    score_autoencoder,
    score_denoiser,
    squared_error,
    ssim,
)

__all__ = [
    "active_units",
    "attribute_effect",
    "binarise",
    "busiest_channels",
    "chequerboard",
    "class_histogram",
    "confidence",
    "evidence_bound",
    "frechet_distance",
    "frechet_floor",
    "heatmaps",
    "information_gap",
    "inside_region",
    "iwae_bound",
    "kl_per_dimension",
    "knn_accuracy",
    "mode_coverage",
    "multiply_adds",
    "mutual_information",
    "nearest_images",
    "pca_errors",
    "pca_reconstruct",
    "power_spectrum",
    "precision_recall",
    "psnr",
    "radial_power",
    "read_attributes",
    "read_features",
    "read_pictures",
    "score_autoencoder",
    "score_denoiser",
    "score_features",
    "score_gaussian_vae",
    "score_pictures",
    "score_vae",
    "squared_error",
    "ssim",
]
