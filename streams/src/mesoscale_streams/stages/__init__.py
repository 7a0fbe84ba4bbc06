"""Steps: what a stage does with a frame. Pure: no Kafka, no clock, event time is a column."""
