"""A cluster's audit log without a cluster: a story, a local CloudWatch, a host, alerts."""
