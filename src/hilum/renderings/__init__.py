"""Films and heat maps as pictures for a screen: a film's own 12 to 16 bits, windowed, and a heat map over them."""

from hilum.renderings.film_levels import read_levels
from hilum.renderings.heat_map import heat_layer, heat_on_film, over_film
from hilum.renderings.pictures import fitted, jpeg, png
from hilum.renderings.windowed import FilmLevels, FilmWindow, windowed

__all__ = [
    "FilmLevels",
    "FilmWindow",
    "fitted",
    "heat_layer",
    "heat_on_film",
    "jpeg",
    "over_film",
    "png",
    "read_levels",
    "windowed",
]
