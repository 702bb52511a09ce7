"""A made-up catalog of any size, equal for equal seeds: for trying the product, and for measuring it."""
