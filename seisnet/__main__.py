"""``python -m seisnet``."""

from seisnet.cli import main

if __name__ == "__main__":
    main()
