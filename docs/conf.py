"""How Sphinx builds the docs site: `make docs`. Nothing in its pages comes from a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import fhirconv

project = "fhirconv"
author = "the authors of fhirconv"
copyright = author
release = version = fhirconv.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "docs_site"]
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 4  # as code hosts make them
smartquotes = False  # '--option' and quotes of messages stand as they are
nitpick_ignore_regex = [("py:class", r"(?!fhirconv\.).*")]  # types of others: their indexes would have to be fetched
nitpick_ignore = [("py:class", "fhirconv.build.Build"), ("py:class", "fhirconv.schema.Section")]  # the inside
default_role = "code"  # docstrings have `names` in single backticks

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"fhirconv {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
