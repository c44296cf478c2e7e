"""The test bed: a house-price table whose truth is known, the same to the last bit on every machine.

Every value is a function of seed, column and row number alone, so that a table can be made in any number of parts.
"""
