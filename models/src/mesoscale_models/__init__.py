"""Models inside streams: the features they read, how they are trained and judged, and how they score a batch."""
