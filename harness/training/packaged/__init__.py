"""What is copied whole into every package that training makes, since a version has to carry its own code (law 9).

Nothing here is imported by the harness, and nothing of the harness is imported here.
"""
