"""Why a film is not judged by what it shows, in the words that predictions, remarks and findings share.

`predictions.csv` and `metrics.json` hold them, so they never change.
"""

from __future__ import annotations

NO_LUNGS = "no lungs found: "  # of a film that is to be cropped to them; the reason follows
# By degrees clockwise, as remarks and an audit's findings say it.
ROTATED = {90: "rotated by 90 degrees clockwise", 180: "upside down", 270: "rotated by 90 degrees anticlockwise"}
# The same in words that follow "it". The gate learnt to say it before the lungs were looked for, and in degrees.
LOOKS_ROTATED = {90: f"looks {ROTATED[90]}", 180: "looks rotated by 180 degrees", 270: f"looks {ROTATED[270]}"}
