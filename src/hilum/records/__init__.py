"""What travels between the stages: films, the manifest that lists them, predictions, and a figure with its interval.

Plain, frozen values that select, read and write themselves and show themselves in a notebook, and do nothing else, so
that every stage can import them and none needs to know another.
"""

from hilum.records.answer import ABSTENTIONS, NOT_JUDGED, NOT_SURE, Answer, answer_of
from hilum.records.figure import Figure
from hilum.records.listing import Listing, html_table, text_table
from hilum.records.manifest import SPLITS, Film, Manifest, is_manifest_header, read_manifest, write_manifest
from hilum.records.observation import Observation, Reading
from hilum.records.predictions import (
    ADDED_COLUMNS,
    Prediction,
    Predictions,
    csv_bytes,
    prediction_cells,
    prediction_columns,
    read_predictions,
    write_predictions,
)

__all__ = [
    "ABSTENTIONS",
    "ADDED_COLUMNS",
    "NOT_JUDGED",
    "NOT_SURE",
    "SPLITS",
    "Answer",
    "Figure",
    "Film",
    "Listing",
    "Manifest",
    "Observation",
    "Prediction",
    "Predictions",
    "Reading",
    "answer_of",
    "csv_bytes",
    "html_table",
    "is_manifest_header",
    "prediction_cells",
    "prediction_columns",
    "read_manifest",
    "read_predictions",
    "text_table",
    "write_manifest",
    "write_predictions",
]
