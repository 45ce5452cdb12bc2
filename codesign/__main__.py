"""`python -m codesign`: the command line without its installed script."""

from codesign.cli import main

main()
