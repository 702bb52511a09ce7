"""Vectors of entities, each in the space of the model that made it, and what lies near what."""
