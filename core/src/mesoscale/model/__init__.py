"""The typed document: one module per section of `spec`, with every default."""

from mesoscale.model.pipeline import Metadata, Pipeline, Spec

__all__ = ["Metadata", "Pipeline", "Spec"]
