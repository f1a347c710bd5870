"""Fetch and verify everything: ``python -m helpers.data``."""

from helpers import data

data.main()
