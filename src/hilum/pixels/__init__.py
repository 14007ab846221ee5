"""From a file to the grey square that a model sees: decode, preprocess, and keep every film decoded once."""

from hilum.pixels.arrays import ArrayError, names_in, read_array
from hilum.pixels.decode import decode, grey_of_array, hash_film
from hilum.pixels.film_header import FilmHeader
from hilum.pixels.phantom import chest_phantom
from hilum.pixels.pixel_cache import PixelCache, cache
from hilum.pixels.preprocess import preprocess
from hilum.pixels.region import shows_whole, whole_film
from hilum.pixels.square import Square, read_square, square_of

__all__ = [
    "ArrayError", "FilmHeader", "PixelCache", "Square", "cache", "chest_phantom", "decode", "grey_of_array",
    "hash_film", "names_in", "preprocess", "read_array", "read_square", "shows_whole",
    "square_of", "whole_film",
]  # fmt: skip
