"""Rights: availability against a reference that is slow and plain."""
