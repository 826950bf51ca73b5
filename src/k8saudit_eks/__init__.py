"""Falco plugin that reads the Kubernetes audit log of EKS clusters from CloudWatch Logs."""

from __future__ import annotations

__all__ = ["EVENT_SOURCE", "PLUGIN_ID", "PLUGIN_NAME", "__version__"]

# The one place of the version: pyproject.toml and the library read it from here.
# Rule files written for the Go plugin ask for k8saudit-eks >= 0.12.0 within major 0.
__version__ = "0.100.0"

PLUGIN_NAME = "k8saudit-eks"
PLUGIN_ID = 9
EVENT_SOURCE = "k8s_audit"
