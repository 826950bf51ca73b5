"""python -m k8saudit_eks.cli"""

from __future__ import annotations

from k8saudit_eks.cli.main import main

if __name__ == "__main__":
    main()
