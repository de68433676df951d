"""ZeroMQ: what is published, what can be asked, and who may."""
