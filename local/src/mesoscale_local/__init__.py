"""The one-machine driver: it prepares services, applies a plan and supervises its programs."""
