"""From numbers to probabilities: scikit-learn pipelines, the steps of our own, and their file without pickle."""
