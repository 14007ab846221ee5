"""The seal of the bundle that comes with Hilum. Nobody keeps a key for it: the package itself vouches for it.

Whoever writes `src/hilum/shipped` anew writes its new seal here, as `python -m tests.bundle.make_shipped` does;
`tests/bundle/test_pin.py` says which it is.
"""

SHIPPED_SEAL = "df78c381c982653a445ee2bc88971da60fc55cd4313190dbf2cd07df0f035536"
