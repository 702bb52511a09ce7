"""What sound says of itself: tempo, key, loudness, quality and labels, measured from samples.

Everything here takes samples and gives values; files are opened in `domain/adapters/audio`.
"""
