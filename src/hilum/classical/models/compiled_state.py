"""What compiled code follows without looking: indices of trees, lengths of a support vector machine's arrays.

scikit-learn fits them right and never checks them again. Out of a file they can be anything, and a process that
follows them out of its memory crashes, or reads what is none of its business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def refuse_wild(pipeline: Any) -> None:
    """Raise ValueError where predicting by a pipeline that was read from a file would leave its own arrays."""
    classifier = pipeline.steps[-1][1]
    for estimator in getattr(classifier, "estimators_", ()):
        tree = estimator.tree_
        nodes = tree.__getstate__()["nodes"]
        features = min(classifier.n_features_in_, estimator.n_features_in_, tree.n_features)
        _refuse_wild_tree(
            nodes["left_child"], nodes["right_child"], nodes["feature"], nodes["left_child"] < 0, features
        )
    for together in getattr(classifier, "_predictors", ()):
        for predictor in together:
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ValueError("a decision tree asks for categories, and films are described by numbers")
            _refuse_wild_tree(
                nodes["left"],
                nodes["right"],
                nodes["feature_idx"],
                nodes["is_leaf"].astype(bool),
                classifier.n_features_in_,
            )
    for machine in _machines(classifier):
        _refuse_wild_machine(machine)


def _refuse_wild_tree(left: Any, right: Any, feature: Any, leaf: Any, features: int) -> None:
    """Raise ValueError where a tree would be followed out of its own nodes, or round in circles."""
    places = np.arange(len(left))[~leaf]
    for child in (left[~leaf].astype(np.int64), right[~leaf].astype(np.int64)):
        if not ((child > places) & (child < len(left))).all():
            raise ValueError("a decision tree points out of itself")
    looked_at = feature[~leaf].astype(np.int64)
    if not len(left) or not ((looked_at >= 0) & (looked_at < features)).all():
        raise ValueError("a decision tree looks at numbers that there are not")


def _machines(classifier: Any) -> Iterator[Any]:
    """The support vector machines in a classifier: itself, or those whose margins it calibrates."""
    inner = (getattr(each, "estimator", None) for each in getattr(classifier, "calibrated_classifiers_", ()))
    yield from (each for each in (classifier, *inner) if hasattr(each, "support_vectors_"))


def _refuse_wild_machine(machine: Any) -> None:
    """Raise ValueError where LIBSVM would read beyond a machine's arrays, whose lengths it takes from one of them."""
    vectors, counts, classes = machine.support_vectors_, machine._n_support, len(machine.classes_)
    pairs = classes * (classes - 1) // 2
    expected = {
        "support_": (len(vectors),),
        "support_vectors_": (len(vectors), machine.n_features_in_),
        "_n_support": (classes,),
        "_dual_coef_": (classes - 1, len(vectors)),
        "_intercept_": (pairs,),
    }
    for name, shape in expected.items():
        if getattr(machine, name).shape != shape:
            raise ValueError("a support vector machine's arrays do not fit together")
    if (counts < 0).any() or int(counts.sum()) != len(vectors):
        raise ValueError("a support vector machine counts other vectors than it has")
    if {len(machine._probA), len(machine._probB)} - {0, pairs} or len(machine._probA) != len(machine._probB):
        raise ValueError("a support vector machine's probabilities are of other classes than it")
    if (machine._impl, machine.kernel, machine._sparse) != ("c_svc", "rbf", False):
        raise ValueError("a support vector machine of another kind than recipes know")
