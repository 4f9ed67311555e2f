"""One file per format; each has ``render(result, ...) -> str``. JSON is versioned by its file's name."""
