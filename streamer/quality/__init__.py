"""Faults of the signal, watched for all the time."""
