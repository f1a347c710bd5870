"""Fetch and verify everything, one line each: ``python -m helpers.data``."""

import sys
from functools import partial

from helpers.data import avatars, cache, sources


def _only_images(size: int, count: int) -> cache.Arrays:
    return {"images": avatars(size, count).images}


def main() -> None:
    """Fetch all that the labs need; what cannot be had is named."""
    datasets = sources.DATASETS.items()
    jobs = {dataset.title: partial(cache.load, name, dataset) for name, dataset in datasets}
    for size, count in ((32, 6000), (64, 12000)):
        jobs[f"{count:,} drawn faces"] = partial(_only_images, size, count)
    for title, load in jobs.items():
        try:
            megabytes = sum(array.nbytes for array in load().values()) / 1e6
            print(f"{title}: {megabytes:.0f} MB, verified")
        except cache.DataError as error:
            print(f"{error} Labs on other data work without it.", file=sys.stderr)


if __name__ == "__main__":
    main()
