"""The operator beside others on a real API server: what a child costs, and what a change, a restart and a rest cost."""
