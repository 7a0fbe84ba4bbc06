"""The cluster driver: watches documents and their children, and keeps the two equal."""
