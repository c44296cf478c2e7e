"""A differential and regression testing harness for model versions."""

__version__ = "0.1.0"
