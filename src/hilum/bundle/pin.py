"""The seal of the bundle that comes with Hilum. Nobody keeps a key for it: the package itself vouches for it.

Whoever writes `src/hilum/shipped` anew writes its new seal here; `tests/bundle/test_pin.py` says which it is.
"""

SHIPPED_SEAL = "fc7de788c63bbcbde140ef84fbeac371a28d8617903e597ff0ced675b649aa01"
