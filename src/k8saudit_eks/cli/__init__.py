"""The k8saudit-eks command; never imported by the plugin."""
