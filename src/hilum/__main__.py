"""`python -m hilum`, which `torchrun -m hilum` starts too."""

from hilum.cli import main

main()
