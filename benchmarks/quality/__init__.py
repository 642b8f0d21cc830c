"""Measurements of quality, a module a subject: each has ``rows()`` and prints them as a Markdown table."""
