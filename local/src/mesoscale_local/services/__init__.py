"""The real servers of one machine, Kafka and PostgreSQL: from packages to bindings, without a container."""
