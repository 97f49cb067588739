"""ASTER: latent generator, gradient reversal, Transformer classifier (Hermary et al., arXiv 2604.13924)."""
