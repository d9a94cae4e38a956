"""The reference picture of `--image`: read, cut out of its background, centred, compared with."""
