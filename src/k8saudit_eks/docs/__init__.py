"""The generated parts of docs/: for builds and tests, never in a host."""
