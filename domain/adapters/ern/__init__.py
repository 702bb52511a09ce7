"""DDEX ERN: hostile-XML guard, detection by namespace, readers of each version, judgement by XSD."""
