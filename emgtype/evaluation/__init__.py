"""Evaluation of bundles over whole sessions, from one session to a data set on a cluster."""
