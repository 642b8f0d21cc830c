"""HTTP in, HTTP out: parse, hand over, map errors. No rules live here."""
