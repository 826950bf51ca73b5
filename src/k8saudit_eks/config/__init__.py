"""The configuration: the table of init_config's keys, its checks, and open_params."""
