"""One cluster's audit log in CloudWatch Logs, polled."""
