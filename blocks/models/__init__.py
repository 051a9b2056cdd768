"""Models behind the seam that the tracker drives them through, and the catalog of them."""
