"""Whatever opens files of sound, containers, programs and weights."""
