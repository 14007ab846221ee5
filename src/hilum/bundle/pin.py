"""The seal of the bundle that comes with Hilum. Nobody keeps a key for it: the package itself vouches for it.

Whoever writes `src/hilum/shipped` anew writes its new seal here, as `python -m tests.bundle.make_shipped` does;
`tests/bundle/test_pin.py` says which it is.
"""

SHIPPED_SEAL = "74153083f18fec38ffedfecd32703b87a7e246c364886aa03187d3eaeaca1074"
