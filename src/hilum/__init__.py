"""Hilum: from a folder of chest X-rays to a pneumonia detector that you can trust, on an ordinary computer.

    films = hilum.index("chest_xray")
    run = hilum.train("s1-cnn", films)
    hilum.Detector(run.bundle).predict("film.png")
    hilum.evaluate(run.bundle, films, split="val").auroc

What `__all__` lists is public; anything else may change with any version. Each name is imported when it is first
used, so that `import hilum` costs nothing and predicting loads no torch.

A film goes through the packages in this order:
`films` → `pixels` → `batches` → `models` → `training` → `bundle` → `inference` → `metrics`, `evaluation`.

Decision support for research, never a diagnosis.
"""

import os

# Nothing is sent anywhere: ONNX Runtime and Ray read these as they are imported, in worker processes too. What else
# libraries are kept from (`places.confine_libraries`) follows with the first name that is used.
for _telemetry, _off in (("ORT_DISABLE_TELEMETRY", "1"), ("RAY_USAGE_STATS_ENABLED", "0")):
    os.environ.setdefault(_telemetry, _off)

TYPE_CHECKING = False  # type checkers take it as true; importing it from typing would take longer than all of this
if TYPE_CHECKING:
    from hilum.auditing import Audit, audit
    from hilum.comparison import Comparison
    from hilum.errors import BundleError, FilmError, HilumError, LayoutError, RecipeError, RequestError
    from hilum.evaluation import Evaluation, read_metrics
    from hilum.explanation import Explanations
    from hilum.films.index import index
    from hilum.inference import Detector
    from hilum.models import ModelInfo, list_models
    from hilum.recipe import (
        Recipe,
        RecipeInfo,
        list_recipes,
        parse_recipe,
        read_recipe,
        recipe_text,
        with_settings,
        write_recipe,
    )
    from hilum.records import (
        Figure,
        Film,
        Manifest,
        Prediction,
        Predictions,
        read_manifest,
        read_predictions,
        write_manifest,
        write_predictions,
    )
    from hilum.tuning import StudySummary
    from hilum.workflows.adapt import Adapted, adapt
    from hilum.workflows.calibrate import calibrate
    from hilum.workflows.compare import compare
    from hilum.workflows.evaluate import evaluate
    from hilum.workflows.explain import explain
    from hilum.workflows.export import export
    from hilum.workflows.fuse import FusedBundle, fuse
    from hilum.workflows.preprocess import draw_preprocessing
    from hilum.workflows.run import Run, read_run
    from hilum.workflows.train import resume, train
    from hilum.workflows.tune import tune

__version__ = "0.2.0"

__all__ = [
    "Adapted",
    "Audit",
    "BundleError",
    "Comparison",
    "Detector",
    "Evaluation",
    "Explanations",
    "Figure",
    "Film",
    "FilmError",
    "FusedBundle",
    "HilumError",
    "LayoutError",
    "Manifest",
    "ModelInfo",
    "Prediction",
    "Predictions",
    "Recipe",
    "RecipeError",
    "RecipeInfo",
    "RequestError",
    "Run",
    "StudySummary",
    "adapt",
    "audit",
    "calibrate",
    "compare",
    "draw_preprocessing",
    "evaluate",
    "explain",
    "export",
    "fuse",
    "index",
    "list_models",
    "list_recipes",
    "parse_recipe",
    "read_manifest",
    "read_metrics",
    "read_predictions",
    "read_recipe",
    "read_run",
    "recipe_text",
    "resume",
    "train",
    "tune",
    "with_settings",
    "write_manifest",
    "write_predictions",
    "write_recipe",
]

# Where each public name is defined: what the type checker reads above, for the interpreter.
_MODULES = {
    "hilum.comparison": ("Comparison",),
    "hilum.explanation": ("Explanations",),
    "hilum.tuning": ("StudySummary",),
    "hilum.workflows.tune": ("tune",),
    "hilum.auditing": (
        "Audit",
        "audit",
    ),
    "hilum.errors": ("BundleError", "FilmError", "HilumError", "LayoutError", "RecipeError", "RequestError"),
    "hilum.evaluation": ("Evaluation", "read_metrics"),
    "hilum.films.index": ("index",),
    "hilum.inference": ("Detector",),
    "hilum.models": ("ModelInfo", "list_models"),
    "hilum.recipe": (
        "Recipe",
        "RecipeInfo",
        "list_recipes",
        "parse_recipe",
        "read_recipe",
        "recipe_text",
        "with_settings",
        "write_recipe",
    ),
    "hilum.records": (
        "Figure",
        "Film",
        "Manifest",
        "Prediction",
        "Predictions",
        "read_manifest",
        "read_predictions",
        "write_manifest",
        "write_predictions",
    ),
    "hilum.workflows.adapt": ("Adapted", "adapt"),
    "hilum.workflows.calibrate": ("calibrate",),
    "hilum.workflows.compare": ("compare",),
    "hilum.workflows.evaluate": ("evaluate",),
    "hilum.workflows.explain": ("explain",),
    "hilum.workflows.export": ("export",),
    "hilum.workflows.fuse": (
        "FusedBundle",
        "fuse",
    ),
    "hilum.workflows.preprocess": ("draw_preprocessing",),
    "hilum.workflows.run": ("Run", "read_run"),
    "hilum.workflows.train": ("resume", "train"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hilum' has no attribute '{name}'")
    from importlib import import_module

    from hilum.places import confine_libraries

    confine_libraries()
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
