"""The label-free side: robust statistics, VAE, ASTER."""
