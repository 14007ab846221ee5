"""How Sphinx builds this site; `make docs` does, with warnings as errors."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# Notebooks fill a pixel cache of their own, and read none that is there.
os.environ["HILUM_CACHE"] = tempfile.mkdtemp(prefix="hilum-docs-cache-")
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # tqdm's, of a notebook that nobody watches

import hilum  # noqa: E402

project = "Hilum"
author = "The Hilum authors"
copyright = "The Hilum authors, Apache-2.0"
version = release = hilum.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "reference_pages"]
exclude_patterns = ["_generated/*", "_ext/*"]
nitpicky = False
default_role = "code"  # docstrings write `name` for code

myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]

# Every build runs every notebook; one that fails, or takes minutes, fails the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"Hilum {release}"
html_extra_path = ["shipped-report.html"]
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
smartquotes_action = "D"  # dashes alone: what is quoted may be code
html_theme_options = {"navigation_with_keys": True}
