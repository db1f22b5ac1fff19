"""Runs `buildrec serve` on a free port with other metadata; a script, not a module.

`python serve_script.py DATABASE METADATA`: the metadata has a `select 1` beside our own queries.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from recorder.publish import site
from recorder.publish.serve import serve

_real = site.folder()
with tempfile.TemporaryDirectory() as _folder:
    shutil.copytree(_real / "templates", Path(_folder, "templates"))
    shutil.copy(sys.argv[2], Path(_folder, "metadata.yml"))
    site.folder = lambda: Path(_folder)
    serve(Path(sys.argv[1]), port=0)
