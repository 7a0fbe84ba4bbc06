"""Making models. Needs the packages of the extra `train`; whoever only scores does without this package."""
