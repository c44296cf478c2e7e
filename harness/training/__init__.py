"""The training pipeline that ships with the harness: data, validation, fit, package.

A leaf: nothing of the harness imports it, and it meets the harness through the version package alone. It runs in
the locked environment of the model, so it imports nothing that such an environment may lack.
"""
