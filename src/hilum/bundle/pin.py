"""The seal of the bundle that comes with Hilum. Nobody keeps a key for it: the package itself vouches for it.

Whoever writes `src/hilum/shipped` anew writes its new seal here, as `python -m tests.bundle.make_shipped` does;
`tests/bundle/test_pin.py` says which it is.
"""

SHIPPED_SEAL = "53aa9e9a246e917910b3e565afcb4f80cac85deefcc1789e96d034af5ad68dda"
