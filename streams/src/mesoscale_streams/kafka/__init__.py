"""Kafka: reading as a member of a group, writing in transactions, and the positions of sources.

The only package here that imports confluent_kafka.
"""
