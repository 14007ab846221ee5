"""Find films on disk, read their labels and patients from folders, tables and names, and assign splits.

    manifest = films.index("chest_xray")     # labelled films, cut by patient; manifest.notes for a person
    manifest = films.find(["inbox/"])        # unlabelled films, for predicting

What comes out is a `hilum.records.Manifest`; no later stage asks a folder again.
"""

from hilum.films.class_names import MatchedFilms, match_classes, parse_class_names
from hilum.films.classes import choose_classes, labels_of
from hilum.films.cross_validation import folds, folds_by_group, pool_of
from hilum.films.index import as_manifest, find, index
from hilum.films.leaks import Leak, leaks, refuse_leaks
from hilum.films.names import Name, read_name

__all__ = [
    "Leak",
    "MatchedFilms",
    "Name",
    "as_manifest",
    "choose_classes",
    "find",
    "folds",
    "folds_by_group",
    "index",
    "labels_of",
    "leaks",
    "match_classes",
    "parse_class_names",
    "pool_of",
    "read_name",
    "refuse_leaks",
]
