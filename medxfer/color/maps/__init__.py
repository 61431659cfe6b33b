"""The kinds of colormaps, one file each: every file here is found by itself, and read when a name is asked for."""
