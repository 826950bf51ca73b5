"""The self-contained archive: the library, a Python of its own, and nothing else needed.

    libk8saudit-eks.so
    k8saudit-eks/lib/                       shared libraries, under names of their own
    k8saudit-eks/lib/pythonXY.zip           the standard library
    k8saudit-eks/lib/pythonX.Y/lib-dynload  extension modules
    k8saudit-eks/lib/pythonX.Y/site-packages
    k8saudit-eks/licenses/, sbom.cdx.json

csrc/python/python_home.c finds this layout from where the library lies.
"""

FOLDER = "k8saudit-eks"
"""The one folder beside the library; csrc/python/python_home.c knows the same name."""
