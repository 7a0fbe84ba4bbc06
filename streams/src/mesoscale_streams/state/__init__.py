"""What a stage remembers between batches: columnar, by input partition, and logged so that nothing of it is lost."""
