"""Sources of versions that have to be built or locked: an index, plain packages, commits, model files.

They stand above the room of versions, which names them by text alone, since they need uv.
"""
