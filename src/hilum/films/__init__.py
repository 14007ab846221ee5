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
from hilum.films.outline_list import read_outlines, write_outlines
from hilum.films.outline_shape import fault_of_shape, read_outline
from hilum.films.outlines import Outline, OutlinedFilms, match_outlines, split_outlined
from hilum.films.unclassified import find_unclassified

__all__ = [
    "Leak",
    "MatchedFilms",
    "Name",
    "Outline",
    "OutlinedFilms",
    "as_manifest",
    "choose_classes",
    "fault_of_shape",
    "find",
    "find_unclassified",
    "folds",
    "folds_by_group",
    "index",
    "labels_of",
    "leaks",
    "match_classes",
    "match_outlines",
    "parse_class_names",
    "pool_of",
    "read_name",
    "read_outline",
    "read_outlines",
    "refuse_leaks",
    "split_outlined",
    "write_outlines",
]
