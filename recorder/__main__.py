"""`python -m recorder` is `buildrec`."""

from recorder.cli import main

main()
