"""The seal of the bundle that comes with Hilum. Nobody keeps a key for it: the package itself vouches for it.

Whoever writes `src/hilum/shipped` anew writes its new seal here, as `python -m tests.bundle.make_shipped` does;
`tests/bundle/test_pin.py` says which it is.
"""

SHIPPED_SEAL = "b5b7f672b7cd2372596faf88a7851707c1d74fc40a2c6f4aa922f9c8e4db6f8c"
