"""``python -m medq_node`` is ``medq-node``."""

from medq_node.cli import app

if __name__ == "__main__":
    app()
